"""On which kind of file system a folder is: on one that other machines share, SQLite needs other settings."""

import re
from pathlib import Path

MOUNTS = Path("/proc/mounts")
SHARED = {
    "nfs", "nfs4", "lustre", "cifs", "smb", "smb2", "smb3", "smbfs", "gpfs", "beegfs", "beegfs_nodev", "ceph",
    "glusterfs", "afs", "autofs", "9p", "virtiofs", "panfs", "wekafs", "pvfs2", "orangefs", "gfs2", "ocfs2",
    "davfs", "coda", "ncpfs", "vboxsf", "prl_fs",
}  # fmt: skip
"""Those of other machines, beside all that run outside of the kernel (`fuse.sshfs`, …)."""


def shared_kind(folder: Path) -> str | None:
    """Return the kind of the file system, e.g. nfs4, if it may be another machine's, else None.

    Where the system does not tell its mounts, it is taken for this one's.
    """
    place = folder.resolve()  # which also has an automounter mount it
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    kind = kind_of(place, mounts)
    return kind if kind in SHARED or kind.startswith("fuse.") else None


def kind_of(path: Path, mounts: str) -> str:
    """Return the kind of the file system of an absolute path in a table of mounts; empty if none has it.

    The innermost mount counts, and of several at one place the last.
    """
    found, depth = "", -1
    for line in mounts.splitlines():
        columns = line.split(" ")
        if len(columns) < 3:
            continue
        place = Path(_unescaped(columns[1]))
        if path.is_relative_to(place) and len(place.parts) >= depth:
            found, depth = columns[2], len(place.parts)
    return found


def _unescaped(place: str) -> str:
    """Return a path as it is: the table writes spaces and the like as octal numbers of their bytes."""
    raw = re.sub(
        rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), place.encode(errors="surrogateescape")
    )
    return raw.decode(errors="replace")
