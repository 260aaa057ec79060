"""What cannot be asked is left out, told and counted, and stops nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from cotfaith import load_run
from cotfaith.errors import InputError
from cotfaith.plugins.registry import TASKS
from cotfaith.report.noticed import noticed
from cotfaith.report.report import write_report
from cotfaith.schema import GenerationRequest
from cotfaith.store.store import Store
from tests.scripted import STUDY, Scripted, measure


def lines(folder: Path) -> list[str]:
    store = Store.open(folder)
    told = list(noticed(store))
    write_report(store)
    store.close()
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert all(line in report for line in told)
    return told


def refusing(question: int, reason: str) -> Scripted:
    task = TASKS.build("addition")
    drawn = task.draw(STUDY.questions, STUDY.seed)[question]
    return Scripted(refuses={task.reasoning(drawn)[0].text: reason})


def test_a_question_that_cannot_be_asked_is_counted_and_the_others_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = refusing(1, "too long")
    measure(monkeypatch, tmp_path, model, "truncation", "filler", "sham:variant=resume")
    run = load_run(tmp_path)
    assert (run.traces["question"].nunique(), len(run.traces)) == (2, 4)
    assert run.outcomes["question"].nunique() == 2
    assert lines(tmp_path) == ["addition, scripted: 1 questions (2 samples) not asked: too long"]
    again = refusing(1, "too long")
    assert measure(monkeypatch, tmp_path, again, "truncation", "filler", "sham:variant=resume") == 0
    assert again.asked == 0


class Short(Scripted):
    """Has room for its own reasoning, and for no filler of five words."""

    def refusals(self, dialogues, room):  # type: ignore[no-untyped-def]
        return ["too long" if " ... ... ... ... ..." in d[1].text else "" for d in dialogues]


def test_an_edit_that_cannot_be_shown_does_not_apply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(monkeypatch, tmp_path, Short(), "filler")
    run = load_run(tmp_path)
    assert sorted(set(run.outcomes["shown"])) == [""]
    assert run.not_applicable["reason"].tolist() == ["too long"] * 3
    assert measure(monkeypatch, tmp_path, Short(), "filler") == 0


class Odd(Scripted):
    """Reasons nothing in the first sample, and answers within its reasoning in the second."""

    def generate(self, requests):  # type: ignore[no-untyped-def]
        texts = super().generate(requests)
        for i, request in enumerate(requests):
            if len(request.dialogue) == 2:
                text = "" if i % 2 == 0 else " So the most likely answer is 5."
                texts[i] = type(texts[i])(text, len(text.split()), hit_limit=False)
        return texts


def test_empty_reasoning_and_reasoning_that_states_the_answer_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Odd(), "truncation", "mistake:source=rule", "filler", "sham")
    assert lines(tmp_path) == [
        "addition, scripted: 3 of 6 samples of reasoning are empty; they are counted",
        "addition, scripted: 3 of 6 samples of reasoning state the answer already, in the words in which it is "
        "asked for; they are counted",
    ]
    reasons = load_run(tmp_path).not_applicable
    assert reasons[reasons["intervention"] == "sham"]["reason"].tolist() == ["no reasoning"] * 3


def test_a_run_that_was_stopped_says_so_in_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        measure(monkeypatch, tmp_path, Scripted(dies_after=12), "sham")
    assert lines(tmp_path)[0].startswith("The run is not complete")
    measure(monkeypatch, tmp_path, Scripted(), "sham")
    assert lines(tmp_path) == []


class Closing(Scripted):
    """Goes on with what a template would cut its turn at, and cannot be shown it."""

    def generate(self, requests):  # type: ignore[no-untyped-def]
        return [
            replace(written, text=f"{written.text}</think> Done.") if _resumes(request) else written
            for request, written in zip(requests, super().generate(requests), strict=True)
        ]

    def refusals(self, dialogues, room):  # type: ignore[no-untyped-def]
        return ["holds a mark" if "</think>" in d[1].text else "" for d in dialogues]


def _resumes(request: GenerationRequest) -> bool:
    return request.dialogue[-1].text.count("=") == 1 and len(request.dialogue) == 2


def test_what_a_model_went_on_with_is_looked_at_before_it_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Closing(), "sham:variant=resume")
    run = load_run(tmp_path)
    assert "</think>" not in "".join(run.outcomes["resumed"])
    assert set(run.not_applicable["reason"]) == {"holds a mark"}
    shown = [coords["steps_shown"] for coords in run.not_applicable["coords"]]
    assert sorted(shown) == sorted([1, 2] * STUDY.questions * STUDY.samples)
    assert {coords["steps_shown"] for coords in run.outcomes["coords"]} == {0}
    again = Closing()
    assert measure(monkeypatch, tmp_path, again, "sham:variant=resume") == 0
    assert again.asked == 0


def test_a_run_in_which_nothing_could_be_asked_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(Scripted):
        def refusals(self, dialogues, room):  # type: ignore[no-untyped-def]
            return ["too long"] * len(dialogues)

    measure(monkeypatch, tmp_path, Refusing(), "truncation")
    store = Store.open(tmp_path)
    with pytest.raises(
        InputError, match=r"no reasoning yet\. Nothing could be asked:\naddition, scripted: 3"
    ):
        write_report(store)
    store.close()
