"""The shipped models, asked through the harness like any other."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cotfaith import InputError
from cotfaith.ladder.card import heldout_accuracies
from cotfaith.ladder.rungs import OPERANDS, RUNGS
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.models.shipped import SHIPPED, expand, shipped_models
from cotfaith.running import workers
from cotfaith.running.options import Study
from cotfaith.running.plan import build_interventions, prepare
from cotfaith.running.progress import Lines
from cotfaith.running.runner import run
from cotfaith.store.frames import load_run
from cotfaith.store.store import Store

QUIET = Lines(Console(quiet=True))
SMALL, LARGE = "ladder/88k", "ladder/263k"


def measured(folder: Path, interventions: list[str], **options: Any) -> Study:
    study = Study(out=folder, max_new_tokens=64, **options)
    plan = prepare(study, build_interventions(interventions))
    store = Store.create(folder, study.fixed)
    (workers.run if study.jobs > 1 else run)(plan, store, QUIET)
    store.close()
    return study


def test_all_rungs_are_shipped_the_smallest_first() -> None:
    assert shipped_models() == [f"ladder/{name}" for name in RUNGS]
    sizes = [open_model(name, ModelSettings()).info.n_params for name in shipped_models()]
    assert sizes == sorted(sizes)
    assert sizes[0] < 20_000
    assert sizes[-1] > 2_000_000
    assert all(2.5 < larger / smaller < 3.5 for smaller, larger in itertools.pairwise(sizes))


def test_the_weights_are_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in (SHIPPED / "ladder").rglob("*") if path.is_file()) < 12e6


def test_ladder_stands_for_all_rungs_and_none_is_named_twice() -> None:
    assert expand(["ladder/88k", "ladder", "other/model"]) == [
        "ladder/88k",
        *(name for name in shipped_models() if name != "ladder/88k"),
        "other/model",
    ]


def test_an_unknown_rung_is_told_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"unknown model 'ladder/7k'.*Known: ladder/11k"):
        open_model("ladder/7k", ModelSettings())


def test_a_rung_adds_what_it_was_never_shown(tmp_path: Path) -> None:
    measured(
        tmp_path,
        ["filler"],
        model=(LARGE,),
        task=("addition", "addition:operands=4"),
        questions=60,
        samples=1,
    )
    accuracy = heldout_accuracies(load_run(tmp_path)).set_index(["task", "operands"])["value"]
    assert accuracy["with reasoning", 2] > 0.95
    assert accuracy["with reasoning", 4] > 0.9
    assert accuracy["without reasoning", 2] > 0.95
    assert 0.4 < accuracy["without reasoning", 4] < 0.9
    assert accuracy["with filler", 2] > 0.95


def test_a_rung_follows_a_mistake_in_its_reasoning(tmp_path: Path) -> None:
    measured(
        tmp_path,
        ["mistake", "paraphrase"],
        model=(LARGE,),
        task=("addition:operands=4",),
        questions=20,
        samples=2,
    )
    run_frames = load_run(tmp_path)
    same = run_frames.outcomes.groupby("intervention")["same"].mean()
    # A digit of a running sum was changed and carried on: the answer changes. Other words change nothing.
    assert same["mistake"] < 0.15
    assert same["paraphrase"] > 0.9


def test_models_side_by_side_measure_what_they_measure_one_after_the_other(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "model": ("ladder/11k", SMALL),
        "task": ("addition",),
        "questions": 6,
        "samples": 2,
    }
    interventions = ["truncation", "mistake"]
    measured(tmp_path / "one", interventions, **options)
    measured(tmp_path / "two", interventions, jobs=2, **options)
    one, two = load_run(tmp_path / "one"), load_run(tmp_path / "two")
    order = ["model", "question", "sample"]
    columns = [*order, "answer", "answer_without", "drawn_tokens"]
    assert (
        one.traces[columns]
        .sort_values(order, ignore_index=True)
        .equals(two.traces[columns].sort_values(order, ignore_index=True))
    )
    order += ["intervention", "position"]
    columns = [*order, "answer", "same"]
    assert (
        one.outcomes[columns]
        .sort_values(order, ignore_index=True)
        .equals(two.outcomes[columns].sort_values(order, ignore_index=True))
    )


def test_every_length_is_trained() -> None:
    assert list(OPERANDS) == [2, 3, 4, 5, 6, 7, 8]
