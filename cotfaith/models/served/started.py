"""A server that is started here: `vllm serve` from any environment, which ends with this process."""

import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from dataclasses import dataclass, field
from functools import cached_property

from cotfaith.errors import InputError
from cotfaith.models.model import ModelSettings
from cotfaith.models.served import keeper
from cotfaith.models.served.address import Address
from cotfaith.models.served.server import Server
from cotfaith.models.served.wire import Wire
from cotfaith.schema import Abilities

COMMAND = "COTFAITH_VLLM"
"""The variable that names the `vllm` to start, with arguments if need be; otherwise the one on the PATH."""
START_SECONDS = 1800
LOOK_EVERY = 0.5
LAST_LINES = 12
NAME = "model"


@dataclass(frozen=True)
class Started:
    """A server for one model, started when it is first asked for."""

    root: str
    """A directory or a hub name."""
    settings: ModelSettings
    context: int
    assumed: Abilities = field(default_factory=Abilities)

    def server(self) -> Server:
        """Start the server and wait until it answers; InputError with its last lines where it ends."""
        process = _Process(self._command, self._key)
        address = Address(f"http://127.0.0.1:{self._port}/v1", self._key)
        serving = self.settings.serving
        process.wait_for(self._port)
        wire = Wire(address, serving.at_once, serving.patience)
        wire.ended = process.ended
        server = Server(wire, NAME)
        weakref.finalize(server, process.end)
        return server

    @property
    def _command(self) -> list[str]:
        asked = shlex.split(os.environ.get(COMMAND, "vllm"))
        found = shutil.which(asked[0]) if asked else None
        if found is None:
            raise InputError(
                f"model vllm:{self.root}: there is no `{' '.join(asked) or 'vllm'}` to start. Install vLLM "
                f"into an environment of its own, and name its `vllm` in ${COMMAND}."
            )
        trusted = ["--trust-remote-code"] if self.settings.trust_remote_code else []
        return [
            found, "serve", self.root, *asked[1:], *trusted, "--host", "127.0.0.1", "--port", str(self._port),
            "--served-model-name", NAME, "--dtype", self.settings.dtype, "--generation-config", "vllm",
        ]  # fmt: skip

    @cached_property
    def _port(self) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return int(free.getsockname()[1])

    @cached_property
    def _key(self) -> str:
        return secrets.token_urlsafe(24)


class _Process:
    """The server's keeper, and what they print."""

    def __init__(self, command: list[str], key: str) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 it is read as long as the server runs
        environment = os.environ | {"VLLM_API_KEY": key, "VLLM_NO_USAGE_STATS": "1"}
        self._keeper = subprocess.Popen(  # noqa: S603 the command is the user's
            [sys.executable, "-m", keeper.__name__, *command],
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )

    def wait_for(self, port: int) -> None:
        """Wait until the server is well."""
        begun = time.monotonic()
        while not _well(port):
            if self._keeper.poll() is not None or time.monotonic() - begun > START_SECONDS:
                said = self._last_lines()
                self.end()
                raise InputError(f"`vllm serve` did not come up. Its last lines:\n{said}")
            time.sleep(LOOK_EVERY)

    def ended(self) -> str:
        """Say that the server has ended by itself, with its last lines; nothing where it runs."""
        if self._keeper.poll() is None:
            return ""
        return (
            "`vllm serve` has ended. What was measured is kept; the same command goes on. Its last lines:\n"
            + self._last_lines()
        )

    def end(self) -> None:
        """End the server and all that it has begun."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait(2 * keeper.GRACE)
        self._said.close()

    def _last_lines(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])


def _well(port: int) -> bool:
    import httpx2

    try:
        with httpx2.Client(trust_env=False, timeout=5) as client:
            return client.get(f"http://127.0.0.1:{port}/health").status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False
