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

from cotfaith.identity import derive_seed, key
from cotfaith.prompts import CHOICE_PREFIX, SHORT_ANSWER_PREFIX, STOP_STRINGS, answer_dialogue, letters
from cotfaith.rows import HubSource, Row, check_unique, read_hub, read_jsonl
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
    """A family of questions: how to get them, how to ask them, how to judge the answers."""

    rewriter: ClassVar[StepRewriter | None] = None
    reads_data: ClassVar[bool] = True

    @abstractmethod
    def load(self, data: Path | None, n: int | None, seed: int) -> list[Question]:
        """Return n questions (all, if None); a smaller n gives the beginning of a larger one's."""

    @abstractmethod
    def request(self, question: Question, reasoning: str) -> ChoiceRequest | GenerationRequest:
        """Ask for the answer after the reasoning."""

    @abstractmethod
    def read(self, question: Question, result: ChoiceProbs | Generation) -> Answer:
        """Read the answer from what the model gave back for the request."""

    def correct(self, question: Question, text: str | None) -> bool | None:
        """Tell whether an answer is right; an unread answer is not, and None where nothing is."""
        return None if question.gold is None else self.same(text, question.gold)

    def same(self, first: str | None, second: str | None) -> bool:
        """Tell whether two answers are the same; an unread answer is the same as nothing."""
        return first is not None and first == second


@dataclass(frozen=True)
class MultipleChoice(Task):
    """Lettered choices; the answer is read from the probabilities of the letters."""

    hub: ClassVar[HubSource]

    @abstractmethod
    def question(self, row: Row) -> Question:
        """Turn one row of the benchmark's file into a question."""

    def load(self, data: Path | None, n: int | None, seed: int) -> list[Question]:
        """Read the file, or the hub's split, and take a seeded subset."""
        rows = read_hub(self.hub) if data is None else read_jsonl(data)
        questions = [self.question(row) for row in rows]
        check_unique(str(data or self.hub.name), [question.id for question in questions])
        return sorted(questions, key=lambda question: key(seed, question.id))[:n]

    def request(self, question: Question, reasoning: str) -> ChoiceRequest:
        """Ask for the probabilities of the letters after the opening bracket."""
        dialogue = answer_dialogue(question, reasoning, CHOICE_PREFIX)
        return ChoiceRequest(dialogue, letters(len(question.choices)))

    def read(self, question: Question, result: ChoiceProbs | Generation) -> Answer:
        """Take the most likely letter."""
        assert isinstance(result, ChoiceProbs)
        best = max(range(len(result.probs)), key=lambda i: result.probs[i])
        letter = letters(len(question.choices))[best]
        return Answer(letter, result.probs, result.mass, correct=self.correct(question, letter))


@dataclass(frozen=True)
class FreeResponse(Task):
    """A short answer in the model's own words, taken greedily and parsed."""

    answer_tokens: ClassVar[int] = 16

    @abstractmethod
    def parse(self, completion: str) -> str | None:
        """Return the answer in a form in which equal answers are equal strings; None if there is none."""

    def request(self, question: Question, reasoning: str) -> GenerationRequest:
        """Ask for the most likely short continuation of the answer prefix."""
        dialogue = answer_dialogue(question, reasoning, SHORT_ANSWER_PREFIX)
        sampling = Sampling(temperature=0, max_new_tokens=self.answer_tokens)
        return GenerationRequest(dialogue, sampling, stop=(*STOP_STRINGS, "\n"))

    def read(self, question: Question, result: ChoiceProbs | Generation) -> Answer:
        """Parse the completion."""
        assert isinstance(result, Generation)
        text = self.parse(result.text)
        probability = math.exp(result.logprob)
        return Answer(text, (), probability, result.text, self.correct(question, text))


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
