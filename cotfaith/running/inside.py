"""What edits that change a model inside ask of it: the answer then, and how far it moved."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from cotfaith.dialogue.cued import posed
from cotfaith.dialogue.prompts import letters, question_block
from cotfaith.models.model import Inside, Model, as_inside
from cotfaith.plugins.task import Task
from cotfaith.schema import (
    Answer,
    Blocked,
    ChoiceProbs,
    ChoiceRequest,
    Divergence,
    Edit,
    Generation,
    GenerationRequest,
    InsideRequest,
    Patched,
    Question,
    Shift,
    TextRequest,
    TextScore,
)

LEAST = math.log(sys.float_info.min)
"""The log-probability of what has none."""


class Place(NamedTuple):
    """Where an answer is given: to a question, by its id, after some reasoning and what is done inside."""

    question: str
    steps: tuple[str, ...]
    inside: tuple[Blocked | Patched, ...] = ()


@dataclass(frozen=True)
class Said:
    """What was answered, and where: a letter, or what the model wrote."""

    home: Place
    text: str

    @classmethod
    def of(cls, home: Place, answer: Answer) -> "Said":
        """Return what an answer said."""
        return cls(home, (answer.text or "") if answer.probs else answer.completion)


@dataclass(frozen=True)
class LookedInside:
    """One model and one task, where the model is changed inside."""

    model: Model
    task: Task
    ask: Callable[[Sequence[tuple[Question, str]]], list[Answer]]
    """Answers questions after reasoning, with nothing done inside."""
    read: Callable[[Question, ChoiceProbs | Generation], Answer]
    """Reads what a model says as an answer."""

    def refusals(self, edits: Sequence[Edit]) -> Iterator[tuple[Edit, str]]:
        """Yield the edits that cannot be made inside, with the reasons."""
        inside = [edit for edit in edits if edit.inside]
        if inside:
            asked = [self._request(edit.asked, _place(edit)) for edit in inside]
            reasons = zip(inside, self._inside.inside_refusals(asked), strict=True)
            yield from ((edit, reason) for edit, reason in reasons if reason)

    def answers(self, edits: Sequence[Edit]) -> dict[int, Answer]:
        """Return the answers to edits inside, by their places among all."""
        places = [i for i, edit in enumerate(edits) if edit.inside]
        if not places:
            return {}
        asked = [self._request(edits[i].asked, _place(edits[i])) for i in places]
        found = self._inside.answer_inside(asked)
        answers = {}
        for i, one in zip(places, found, strict=True):
            assert isinstance(one, (ChoiceProbs, Generation))
            answers[i] = self.read(edits[i].asked, one)
        return answers

    def shifts(self, edits: Sequence[Edit], answers: Sequence[Answer]) -> dict[int, Shift]:
        """Return how far answers were moved inside, by the places of the edits.

        Answers to another question are not compared.
        """
        those = [i for i, edit in enumerate(edits) if edit.inside and edit.asked == edit.trace.question]
        others = {i: other for i in those if (other := other_text(edits[i])) is not None}
        asked = [(edits[i].trace.question, "".join(steps)) for i, steps in others.items()]
        given = dict(zip(others, self.ask(asked), strict=True))
        moved = [(i, edits[i], answers[i], others.get(i), given.get(i)) for i in those]
        if not moved:
            return {}
        scores, apart = self._scores(moved), self._divergences(edits, those)
        return {
            i: replace(_shift(edit, other, given, scores), divergence=apart.get(i))
            for i, edit, _, other, given in moved
        }

    def effects_on_steps(self, edits: Sequence[Edit]) -> list[tuple[float | None, ...]]:
        """Return how far each edit, which hides some of the shown steps, moves those behind them."""
        return self._inside.effects_on_steps([self._request(e.asked, _place(e)) for e in edits])

    def attention(self, edits: Sequence[Edit]) -> dict[int, tuple[float, ...]]:
        """Return how much the answer attends to the reasoning, by the places of edits that hide nothing."""
        places = [i for i, edit in enumerate(edits) if edit.inside and all(map(_hides_nothing, edit.inside))]
        if not places:
            return {}
        asked = [self._request(edits[i].asked, _place(edits[i])) for i in places]
        return dict(zip(places, self._inside.attention(asked), strict=True))

    def _divergences(self, edits: Sequence[Edit], places: Sequence[int]) -> dict[int, Divergence | None]:
        """Return how far the tokens of written answers move, for edits that hide in all layers at once."""
        pairs: dict[int, tuple[InsideRequest, InsideRequest]] = {}
        for i in places:
            trace, question = edits[i].trace, edits[i].trace.question
            hides = all(isinstance(one, Blocked) and one.layers is None for one in edits[i].inside)
            if hides and not trace.answer.probs:
                own = Place(question.id, trace.steps)
                said = Said.of(own, trace.answer)
                there = self._request(question, _place(edits[i]), said)
                pairs[i] = self._request(question, own, said), there
        return dict(zip(pairs, self._inside.divergences_inside(list(pairs.values())), strict=True))

    def _scores(self, moved: "Sequence[Moved]") -> "Scores":
        """Return the log-probability of every answer that is compared, wherever it is."""
        wanted: dict[tuple[Place, Said], None] = {}
        known: dict[tuple[Place, Said], float] = {}
        questions = {edit.trace.question.id: edit.trace.question for _, edit, *_ in moved}
        for _, edit, then, other, given in moved:
            own = Place(edit.trace.question.id, edit.trace.steps)
            places = {own: edit.trace.answer, _place(edit): then}
            compared = [Said.of(own, edit.trace.answer)]
            if other is not None and given is not None:
                elsewhere = Place(edit.trace.question.id, other)
                places[elsewhere] = given
                compared.append(Said.of(elsewhere, given))
            for place, answer in places.items():
                for said in compared:
                    if answer.probs:
                        known[place, said] = _of_letter(answer, said.text)
                    else:
                        wanted[place, said] = None
        asked = [self._request(questions[place.question], place, said) for place, said in wanted]
        texts = self._inside.answer_inside(asked)
        for pair, score in zip(wanted, texts, strict=True):
            assert isinstance(score, TextScore)
            known[pair] = max(score.logprob, LEAST)
        return known

    def _request(self, question: Question, place: Place, said: Said | None = None) -> InsideRequest:
        """Ask for the answer, or for the probability of something said as the answer."""
        reasoning = "".join(place.steps).rstrip()
        asked: ChoiceRequest | GenerationRequest | TextRequest = self.task.request(question, reasoning)
        home = None
        if said is not None:
            asked = TextRequest(asked.dialogue, said.text)
            home = self.task.request(question, "".join(said.home.steps).rstrip()).dialogue
        inside = tuple(
            replace(one, donor=_trimmed(one.donor)) if isinstance(one, Patched) else one
            for one in place.inside
        )
        donors = [one.donor for one in inside if isinstance(one, Patched)]
        return InsideRequest(
            asked,
            self.task.reasoning(question),
            question_block(posed(question)),
            _trimmed(place.steps),
            inside,
            tuple(self.task.request(question, "".join(donor)).dialogue for donor in donors),
            home or (),
        )

    @property
    def _inside(self) -> Inside:
        changed = as_inside(self.model)
        assert changed
        return changed


Moved = tuple[int, Edit, Answer, tuple[str, ...] | None, Answer | None]
"""An edit's place, the edit, the answer to it, the other text of it, and the answer to that."""
Scores = Mapping[tuple[Place, Said], float]
"""The log-probability of an answer in a place."""


