import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from cotfaith.cli.show import print_question
from cotfaith.running.options import Study
from cotfaith.running.plan import build_interventions, prepare
from cotfaith.running.runner import run
from cotfaith.store.store import Store
from tests.scripted import silent


def test_a_question_of_two_tasks_is_shown_once_for_each(
    model_dir: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own.jsonl"
    own.write_text(
        '{"id": "pet", "question": "Which barks?", "choices": ["a cat", "a dog"], "answer": "B"}\n'
    )
    tasks = ("jsonl", "jsonl:written=True")
    study = Study(
        model=(str(model_dir()),), task=tasks, data=(*(f"{task}={own}" for task in tasks),), questions=1,
        samples=1, permutations=0, max_new_tokens=8, out=tmp_path / "r",
    )  # fmt: skip
    store = Store.create(study.folder, study.fixed)
    run(prepare(study, build_interventions(["sham"])), store, silent)
    console = Console(width=100, file=io.StringIO(), record=True)
    print_question(console, store, "pet")
    store.close()
    shown = console.export_text()
    assert [shown.count(title) for title in ("jsonl · pet", "jsonl:written=True · pet")] == [1, 1]
    assert shown.count("Answer without:") == 2
