"""Two workers of Ray on this machine, the kill of one, and what is told when a worker cannot work."""

import importlib.util
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cotfaith.errors import InputError
from cotfaith.plugins.registry import TASKS
from cotfaith.running import cluster, plan, versions
from cotfaith.running.cluster import Order, Remote, Writer
from cotfaith.running.plan import Plan, TaskPlan, prepare
from cotfaith.schema import ModelInfo
from cotfaith.store.store import Store
from tests.rows import rows, sound, unequal
from tests.scripted import STUDY

SAME: dict[str, list[tuple[object, ...]]] = {"lost": [], "new": [], "other": []}
LISTENS = "0A"  # in the system's tables of connections
with_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or not Path("/proc/self/stat").exists(),
    reason="needs Ray (`pip install cotfaith[ray]`) and looks for its processes in /proc",
)
PLUGIN = '''
from dataclasses import dataclass
from cotfaith import Edit, InputError, Intervention, NotApplicable

@dataclass(frozen=True)
class {name}(Intervention):
    """Show the steps from the last to the first."""
    def edits(self, traces, tools):
        {begins}
        return [Edit(t, t.steps[::-1], 1.0) if t.steps else NotApplicable(t, "no steps") for t in traces]
'''


def command(out: Path, *more: str, questions: int = 12, first: tuple[str, ...] = ()) -> list[str]:
    asked = ("--task", "addition:operands=4", "--questions", str(questions), "--samples", "3")
    models = ("--model", "ladder/11k", "--model", "ladder/31k", "--helper", "ladder/11k")
    start = [sys.executable, "-m", "cotfaith", *first, "run", *models, *asked, "--quiet"]
    return [*start, "--max-new-tokens", "64", "--out", str(out), *more]


def on_ray(out: Path, *more: str, **how: Any) -> list[str]:
    return command(out, "--ray", "local", "--jobs", "2", "--shards", "3", *more, **how)


def environment() -> dict[str, str]:
    """Import what is imported here, wherever a process is begun."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}


@contextmanager
def begun(asked: list[str], cwd: Path) -> Iterator["subprocess.Popen[str]"]:
    """Begin a command in a group of its own, of which nothing is left in the end."""
    process = subprocess.Popen(
        asked, cwd=cwd, env=environment(), start_new_session=True, text=True,
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def finished(asked: list[str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    env = environment()
    return subprocess.run(asked, check=False, cwd=cwd, env=env, capture_output=True, text=True)


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that it began."""
    yield pid
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below = tasks.read_text().split()
        except OSError:
            continue
        for child in below:
            yield from family(int(child))


def workers(pid: int) -> list[int]:
    """Return the processes that measure."""
    return [p for p in family(pid) if title(p).startswith("ray::measure")]


def title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def listens_at(pids: set[int]) -> set[str]:
    """Return the addresses at which processes listen, as the system writes them."""
    sockets = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(str(descriptor.readlink()))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == LISTENS and f"socket:[{columns[9]}]" in sockets:
                found.add(columns[1].partition(":")[0])
    return found


def stored(folder: Path, table: str) -> int:
    try:
        return sum(key[0] == table for key in rows(folder))
    except sqlite3.OperationalError:  # it is only being made
        return 0


@with_ray
def test_a_run_on_two_workers_of_which_one_is_killed_has_the_rows_of_one_process(tmp_path: Path) -> None:
    (tmp_path / "backwards.py").write_text(PLUGIN.format(name="Backwards", begins="pass"))
    added = ("--plugin", "backwards.py")
    specs = (
        "--intervention",
        "backwards",
        "--intervention",
        "mistake:source=model",
        "--intervention",
        "truncation",
    )
    alone = command(tmp_path / "alone", *specs, questions=40, first=added)
    subprocess.run(alone, cwd=tmp_path, env=environment(), check=True, capture_output=True)
    out = tmp_path / "ray"
    with begun(on_ray(out, *specs, questions=40, first=added), tmp_path) as process:
        while process.poll() is None and not (stored(out, "traces") and workers(process.pid)):
            time.sleep(0.05)
        killed, *_ = workers(process.pid)
        addresses = listens_at(set(family(process.pid)))
        os.kill(killed, signal.SIGKILL)
        said = process.communicate(timeout=300)[1]
    assert process.returncode == 0, said
    assert "2 models in 6 shards: 100/100 %" in said
    assert addresses
    assert addresses <= {"0100007F", "0000000000000000FFFF00000100007F"}  # 127.0.0.1
    assert sound(out)
    assert unequal(rows(out), rows(tmp_path / "alone")) == SAME


