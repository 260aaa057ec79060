"""A run that is killed, stopped or out of disk loses nothing that it had, and goes on."""

import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cotfaith.cli import app as cli
from cotfaith.errors import InputError
from cotfaith.running import plan, runner
from cotfaith.schema import Generation, GenerationRequest
from cotfaith.store.database import Database
from cotfaith.store.store import Store
from tests.rows import rows, sound, unequal
from tests.scripted import STUDY, Scripted, measure
from tests.torture import study

SPECS = ("truncation", "sham:variant=resume", "filler")
SMALL = replace(STUDY, questions=2)
SAME: dict[str, list[tuple[object, ...]]] = {"lost": [], "new": [], "other": []}


class DiesAtWrite:
    """The database, killed at the end of one of its transactions, before it is committed."""

    def __init__(self, last: int) -> None:
        self.left = last
        self.writing = Database.writing

    @contextmanager
    def wrap(self, database: Database) -> Iterator[object]:
        with self.writing(database) as connection:
            yield connection
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def die_at_write(folder: Path, last: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        dies = DiesAtWrite(last)

        def writing(database: Database) -> AbstractContextManager[object]:
            return dies.wrap(database)

        patch.setattr(Database, "writing", writing)
        measure(patch, folder, Scripted(), *SPECS, study=SMALL, batch=3)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_run_that_is_killed_within_any_of_its_transactions_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path / "whole", Scripted(), *SPECS, study=SMALL)
    whole = rows(tmp_path / "whole")
    fork = multiprocessing.get_context("fork")
    kills = 0
    for last in range(1, 200):
        folder = tmp_path / f"killed{last}"
        process = fork.Process(target=die_at_write, args=(folder, last))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        kills += 1
        assert sound(folder)
        measure(monkeypatch, folder, Scripted(), *SPECS, study=SMALL)
        assert unequal(rows(folder), whole) == SAME
    assert kills > 20


def run_study(folder: Path) -> None:
    sys.argv = ["cotfaith", *study(folder, questions=4)[3:]]
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 the process ends with it
    cli.main()


def test_a_run_of_the_ladder_that_is_killed_at_random_moments_ends_as_if_it_had_not_been(
    tmp_path: Path,
) -> None:
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(
        ["tests.test_crashes", "cotfaith.models.local.engine", "cotfaith.report.report"]
    )

    def run(folder: Path, seconds: float | None) -> int | None:
        process = server.Process(target=run_study, args=(folder,))
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode

    rng = random.Random(0)
    for _ in range(2):
        run(tmp_path / "killed", rng.uniform(1, 5))
    assert run(tmp_path / "killed", None) == 0
    assert run(tmp_path / "whole", None) == 0
    assert unequal(rows(tmp_path / "killed"), rows(tmp_path / "whole")) == SAME


def test_ctrl_c_exits_with_130_and_says_what_there_is_and_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Scripted(dies_after=30)
    for module in (runner, plan):
        monkeypatch.setattr(module, "open_model", lambda source, settings: model)
    folder = tmp_path / "a run"
    command = ["cotfaith", "sham", "--model", "ladder/11k", "--task", "addition", "--out", str(folder)]
    monkeypatch.setattr(sys, "argv", [*command, "--questions", "20"])
    monkeypatch.setattr("cotfaith.running.pace.SMALLEST_BATCH", 2)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 130
    told = " ".join(capsys.readouterr().err.split())
    kept = sum(key[0] == "traces" for key in rows(folder))
    assert 0 < kept < 100
    assert f"Stopped. {folder} keeps {kept} traces. Go on with: cotfaith sham" in told
    assert told.endswith(f"--out '{folder}' --questions 20")
    model.dies_after = None
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code == 0
    assert sum(key[0] == "outcomes" for key in rows(folder)) == 100


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def heard() -> Iterator[None]:
    """Let Ctrl-C be heard: what is begun in the background ignores it, and so does all that it begins."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_processes_that_measure_end_with_the_one_that_began_them(
    tmp_path: Path, how: signal.Signals, status: int
) -> None:
    command = study(tmp_path, "--model", "ladder/31k", "--jobs", "2", questions=2000)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    assert "reasoning: 0/6000 samples" in process.stderr.readline()
    workers = children(process.pid)
    process.send_signal(how)
    with process.stderr:
        rest = process.stderr.read()
    assert process.wait() == status
    assert len(workers) >= 2
    for _ in range(200):
        if not any(map(runs, workers)):
            break
        time.sleep(0.1)
    assert not any(map(runs, workers))
    assert "Traceback" not in rest
    assert sound(tmp_path)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let no file grow beyond this size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path / "whole", Scripted(), *SPECS)
    measure(monkeypatch, tmp_path / "full", Scripted())
    with (
        files_up_to(150_000),
        pytest.raises(InputError, match=r"cannot be written: (disk I/O error|database or disk is full)"),
    ):
        measure(monkeypatch, tmp_path / "full", Scripted(), *SPECS)
    assert sound(tmp_path / "full")
    measure(monkeypatch, tmp_path / "full", Scripted(), *SPECS)
    assert unequal(rows(tmp_path / "full"), rows(tmp_path / "whole")) == SAME


@dataclass
class Saboteur(Scripted):
    """Does something to the run's folder while it is asked."""

    does: Callable[[], object] = int

    def generate(self, requests: list[GenerationRequest]) -> list[Generation]:  # type: ignore[override]
        if self.asked > 20:
            self.does()
        return super().generate(requests)


def test_a_store_that_vanishes_is_told_and_the_run_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "run.sqlite"
    with pytest.raises(InputError, match="the file was moved or deleted while the run was going on"):
        measure(monkeypatch, tmp_path, Saboteur(does=lambda: store.unlink(missing_ok=True)), *SPECS)
    for left in tmp_path.glob("run.sqlite*"):
        left.unlink()
    assert measure(monkeypatch, tmp_path, Scripted(), *SPECS) > 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/run: a run cannot be written there: .*Not a directory"):
        Store.create(tmp_path / "file" / "run", STUDY.fixed)


def test_a_report_that_finds_no_room_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "sham")
    (tmp_path / "accuracy.csv").symlink_to("/dev/full")
    monkeypatch.setattr(sys, "argv", ["cotfaith", "report", str(tmp_path)])
    with pytest.raises(SystemExit) as failed:
        cli.main()
    assert failed.value.code == 2
    assert "No space left on device. What was measured is kept" in capsys.readouterr().err
