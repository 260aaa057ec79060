"""`cotfaith view` as a process of its own."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """Yield the address that it prints; end it by Ctrl-C, and see that it ends well."""
    command = [sys.executable, "-m", "cotfaith", "view", str(folder), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield process.stderr.readline().strip()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
        assert (process.returncode, said.splitlines()[-1]) == (0, "Ended.")
    finally:
        process.kill()
        process.wait()
