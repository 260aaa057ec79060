"""One writer a run: a lock that the system frees when its holder ends, however it ends."""

import fcntl
import os
from pathlib import Path

from cotfaith.errors import InputError


class Lock:
    """Held from its making to its release. The file stays, with the process id of who held it last."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 20).decode(errors="replace").strip()
            self.release()
            raise InputError(
                f"{path.parent}: process {holder or 'unknown'} is writing to this run. Wait until it has "
                "ended, or give --out another folder."
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others write; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