@with_ray
def test_ctrl_c_ends_all_that_was_begun_and_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with begun(on_ray(out, questions=2000), tmp_path) as process:
        while process.poll() is None and not stored(out, "traces"):
            time.sleep(0.1)
        all_of_it = list(family(process.pid))
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert f"Stopped. {out} keeps" in said
    assert "Traceback" not in said
    for _ in range(200):
        if not any(map(title, all_of_it)):
            break
        time.sleep(0.1)
    assert not any(map(title, all_of_it))
    assert sound(out)


@with_ray
def test_what_is_wrong_in_a_worker_is_told_as_if_it_were_here(tmp_path: Path) -> None:
    fails = PLUGIN.format(name="Fails", begins="raise InputError('the plug-in wants another file.')")
    (tmp_path / "fails.py").write_text(fails)
    asked = on_ray(tmp_path / "run", "--intervention", "fails", first=("--plugin", "fails.py"))
    ended = finished(asked, tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == "Error: the plug-in wants another file."
    assert "Traceback" not in ended.stderr


@with_ray
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--ray", "local", "--gpus-per-worker", "9"), "no node of the cluster has more than"),
        (("--ray", "no-such-form"), "--ray no-such-form: no cluster is reached"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_told(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    asked = command(tmp_path / "run", *options)
    ended = finished(asked, tmp_path)
    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shards": 4}, "--shards and --gpus-per-worker go with --ray"),
        ({"gpus_per_worker": 0.5}, "--shards and --gpus-per-worker go with --ray"),
        ({"ray": "ray://head:10001"}, "on a node of the cluster, with --ray auto"),
        ({"ray": "auto", "jobs": 2}, "the cluster says how many workers"),
    ],
)
def test_options_that_cannot_be_meant_so_are_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr(plan, "find_spec", lambda name: name)
    with pytest.raises(InputError, match=said):
        prepare(replace(STUDY, **options), ())


def test_without_ray_it_is_told_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'cotfaith\[ray\]'"):
        prepare(replace(STUDY, ray="local"), ())


def orders(shards: int, questions: int) -> list[Order]:
    task = TASKS.build("addition")
    asked = TaskPlan(task, tuple(task.draw(questions, 0)), "the seed")
    study = replace(STUDY, model=("small", "large"), ray="local", shards=shards)
    infos = (("small", ModelInfo("small", "a", 10)), ("large", ModelInfo("large", "b", 1000)))
    return list(cluster._orders(Plan(study, study.model, (asked,), (), infos)))


def test_every_model_is_asked_every_question_in_one_shard_the_largest_model_first() -> None:
    made = orders(4, 10)
    assert [order.name for order in made[:2]] == ["large 1/4", "large 2/4"]
    assert [order.study.model for order in made] == [("large",)] * 4 + [("small",)] * 4
    sizes = [len(order.asked[0][1]) for order in made]
    assert sizes == [3, 3, 2, 2] * 2
    ids = sorted(question.id for order in made[:4] for question in order.asked[0][1])
    assert ids == sorted(question.id for question in TASKS.build("addition").draw(10, 0))


def test_no_shard_is_without_questions() -> None:
    assert [len(order.asked[0][1]) for order in orders(64, 3)] == [1] * 6


def test_a_node_with_other_libraries_or_without_the_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = orders(1, 1)[0]
    with pytest.raises(InputError, match="All nodes must share this folder"):
        cluster.measure(replace(order, folder=tmp_path / "none"), None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(versions, "installed", lambda: dict(order.versions) | {"torch": "1.0"})
    with pytest.raises(InputError, match=r"torch 1.0 there, .* All nodes need the same"):
        cluster.measure(replace(order, folder=tmp_path), None)


def test_of_the_shards_floors_the_largest_is_kept(tmp_path: Path) -> None:
    store = Store.create(tmp_path, STUDY.fixed)
    writer = Writer(tmp_path)
    model = ModelInfo("m", "f", 1)
    writer.call("add_model", [model])
    for floor in (1e-4, 3e-4, 2e-4):
        writer.set_floor(model, floor)
    assert store.floors() == [(model, 3e-4)]
    store.close()


def test_how_far_a_shard_is_never_goes_back_when_it_begins_again(tmp_path: Path) -> None:
    Store.create(tmp_path, STUDY.fixed).close()
    writer = Writer(tmp_path)
    for order, stages, tokens in (("m 1/2", 2.5, 70), ("m 2/2", 1.0, 9), ("m 1/2", 0.1, 4)):
        writer.tell(order, stages, tokens)
    assert writer.done() == (3.5, 79)


def test_what_is_made_as_it_goes_is_sent_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    class Actor:
        class call:  # noqa: N801
            @staticmethod
            def remote(method: str, values: list[Any]) -> None:
                sent.append((method, values))

    monkeypatch.setattr(cluster, "_answer", lambda asked: asked)
    Remote(Actor).add_unasked((letter, letter, letter, "why") for letter in "ab")
    assert sent == [("add_unasked", [[("a", "a", "a", "why"), ("b", "b", "b", "why")]])]
