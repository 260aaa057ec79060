"""The two plug-in base classes and what an intervention is handed.

A plug-in is a frozen dataclass in a file of its own: its fields are its parameters, its docstring's first
line is its help text, its file's name is its name.
"""

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from cotfaith.data.files import HubSource, read_rows
from cotfaith.data.row import Row
from cotfaith.dialogue.parsing import parse_choice, parse_words
from cotfaith.dialogue.prompts import (
    CHOICE_PREFIX,
    COT_PREFIX,
    SHORT_ANSWER_PREFIX,
    STOP_STRINGS,
    answer_dialogue,
    choice_text,
    letters,
    reasoning_dialogue,
)
from cotfaith.errors import InputError
from cotfaith.identity import derive_seed
from cotfaith.plugins.readings import Reading
from cotfaith.schema import (
    Answer,
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Edit,
    Generation,
    GenerationRequest,
    NotApplicable,
    Question,
    Sampling,
    Trace,
)

ESCAPED_COMMA = r"\,"
"""A comma in a value of a specification, where a plain one parts the fields."""


class StepRewriter(Protocol):
    """Exact rewriting of steps by a task that knows their grammar. None: the step is not in it."""

    def mistake(self, step: str, rng: random.Random) -> str | None:
        """Return the step with a wrong value."""

    def paraphrase(self, step: str, rng: random.Random) -> str | None:
        """Return the step in other words with the same value."""

    def values(self, text: str) -> tuple[str, ...]:
        """Return the values of the steps in a text, in their order; those that are none are passed over."""


@dataclass(frozen=True)
class Plugin:
    """What tasks and interventions have in common."""

    @classmethod
    def name(cls) -> str:
        """Return the file's name with hyphens."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @property
    def spec(self) -> str:
        """Return what rebuilds this object: `name:field=value,...`, defaults left out."""
        changed = [
            f"{f.name}={str(getattr(self, f.name)).replace(',', ESCAPED_COMMA)}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"{self.name()}:{','.join(changed)}" if changed else self.name()


@dataclass(frozen=True)
class Task(Plugin, ABC):
    """A family of questions: how to read them, how to ask them, how to judge the answers.

    A question with choices is asked by their letters' probabilities, another one in free words.
    """

    rewriter: ClassVar[StepRewriter | None] = None
    readings: ClassVar[tuple[Reading, ...]] = ()
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
        """Make n questions; fewer are the beginning of more."""
        raise NotImplementedError(f"task {self.name()!r} reads its questions and makes none")

    def question(self, row: Row) -> Question | None:
        """Turn a row into a question, or None where it is not one of those that the fields ask for.

        The id may be left empty: what the question says then names it. InputError tells what is wrong.
        """
        raise NotImplementedError(f"task {self.name()!r} makes its questions and reads none")

    def sources(self) -> tuple[HubSource, ...]:
        """Return where the rows are on the hub."""
        return () if self.hub is None else (self.hub,)

    def rows(self, path: Path) -> Iterator[Row | InputError]:
        """Read a file's rows, and the errors that stand in the place of some."""
        return read_rows(path, self.columns)

    def reasoning(self, question: Question, shown: str = "") -> Dialogue:
        """Ask for reasoning, or for more of it after what is shown."""
        return reasoning_dialogue(question, shown, self.cot_prefix)

    def request(self, question: Question, reasoning: str) -> ChoiceRequest | GenerationRequest:
        """Ask for the answer after the reasoning: the letters' probabilities, or a short continuation."""
        if self.by_letter(question):
            dialogue = answer_dialogue(question, reasoning, CHOICE_PREFIX, self.cot_prefix)
            return ChoiceRequest(dialogue, letters(len(question.choices)))
        dialogue = answer_dialogue(question, reasoning, SHORT_ANSWER_PREFIX, self.cot_prefix)
        sampling = Sampling(temperature=0, max_new_tokens=self.answer_tokens)
        return GenerationRequest(dialogue, sampling, stop=STOP_STRINGS)

    def read(self, question: Question, result: ChoiceProbs | Generation) -> Answer:
        """Take the most likely letter, or parse what was written; the latter's mass is its probability."""
        if isinstance(result, ChoiceProbs):
            best = max(range(len(result.probs)), key=lambda i: result.probs[i])
            letter = letters(len(question.choices))[best]
            return Answer(letter, result.probs, result.mass, correct=self.correct(question, letter))
        text = self.parse(question, result.text)
        probability = math.exp(min(result.logprob, 0.0))
        return Answer(text, (), probability, result.text, self.correct(question, text))

    def by_letter(self, question: Question) -> bool:
        """Tell whether the answer is read from the letters' probabilities."""
        return bool(question.choices)

    def parse(self, question: Question, completion: str) -> str | None:
        """Return the answer that was written (a choice's letter, or itself), None if there is none."""
        if question.choices:
            return parse_choice(completion, question.choices)
        return parse_words(completion)

    def correct(self, question: Question, text: str | None) -> bool | None:
        """Tell whether an answer is right; an unread answer is not, and None where nothing is."""
        return None if question.gold is None else self.same(question, text, question.gold)

    def same(self, question: Question, first: str | None, second: str | None) -> bool:
        """Tell whether two answers are the same; an unread answer is the same as nothing.

        Letters of choices that say the same are the same answer.
        """
        if first is None or second is None:
            return False
        return first == second or (
            bool(question.choices) and choice_text(question, first) == choice_text(question, second)
        )


