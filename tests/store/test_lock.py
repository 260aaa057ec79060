import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from cotfaith.errors import InputError
from cotfaith.store.lock import Lock
from cotfaith.store.store import Store
from tests.scripted import STUDY


def hold(path: Path) -> None:
    lock = Lock(path)
    time.sleep(60)
    lock.release()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_second_process_is_refused_with_the_holders_id_until_the_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    holder = multiprocessing.get_context("fork").Process(target=hold, args=(path,))
    holder.start()
    while not path.exists() or path.read_text() != f"{holder.pid}\n":
        time.sleep(0.01)
    with pytest.raises(InputError, match=rf"process {holder.pid} is writing to this run"):
        Lock(path)
    assert path.read_text() == f"{holder.pid}\n"
    holder.kill()
    holder.join()
    assert holder.exitcode == -signal.SIGKILL
    Lock(path).release()
    assert path.read_text() == f"{os.getpid()}\n"


def test_a_lock_file_that_nobody_holds_is_taken_over_whatever_stands_in_it(tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_bytes(b"\xff not a number that is much longer than what is written")
    lock = Lock(tmp_path / "run.lock")
    assert (tmp_path / "run.lock").read_text() == f"{os.getpid()}\n"
    lock.release()
    lock.release()


def test_a_run_has_one_writer_and_any_number_of_readers(tmp_path: Path) -> None:
    first = Store.create(tmp_path, STUDY.fixed)
    with pytest.raises(InputError, match=rf"process {os.getpid()} is writing to this run"):
        Store.create(tmp_path, STUDY.fixed)
    Store.open(tmp_path).close()
    first.close()
    Store.create(tmp_path, STUDY.fixed).close()


def test_a_refused_run_is_not_held(tmp_path: Path) -> None:
    Store.create(tmp_path, STUDY.fixed).close()
    with pytest.raises(InputError, match="other circumstances"):
        Store.create(tmp_path, STUDY.fixed | {"seed": 1})
    Store.create(tmp_path, STUDY.fixed).close()
