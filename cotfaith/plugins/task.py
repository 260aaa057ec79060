"""What a task is: how its questions are read, how they are asked, how answers are judged."""

import math
import random
from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from cotfaith.data.files import HubSource, read_rows
from cotfaith.data.row import Row
from cotfaith.dialogue.answers import same_answer
from cotfaith.dialogue.cued import around, posed
from cotfaith.dialogue.prompts import (
    CHOICE_PREFIX,
    COT_PREFIX,
    SHORT_ANSWER_PREFIX,
    STOP_STRINGS,
    answer_dialogue,
    letters,
    reasoning_dialogue,
)
from cotfaith.dialogue.written_choices import parse_choice
from cotfaith.dialogue.written_words import parse_words
from cotfaith.errors import InputError
from cotfaith.plugins.plugin import Plugin
from cotfaith.plugins.scores import Score
from cotfaith.schema import (
    Answer,
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Generation,
    GenerationRequest,
    Question,
    Sampling,
)


class StepRewriter(Protocol):
    """Exact rewriting of steps by a task that knows their grammar. None: the step is not in it."""

    def mistake(self, step: str, rng: random.Random) -> str | None:
        """Return the step with a wrong value."""

    def paraphrase(self, step: str, rng: random.Random) -> str | None:
        """Return the step in other words with the same value."""

    def values(self, text: str) -> tuple[str, ...]:
        """Return the values of the steps in a text, in their order; those that are none are passed over."""


@dataclass(frozen=True)
class Task(Plugin, ABC):
    """A family of questions: how to read them, how to ask them, how to judge the answers.

    A question with choices is asked by their letters' probabilities, another one in free words.
    """

    rewriter: ClassVar[StepRewriter | None] = None
    scores: ClassVar[tuple[Score, ...]] = ()
    """What is read from its answers beside their accuracy."""
    reads_data: ClassVar[bool] = True
    """Whether its questions come from rows; otherwise `draw` makes them."""
    hub: ClassVar[HubSource | None] = None
    """Where its rows are on the hub; None: only in files."""
    files: ClassVar[tuple[str, ...]] = ()
    """Patterns of its files' paths in a folder, in lower case with underscores; the first that matches."""
    columns: ClassVar[tuple[str, ...]] = ()
    """The columns of its CSV files, where they have no header."""
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """The fields that its rows have, in each of its formats."""
    shuffles: ClassVar[bool] = False
    """Whether the choices are put in another order, question by question, by the seed."""
    cot_prefix: ClassVar[str] = COT_PREFIX
    """With what the assistant's reasoning begins."""
    answer_tokens: ClassVar[int] = 16
    """Most tokens of an answer in free words."""

    def draw(self, n: int, seed: int) -> list[Question]:
        """Make n questions; a smaller n gives the first of them."""
        raise NotImplementedError(f"task {self.name()!r} reads its questions and makes none")

    def question(self, row: Row) -> Question | None:
        """Turn a row into a question, or None where it is not one of those that the fields ask for.

        The id may be left empty: what the question says then names it. InputError tells what is wrong.
        """
        raise NotImplementedError(f"task {self.name()!r} makes its questions and reads none")

    def apart(self, row: Row) -> str:
        """Return what keeps rows that ask the same from being duplicates, if it differs; nothing does."""
        return ""

    def sources(self) -> tuple[HubSource, ...]:
        """Return where the rows are on the hub."""
        return () if self.hub is None else (self.hub,)

    def rows(self, path: Path) -> Iterator[Row | InputError]:
        """Read a file's rows, and the errors that stand in the place of some."""
        return read_rows(path, self.columns)

    def reasoning(self, question: Question, shown: str = "") -> Dialogue:
        """Ask for reasoning, or for more of it after what is shown."""
        return around(reasoning_dialogue(posed(question), shown, self.cot_prefix), question.arm)

    def request(self, question: Question, reasoning: str) -> ChoiceRequest | GenerationRequest:
        """Ask for the answer after the reasoning: the letters' probabilities, or a short continuation."""
        if self.by_letter(question):
            return ChoiceRequest(
                self._asked(question, reasoning, CHOICE_PREFIX), letters(len(question.choices))
            )
        dialogue = self._asked(question, reasoning, SHORT_ANSWER_PREFIX)
        sampling = Sampling(temperature=0, max_new_tokens=self.answer_tokens)
        return GenerationRequest(dialogue, sampling, stop=STOP_STRINGS)

    def _asked(self, question: Question, reasoning: str, prefix: str) -> Dialogue:
        dialogue = answer_dialogue(posed(question), reasoning, prefix, self.cot_prefix)
        return around(dialogue, question.arm)

    def interpret(self, question: Question, result: ChoiceProbs | Generation) -> Answer:
        """Take the most likely letter, or parse what was written."""
        if isinstance(result, ChoiceProbs):
            best = max(range(len(result.probs)), key=lambda i: result.probs[i])
            letter = letters(len(question.choices))[best]
            return Answer(letter, result.probs, result.mass, correct=self.correct(question, letter))
        text = self.parse(question, result.text)
        probability = None if result.logprob is None else math.exp(min(result.logprob, 0.0))
        correct = self.correct(question, text)
        return Answer(text, probability=probability, completion=result.text, correct=correct)

    def by_letter(self, question: Question) -> bool:
        """Tell whether the answer is read from the letters' probabilities."""
        return bool(question.choices)

    def needs(self, question: Question) -> frozenset[str]:
        """Return the abilities, by their names in `Abilities`, that asking this question takes."""
        return frozenset({"logprobs"} if self.by_letter(question) else ())

    def parse(self, question: Question, completion: str) -> str | None:
        """Return the answer that was written (a choice's letter, or itself), None if there is none."""
        if question.choices:
            return parse_choice(completion, question.choices)
        return parse_words(completion)

    def correct(self, question: Question, text: str | None) -> bool | None:
        """Tell whether an answer is right; an unread one is not. None if there is no right answer."""
        return any(self.same(question, text, right) for right in question.right) if question.right else None

    def same(self, question: Question, first: str | None, second: str | None) -> bool:
        """Tell whether two answers are the same; an unread answer equals no other."""
        return same_answer(question, first, second)


@dataclass(frozen=True)
class MultipleChoice(Task):
    """Lettered choices. `written` has the model write its answer, and parses it."""

    written: bool = False

    def by_letter(self, question: Question) -> bool:
        """Tell whether the answer is read from the letters' probabilities."""
        return bool(question.choices) and not self.written