@dataclass(frozen=True)
class MultipleChoice(Task):
    """Lettered choices. `written` has the model write its answer, and parses it."""

    written: bool = False

    def by_letter(self, question: Question) -> bool:
        """Tell whether the answer is read from the letters' probabilities."""
        return bool(question.choices) and not self.written


@dataclass(frozen=True)
class Rewrite:
    """A request to the helper model to write something about a trace."""

    trace: Trace
    dialogue: Dialogue
    max_new_tokens: int
    stop: tuple[str, ...] = STOP_STRINGS


@dataclass(frozen=True)
class Tools:
    """What an intervention may use."""

    seed: int
    intervention: str
    """Its specification; part of every seed."""
    helper: Callable[[Sequence[GenerationRequest]], list[Generation]]
    count_tokens: Callable[[str], int]
    """Tokens of a text for the model under test."""
    rewriter: StepRewriter | None
    """The task's own exact rewriting, where it has it."""

    def rng(self, trace: Trace) -> random.Random:
        """Return a generator that is the same for this trace whatever else runs."""
        return random.Random(self._seed(trace))

    def generate(self, rewrites: Sequence[Rewrite]) -> list[Generation]:
        """Have the helper model write, as many at once as there are; white space around is dropped."""
        requests = [
            GenerationRequest(
                rewrite.dialogue,
                Sampling(max_new_tokens=rewrite.max_new_tokens),
                self._seed(rewrite.trace, rewrite.dialogue),
                rewrite.stop,
            )
            for rewrite in rewrites
        ]
        return [replace(written, text=written.text.strip()) for written in self.helper(requests)]

    def _seed(self, trace: Trace, *parts: object) -> int:
        return derive_seed(self.seed, self.intervention, trace.question.id, trace.sample, *parts)


@dataclass(frozen=True)
class Intervention(Plugin, ABC):
    """A change to the reasoning, and what to read from the answers after it."""

    per_question: ClassVar[bool] = False
    """Handed all samples of a question whenever there is a new one; its edits name the first sample."""
    floor: ClassVar[bool] = False
    """Changes nothing: what it reads is what the others are compared with."""
    reading: ClassVar[Literal["same", "correct"]] = "same"
    """What is plotted along the curve: the same-answer rate or the accuracy. The tables hold both."""
    axis: ClassVar[str] = "Share of the reasoning shown"
    """What the position along the curve means."""
    coordinate: ClassVar[str | None] = None
    """The labelled coordinate that is plotted instead of the position."""
    unchanged_at: ClassVar[float | None] = None
    """The position, without an edit, at which the reasoning is the original."""

    @abstractmethod
    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield the edits of each trace, or say why there are none."""

    def uses_helper(self, task: Task) -> bool:
        """Tell whether the edits depend on the model that writes them."""
        return False

    def check(self, task: Task) -> None:
        """Raise InputError, before any model is loaded, if this cannot be done on that task."""
