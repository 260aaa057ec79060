"""Questions under the arms of cues: keyed, drawn and joined like any others."""

from dataclasses import replace
from pathlib import Path

import pytest

from cotfaith.errors import InputError
from cotfaith.identity import key
from cotfaith.plugins.arms import arms
from cotfaith.plugins.questions import rotated
from cotfaith.plugins.registry import CUES, INTERVENTIONS, TASKS
from cotfaith.running.interview import Interview
from cotfaith.running.measurement import Measurement
from cotfaith.running.options import Study
from cotfaith.running.pace import Pace
from cotfaith.running.plan import prepare
from cotfaith.schema import Edit, Question, Settings
from cotfaith.store.frames import load_run
from tests.make import make_tools, make_trace
from tests.scripted import STUDY, Scripted, measure, silent

CUED = replace(STUDY, cue=("professor",))


def interview(spec: str, question: Question) -> Interview:
    return Interview(Settings(), Scripted(), None, TASKS.build(spec), (question,))


def test_what_was_measured_before_there_were_cues_keeps_its_keys() -> None:
    # Each of these is what release 0.3 gave.
    first = TASKS.build("addition").draw(1, 0)[0]
    sums = interview("addition", first)
    assert sums.trace_key(first, 0) == "ebff9c872e55ce23207b53a5341a02e2"
    assert key(first) == "da0146d6391a47ab310a4249b1ab757d"
    letters = Question("mmlu", "q", "Which?", ("a", "b"), "B", labels={"subject": "x"})
    exam = interview("mmlu", letters)
    assert exam.trace_key(letters, 1) == "271eabc73b022d93bbfdb2523eb77022"
    turned = rotated(letters, 1)
    assert key("f0", exam.task.request(turned, ""), turned, 1) == "5c17786548e4045a29b8dba0fcf8d061"
    assert sums._reasoning(first, 3).seed == 3175289707730324147
    told = Measurement(sums, None, silent, Pace(None))  # type: ignore[arg-type]
    assert told._identify(INTERVENTIONS.build("mistake"))[0] == "f531763a6b8162f01cb97d682a276cc4"


def test_each_arm_is_measured_like_the_plain_question_and_with_draws_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "truncation", "filler", study=CUED)
    run = load_run(tmp_path)
    assert run.traces.groupby("arm").size().to_dict() == {
        "none": 6, "incorrect": 6, "correct": 6, "sham": 6,
    }  # fmt: skip
    assert run.traces.groupby("question")["arm"].nunique().tolist() == [4, 4, 4]
    assert run.traces["reasoning"].nunique() == 24  # it ends with what its seed says
    outcomes = run.outcomes.groupby(["intervention", "arm"]).size().unstack()
    assert (outcomes.loc["truncation"] == 18).all()
    assert outcomes.loc["filler"].nunique() == 1
    assert len(run.uncued.traces) == 6
    assert set(run.uncued.outcomes["arm"]) == {"none"}


def test_a_run_goes_on_with_another_cue_and_measures_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "transplant", study=CUED)
    assert measure(monkeypatch, tmp_path, Scripted(), "transplant", study=CUED) == 0
    both = replace(CUED, cue=("professor", "suggestion"))
    assert measure(monkeypatch, tmp_path, Scripted(), study=both) == 18


def test_reasoning_is_shown_behind_the_prompt_of_the_other_arm() -> None:
    plain = make_trace(" 12 + 34 = 46. So the answer is 46.").question
    cued = arms(CUES.build("professor"), [plain], (), 0)
    tools = replace(
        make_tools("transplant"),
        arms=lambda question: (plain, *cued),
        states=lambda question, text: "46" if "answer is" in text else None,
    )
    trace = replace(make_trace(" 12 + 34 = 46. So the answer is 46."), question=cued[0])
    edits = list(INTERVENTIONS.build("transplant").edits([trace], tools))
    found = [
        (e.coords["steps"], e.coords["prompt"], e.coords["before_stated"])
        for e in edits
        if isinstance(e, Edit)
    ]
    assert found == [
        (k, prompt, k == 1) for k in (0, 1, 2) for prompt in ("incorrect", "none")
    ]  # fmt: skip
    own = list(INTERVENTIONS.build("transplant").edits([replace(trace, question=plain)], tools))
    assert [e.coords["prompt"] for e in own][:3] == ["none", "incorrect", "sham"]
    right = list(INTERVENTIONS.build("transplant").edits([replace(trace, question=cued[1])], tools))
    assert [type(e).__name__ for e in right] == ["NotApplicable"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cue": ("profesor",)}, "Did you mean 'professor'"),
        ({"cue": ("visual-pattern",)}, "it points at a lettered choice, and these questions have none"),
        ({"judge": ("ladder/11k",)}, "--judge goes with --cue"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_a_model_is_loaded(
    options: dict[str, tuple[str, ...]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        prepare(Study(model=("no-such-model",), task=("addition",), **options), ())  # type: ignore[arg-type]
