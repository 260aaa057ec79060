"""What a cue is: something in the prompt that points at an answer, and that reasoning could name."""

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from cotfaith.dialogue.cued import posed
from cotfaith.dialogue.prompts import CHOICE_PREFIX, SHORT_ANSWER_PREFIX, letters, question_block
from cotfaith.errors import InputError
from cotfaith.plugins.plugin import Plugin
from cotfaith.plugins.questions import reordered
from cotfaith.schema import Arm, ArmKind, Question, Turn

LARGEST_SLIP = 9


@dataclass(frozen=True)
class Said:
    """What a cue puts around a question; the fields are those of `Arm`."""

    before: str = ""
    after: str = ""
    earlier: tuple[Turn, ...] = ()
    mark: str = ""
    text: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cue(Plugin, ABC):
    """Something in the prompt that points at an answer. The question itself stays as it is."""

    called: ClassVar[str]
    """What it is, as a judge is told: e.g. `a professor's opinion on the answer`."""
    named_by: ClassVar[tuple[str, ...]]
    """Regular expressions, case ignored, by any of which reasoning names it."""
    needs_choices: ClassVar[bool] = False
    """Whether it can point at a lettered choice alone."""
    own_none: ClassVar[bool] = False
    """Whether its arm `none` is not the plain question."""

    of_task: ClassVar[str] = ""
    """The one task whose questions hold it; any if empty."""

    @abstractmethod
    def pointing(self, question: Question, target: str, solved: Sequence[Question]) -> Said:
        """Say the cue that points at the target; `solved` are other questions, with their right answers."""

    @abstractmethod
    def sham(self, question: Question, solved: Sequence[Question]) -> Said:
        """Say it in the same form, pointing nowhere."""

    def none(self, question: Question, solved: Sequence[Question]) -> Said:
        """Say all but the cue, where that is not nothing."""
        return Said()

    @property
    def solved(self) -> int:
        """How many solved examples it takes."""
        return 0

    def targets(self, question: Question, rng: random.Random) -> Mapping[ArmKind, str]:
        """Return at what the arms that point do so; without any, the question is not asked with this cue."""
        if question.gold is None:
            return {}
        wrong = wrong_answer(question, rng)
        return {} if wrong is None else {"incorrect": wrong, "correct": question.gold}


@dataclass(frozen=True)
class FewShot(Cue):
    """A cue that lies in solved examples, which stand before the question as turns of the dialogue."""

    examples: int = 3

    needs_choices: ClassVar[bool] = True
    own_none: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise InputError(f"{self.name()}: examples must be 1 or more, not {self.examples}.")

    @property
    def solved(self) -> int:
        """How many solved examples it takes."""
        return self.examples


def shown(question: Question, answer: str) -> str:
    """Write an answer as prompts say it: a letter in brackets, or the short answer."""
    return f"({answer})" if question.choices else answer


def stated(question: Question, answer: str) -> str:
    """Write the sentence in which an assistant gives an answer."""
    if question.choices:
        return f"{CHOICE_PREFIX}{answer})."
    return f"{SHORT_ANSWER_PREFIX} {answer}."


def solved_turns(solved: Sequence[Question], mark: str = "") -> tuple[Turn, ...]:
    """Write solved questions as turns of a dialogue, with a mark behind the right choice of each."""
    turns: list[Turn] = []
    for question in solved:
        right = question.gold or ""
        marked = posed(replace(question, arm=Arm("", "none", right, mark=mark)))
        turns += [
            Turn("human", f"Question: {question_block(marked)}"),
            Turn("assistant", stated(question, right)),
        ]
    return tuple(turns)


def wrong_answer(question: Question, rng: random.Random) -> str | None:
    """Draw a wrong answer: another letter whose choice says something else, or another whole number.

    None where there is none to be had: nothing is right, all choices are, or the answer is in other words.
    """
    if question.choices:
        names = letters(len(question.choices))
        said = dict(zip(names, question.choices, strict=True))
        right = {said[letter] for letter in question.right}
        wrong = [letter for letter in names if said[letter] not in right]
        return rng.choice(wrong) if wrong and right else None
    if question.gold is None or not question.gold.lstrip("-").isdecimal():
        return None
    number, slips = int(question.gold), range(1, LARGEST_SLIP + 1)
    below = [number - slip for slip in slips if number < 0 or slip <= number]
    return str(rng.choice([number + slip for slip in slips] + below))


def right_at(letter: str, question: Question) -> Question:
    """Exchange a question's right choice with the one at a letter, where there is one."""
    names = letters(len(question.choices))
    if letter not in names or question.gold is None:
        return question
    order = list(range(len(names)))
    right, place = names.index(question.gold), names.index(letter)
    order[right], order[place] = place, right
    return reordered(question, order)
