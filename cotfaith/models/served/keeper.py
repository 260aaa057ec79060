"""Keeps a server as long as the process lives that began it, and ends all that the server has begun.

`python -m cotfaith.models.served.keeper COMMAND …`: its standard input is a pipe that ends with that process,
however it ends. Killed from outside, a server of vLLM leaves its engine running: its whole group is ended.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE = 20
"""Seconds in which a server may end by itself."""


def main() -> None:
    """Run a command until it ends or the pipe does; exit as it did."""
    child = subprocess.Popen(  # noqa: S603 the command is the user's
        sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True
    )
    threading.Thread(target=_end_with_pipe, args=(child,), daemon=True).start()
    status = child.wait()
    _signal(child, signal.SIGKILL)
    sys.exit(status)


def _end_with_pipe(child: subprocess.Popen[bytes]) -> None:
    sys.stdin.buffer.read()
    _signal(child, signal.SIGTERM)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], sign: int) -> None:
    try:
        os.killpg(child.pid, sign)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    main()