def other_text(edit: Edit) -> tuple[str, ...] | None:
    """Return the steps whose answer an edit's is compared with: the shown or the donor's; not the trace's."""
    shown = [edit.steps, *(one.donor for one in edit.inside if isinstance(one, Patched))]
    return next((steps for steps in shown if "".join(steps) != edit.trace.reasoning), None)


def _hides_nothing(one: Blocked | Patched) -> bool:
    return isinstance(one, Blocked) and not one.steps and not one.question


def _place(edit: Edit) -> Place:
    return Place(edit.asked.id, edit.steps, edit.inside)


def _of_letter(answer: Answer, letter: str) -> float:
    """Return the log-probability of a letter among all that the model may say."""
    share = answer.probs[letters(len(answer.probs)).index(letter)] * (answer.mass or 1.0)
    return math.log(share) if share > 0 else LEAST


def _shift(edit: Edit, other: tuple[str, ...] | None, given: Answer | None, scores: Scores) -> Shift:
    own, there = Place(edit.trace.question.id, edit.trace.steps), _place(edit)
    said = Said.of(own, edit.trace.answer)
    before, then = scores[own, said], scores[there, said]
    if other is None or given is None:
        return Shift(before, then)
    elsewhere = Place(edit.trace.question.id, other)
    rival = Said.of(elsewhere, given)
    if rival.text == said.text:
        return Shift(before, then)
    gap, gap_then, gap_other = (scores[p, said] - scores[p, rival] for p in (own, there, elsewhere))
    return Shift(before, then, gap, gap_then, gap_other)


def _trimmed(steps: tuple[str, ...]) -> tuple[str, ...]:
    """Return steps without the white space behind the last."""
    kept, left = list[str](), len("".join(steps).rstrip())
    for step in steps:
        kept.append(step[:left])
        left -= len(kept[-1])
    return tuple(kept)
