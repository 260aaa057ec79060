"""One writer a run: a lock that the system frees when its holder ends, however it ends.

On a file system of several machines it depends on how that is mounted whether the others see the lock.
"""

import errno
import fcntl
import os
from pathlib import Path

from cotfaith.errors import InputError
from cotfaith.store.filesystem import shared_kind

WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class Lock:
    """Held from its making to its release. The file stays, with the process id of who held it last.

    On a file system of several machines the machine's name stands beside the id.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 100).decode(errors="replace").strip()
            self.release()
            raise InputError(
                f"{path.parent}: process {holder or 'unknown'} is writing to this run. Wait until it has "
                "ended, or give --out another folder."
            ) from error
        except OSError as error:
            self.release()
            kind = shared_kind(path.parent) or "unknown"
            if error.errno not in WITHOUT_LOCKS:
                raise
            raise InputError(
                f"{path.parent}: the file system there ({kind}) has no locks; "
                "without them two processes could spoil the run. Give --out a folder on a disk of this "
                "machine, or have it mounted with locks."
            ) from error
        holder = f"{os.getpid()} on {os.uname().nodename}" if shared_kind(path.parent) else f"{os.getpid()}"
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{holder}\n".encode(), 0)

    def release(self) -> None:
        """Let others write; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
