"""Run folders on file systems that several machines share."""

import errno
import fcntl
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cotfaith.errors import InputError
from cotfaith.store import filesystem
from cotfaith.store.filesystem import kind_of, shared_kind
from cotfaith.store.lock import Lock
from cotfaith.store.merging import merge
from cotfaith.store.store import Store
from tests.rows import rows, sound, unequal
from tests.scripted import STUDY, Scripted, measure

MOUNTS = r"""overlay / overlay rw,relatime,lowerdir=/a:/b 0 0
proc /proc proc rw 0 0
auto.home /home autofs rw,fd=5 0 0
filer:/vol/ada /home/ada nfs4 rw,vers=4.2,local_lock=none 0 0
/dev/nvme0n1 /home/ada/scratch xfs rw 0 0
10.0.0.1@o2ib:/work /work lustre rw,flock 0 0
//nas/team /mnt/team\040files cifs rw 0 0
ada@there: /mnt/caf\303\251 fuse.sshfs rw 0 0
/dev/sdb1 /data ext4 rw 0 0
beegfs_nodev /data beegfs rw 0 0
/dev/sdc1 /mnt/disk fuseblk rw 0 0
a line that is none
short
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/run", "overlay"),
        ("/home/bob/run", "autofs"),
        ("/home/ada/run", "nfs4"),
        ("/home/ada", "nfs4"),
        ("/home/adam/run", "autofs"),
        ("/home/ada/scratch/run", "xfs"),
        ("/work/a/b/c", "lustre"),
        ("/workshop/run", "overlay"),
        ("/mnt/team files/run", "cifs"),
        ("/mnt/café/run", "fuse.sshfs"),
        ("/data/run", "beegfs"),
        ("/mnt/disk/run", "fuseblk"),
    ],
)
def test_the_innermost_mount_and_of_several_at_one_place_the_last_says_the_kind(path: str, kind: str) -> None:
    assert kind_of(Path(path), MOUNTS) == kind


def mounted(monkeypatch: pytest.MonkeyPatch, table: Path, kind: str, *places: Path) -> None:
    """Have the system tell that file systems of this kind are mounted at the places."""
    table.write_text("/dev/sda / ext4 rw 0 0\n" + "".join(f"there {p} {kind} rw 0 0\n" for p in places))
    monkeypatch.setattr(filesystem, "MOUNTS", table)


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "lustre", "cifs", "smb3", "gpfs", "beegfs", "fuse.sshfs"])
def test_what_other_machines_may_share_is_known_also_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mounted(monkeypatch, tmp_path / "mounts", kind, tmp_path / "there")
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    found = [shared_kind(tmp_path / name) for name in ("there", "there/not yet", "link/run", "elsewhere")]
    assert found == [kind, kind, kind, None]


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "apfs"])
def test_a_disk_of_this_machine_is_not_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mounted(monkeypatch, tmp_path / "mounts", kind, tmp_path)
    assert shared_kind(tmp_path) is None


def test_where_no_mounts_are_told_nothing_is_taken_for_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "none")
    assert shared_kind(tmp_path) is None


def journal(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "run.sqlite")) as db:
        return str(db.execute("PRAGMA journal_mode").fetchone()[0])


def test_a_run_on_a_shared_file_system_has_no_write_ahead_log_and_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path / "here", Scripted(), "truncation", "sham:variant=resume")
    mounted(monkeypatch, tmp_path / "mounts", "nfs4", tmp_path / "there")
    with pytest.raises(KeyboardInterrupt):
        measure(monkeypatch, tmp_path / "there", Scripted(dies_after=13), "truncation", "sham:variant=resume")
    measure(monkeypatch, tmp_path / "there", Scripted(), "truncation", "sham:variant=resume")
    assert {path.name for path in (tmp_path / "there").iterdir()} == {"run.sqlite", "run.lock"}
    assert (journal(tmp_path / "here"), journal(tmp_path / "there")) == ("wal", "delete")
    assert unequal(rows(tmp_path / "there"), rows(tmp_path / "here")) == {"lost": [], "new": [], "other": []}


def test_a_run_that_was_begun_with_a_log_goes_on_without_where_it_was_copied_to_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path / "run", Scripted(), "truncation")
    mounted(monkeypatch, tmp_path / "mounts", "lustre", tmp_path / "run")
    assert measure(monkeypatch, tmp_path / "run", Scripted(), "truncation", "filler") > 0
    assert (journal(tmp_path / "run"), sound(tmp_path / "run")) == ("delete", True)
    mounted(monkeypatch, tmp_path / "mounts", "ext4", tmp_path / "run")
    assert measure(monkeypatch, tmp_path / "run", Scripted(), "truncation", "filler") == 0
    assert journal(tmp_path / "run") == "wal"


def test_shards_on_a_shared_file_system_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(monkeypatch, tmp_path / "whole", Scripted(), "truncation")
    mounted(monkeypatch, tmp_path / "mounts", "nfs", *(tmp_path / name for name in ("1", "2", "joined")))
    for place in ("1", "2"):
        measure(
            monkeypatch, tmp_path / place, Scripted(), "truncation", study=replace(STUDY, shard=f"{place}/2")
        )
    merge(tmp_path / "joined", [tmp_path / "1", tmp_path / "2"])
    assert journal(tmp_path / "joined") == "delete"
    assert unequal(rows(tmp_path / "joined"), rows(tmp_path / "whole"))["other"] == []
    assert rows(tmp_path / "joined").keys() == rows(tmp_path / "whole").keys()


def test_who_holds_a_run_on_a_shared_file_system_is_told_with_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(monkeypatch, tmp_path / "mounts", "nfs4", tmp_path)
    store = Store.create(tmp_path, STUDY.fixed)
    node = os.uname().nodename
    with pytest.raises(InputError, match=rf"process {os.getpid()} on {node} is writing to this run"):
        Store.create(tmp_path, STUDY.fixed)
    store.close()
    Store.create(tmp_path, STUDY.fixed).close()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_refused_with_what_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    mounted(monkeypatch, tmp_path / "mounts", "lustre", tmp_path)

    def flock(descriptor: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(InputError, match=r"the file system there \(lustre\) has no locks; .*disk of this"):
        Lock(tmp_path / "run.lock")
    with pytest.raises(InputError, match="has no locks"):
        Store.create(tmp_path, STUDY.fixed)
