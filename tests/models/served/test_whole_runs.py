"""Whole studies on a server: the same rows as with the same model here."""

from pathlib import Path

import pandas as pd
import pytest

from cotfaith import load_run
from cotfaith.errors import InputError
from cotfaith.running import circumstances, runner
from cotfaith.running.options import Study
from cotfaith.running.plan import build_interventions, prepare
from tests.scripted import silent
from tests.serving import serving

NEAR = 1e-5
PROBABILITIES = ("mass", "probability", "logprob")


def measured(folder: Path, model: str, *interventions: str, **options: object) -> int:
    """Run a small study greedily; return the number of new rows."""
    asked = {"task": ("addition:operands=2",), "questions": 3, "samples": 1, "max_new_tokens": 20}
    study = Study(model=(model,), temperature=0.0, out=folder, **{**asked, **options})  # type: ignore[arg-type]
    plan = prepare(study, build_interventions(list(interventions)))
    store = circumstances.begin(plan)
    try:
        return runner.run(plan, store, silent)
    finally:
        store.close()


def without(frame: pd.DataFrame) -> pd.DataFrame:
    keys = ("model", "n_params", "trace", "edit")
    dropped = [name for name in keys if name in frame]
    return frame.drop(columns=dropped).reset_index(drop=True)


def test_a_study_on_a_server_has_the_rows_of_the_same_study_here(tmp_path: Path) -> None:
    asked = ("truncation", "mistake", "filler", "sham:variant=resume")
    local = measured(tmp_path / "here", "ladder/11k", *asked)
    with serving() as one:
        served = measured(tmp_path / "there", one.source, *asked)
    assert served == local
    here, there = load_run(tmp_path / "here"), load_run(tmp_path / "there")
    for first, second in ((here.traces, there.traces), (here.outcomes, there.outcomes)):
        pd.testing.assert_frame_equal(without(first), without(second), atol=NEAR, rtol=NEAR)
    assert len(here.outcomes) > 20


def test_letters_of_choices_are_read_with_the_probabilities_that_they_have_here(tmp_path: Path) -> None:
    rows = '{"question": "What is 12 + 34?", "choices": ["46", "47", "12"], "answer": "A"}\n'
    (tmp_path / "q.jsonl").write_text(rows + rows.replace("12", "15"))
    asked = {"task": ("jsonl",), "data": (str(tmp_path / "q.jsonl"),), "questions": 2}
    measured(tmp_path / "here", "ladder/31k", "truncation", **asked)
    with serving("ladder/31k") as one:
        measured(tmp_path / "there", one.source, "truncation", **asked)
    here, there = load_run(tmp_path / "here"), load_run(tmp_path / "there")
    pd.testing.assert_frame_equal(without(here.outcomes), without(there.outcomes), atol=NEAR, rtol=NEAR)


def test_the_same_command_goes_on_where_it_was_also_at_another_address(tmp_path: Path) -> None:
    with serving() as one:
        measured(tmp_path, one.source, "truncation", questions=2)
    with serving() as other:
        more = measured(tmp_path, other.source, "truncation", questions=3)
        assert more > 0
        assert measured(tmp_path, other.source, "truncation", questions=3) == 0
    assert load_run(tmp_path).traces["model"].nunique() == 1


def test_another_model_under_the_same_name_is_refused_and_adds_nothing(tmp_path: Path) -> None:
    with serving(listed={"id": "mine", "root": "ladder/11k"}) as one:
        one.name = "mine"
        measured(tmp_path, one.source, "truncation", questions=2)
    before = len(load_run(tmp_path).traces)
    with serving("ladder/31k", listed={"id": "mine", "root": "ladder/11k"}) as other:
        other.name = "mine"
        with pytest.raises(InputError, match="another model answers there than before"):
            measured(tmp_path, other.source, "truncation", questions=3)
    assert len(load_run(tmp_path).traces) == before
