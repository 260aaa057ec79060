"""The same seed gives the same rows however the work is divided, on a rung of the ladder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cotfaith.running import pace, runner
from cotfaith.running.circumstances import begin
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan, build_interventions, prepare
from cotfaith.store.merging import merge
from tests.rows import Rows, rows, unequal
from tests.scripted import silent

SPECS = ("truncation", "mistake", "filler", "sham:variant=resume")
LETTERS = (
    '{"id": "f", "question": "Which is 1 + 2?", "choices": ["3", "12", "2"], "answer": "A"}\n'
    '{"id": "g", "question": "Which is 20 + 2?", "choices": ["21", "22"], "answer": "B"}\n'
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    own = tmp_path_factory.mktemp("data") / "own.jsonl"
    own.write_text(LETTERS, encoding="utf-8")
    return Study(
        model=("ladder/11k",),
        task=("addition", "jsonl"),
        data=(str(own),),
        questions=4,
        samples=2,
        max_new_tokens=48,
        device="cpu",
    )


def measured(study: Study, folder: Path, specs: Sequence[str] = SPECS, *, turned: bool = False) -> Path:
    plan = prepare(replace(study, out=folder), build_interventions(list(specs)))
    if turned:
        tasks = tuple(replace(planned, questions=planned.questions[::-1]) for planned in plan.tasks)
        plan = Plan(plan.study, plan.models, tasks, plan.interventions, plan.infos)
    store = begin(plan)
    try:
        runner.run(plan, store, silent)
    finally:
        store.close()
    return store.folder


@pytest.fixture(scope="module")
def whole(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    found = rows(measured(study, tmp_path_factory.mktemp("whole")))
    assert len([key for key in found if key[0] == "outcomes"]) > 40
    return found


def same(folder: Path, whole: Rows) -> None:
    assert unequal(rows(folder), whole) == {"lost": [], "new": [], "other": []}


@pytest.mark.parametrize("size", [1, 3, 64])
def test_whatever_the_batch(study: Study, whole: Rows, tmp_path: Path, size: int) -> None:
    same(measured(replace(study, batch_size=size), tmp_path), whole)


def test_whatever_the_order_of_the_questions_and_what_is_stored_at_once(
    study: Study, whole: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SMALLEST_BATCH", 3)
    same(measured(study, tmp_path, turned=True), whole)


def test_whether_interventions_come_one_by_one_or_together(study: Study, whole: Rows, tmp_path: Path) -> None:
    for spec in reversed(SPECS):
        measured(study, tmp_path, [spec])
    same(tmp_path, whole)


def test_whether_it_grew_from_a_smaller_study(study: Study, whole: Rows, tmp_path: Path) -> None:
    measured(replace(study, questions=2), tmp_path, SPECS[:2])
    same(measured(study, tmp_path), whole)


def test_in_shards_or_not(study: Study, whole: Rows, tmp_path: Path) -> None:
    shards = [measured(replace(study, shard=f"{i}/3"), tmp_path / "run") for i in (3, 1, 2)]
    assert merge(tmp_path / "run", shards).missing == []
    same(tmp_path / "run", whole)
