"""The pages on a port of this machine, until Ctrl-C."""

import errno
import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import uvicorn

from cotfaith.errors import InputError
from cotfaith.store.store import Store
from cotfaith.view.app import app

LOOPBACK = "127.0.0.1"


def serve(folder: Path, port: int, say: Callable[[str], None], *, opens: bool = False) -> None:
    """Serve a run's pages to this machine alone; `say` gets their address. Ends with Ctrl-C.

    Port 0 takes one that is free. `opens` hands the address to the browser.
    """
    Store.open(folder).close()
    token = secrets.token_urlsafe(24)
    with closing(_listening(port)) as listener:
        address = f"http://{LOOPBACK}:{listener.getsockname()[1]}/{token}/"
        say(f"{address}\nOnly from this machine, and only with the whole address. Ctrl-C ends it.")
        config = uvicorn.Config(
            app(folder, token), log_level="warning", access_log=False, lifespan="off",
            server_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        if opens:
            webbrowser.open(address)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            say("Ended.")


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise InputError(f"port {port}: {error.strerror}. Leave --port out to take a free one.") from error
    listener.listen()
    return listener
