"""What an edit that asks another question is compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from cotfaith import Edit, Intervention, Question, Tools, Trace
from cotfaith.dialogue.reordered import in_terms_of
from cotfaith.plugins.registry import TASKS
from cotfaith.running.interview import Interview
from cotfaith.schema import Answer, ChoiceProbs, ChoiceRequest, Settings
from tests.scripted import Scripted

FLOATS = Question("jsonl", "q", "Which floats?", ("a nail", "a cork", "a key"), gold="B")
TURNED = replace(FLOATS, choices=("a cork", "a key", "a nail"), gold="A")


class Knowing(Scripted):
    """Gives the cork .7, the nail .2 and the key .1, whatever their letters."""

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        return [self._probs(request.dialogue[0].text) for request in requests]

    def _probs(self, asked: str) -> ChoiceProbs:
        known = {"a cork": 0.7, "a nail": 0.2, "a key": 0.1}
        return ChoiceProbs(tuple(known[one] for one in sorted(known, key=asked.index)), 1.0)


@dataclass(frozen=True)
class Turn(Intervention):
    """Ask with the choices in another order."""

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit]:
        for trace in traces:
            yield Edit(trace, trace.steps, 1.0, question=TURNED)


def test_an_answer_to_reordered_choices_is_compared_by_what_they_say() -> None:
    interview = Interview(Settings(samples=1), Knowing(), None, TASKS.build("jsonl"), (FLOATS,))
    (trace,) = interview.sample([(FLOATS, 0)])
    assert isinstance(trace, Trace)
    assert trace.answer.text == "B"
    intervention = Turn()
    (edit,) = interview.edits(intervention, [trace])
    assert isinstance(edit, Edit)
    (outcome,) = interview.outcomes([edit], intervention)
    assert outcome.same
    assert outcome.answer.correct
    assert (outcome.answer.text, outcome.answer.probs) == ("B", (0.2, 0.7, 0.1))


@pytest.mark.parametrize(
    ("choices", "answer", "text", "probs"),
    [
        (("a cork", "a nail", "a key"), Answer("A", (0.7, 0.2, 0.1)), "B", (0.2, 0.7, 0.1)),
        (("a cork", "a nail", "a feather"), Answer("A", (0.7, 0.2, 0.1)), "B", ()),
        (("a cork", "a nail", "a feather"), Answer("C", (0.2, 0.2, 0.6)), None, ()),
        (("a cork", "a nail", "a key"), Answer(None, completion="none"), None, ()),
    ],
)
def test_letters_of_another_question_are_those_of_the_choices_that_say_the_same(
    choices: tuple[str, ...], answer: Answer, text: str | None, probs: tuple[float, ...]
) -> None:
    found = in_terms_of(FLOATS, replace(FLOATS, choices=choices), answer)
    assert (found.text, found.probs, found.completion) == (text, probs, answer.completion)


def test_choices_that_say_the_same_are_told_apart_by_their_order() -> None:
    twice = replace(FLOATS, choices=("x", "y", "x"))
    found = in_terms_of(twice, replace(FLOATS, choices=("x", "x", "y")), Answer("B", (0.5, 0.3, 0.2)))
    assert (found.text, found.probs) == ("C", (0.5, 0.2, 0.3))


def test_free_answers_stay_as_they_are() -> None:
    free = Question("t", "q", "2 + 3?")
    assert in_terms_of(free, replace(free, text="3 + 2?"), Answer("5")) == Answer("5")
