"""What an intervention is, and what it is handed."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from cotfaith.dialogue.prompts import STOP_STRINGS
from cotfaith.dialogue.steps import split_steps
from cotfaith.identity import derive_seed
from cotfaith.plugins.plugin import Plugin
from cotfaith.plugins.positions import positions
from cotfaith.plugins.task import StepRewriter, Task
from cotfaith.schema import (
    Dialogue,
    Edit,
    Generation,
    GenerationRequest,
    NotApplicable,
    Question,
    Refusal,
    Rewritten,
    Sampling,
    StepKind,
    Trace,
)


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
    helper: Callable[[Sequence[GenerationRequest]], list[Generation | Refusal]]
    count_tokens: Callable[[str], int]
    """Tokens of a text for the model under test."""
    first_tokens: Callable[[str, int], str]
    """The beginning of a text that has so many of its tokens."""
    rewriter: StepRewriter | None
    """The task's own exact rewriting, where it has it."""
    thinking: bool = False
    """Whether the reasoning is a block of thinking, which may be long."""
    steps: StepKind = "sentence"
    """What a step of reasoning is."""
    points: int | None = None
    """Most positions along a reasoning at which it is changed; None: all."""
    done: int = 0
    """How many of these positions have been changed before."""
    arms: Callable[[Question], tuple[Question, ...]] = lambda question: (question,)
    """The same question as it is asked plainly, and with each arm of each cue."""
    states: Callable[[Question, str], str | None] = lambda question, text: None  # noqa: ARG005
    """The answer that a text states, as the task reads it; None if it states none."""

    def positions(self, steps: int) -> list[int]:
        """Return how many of a reasoning's steps to show: each number from 0 to all, or as many as are asked.

        Where step i is changed, i steps are shown. Numbers that were returned before are left out.
        """
        return positions(steps, self.points, self.done)

    def split(self, text: str) -> tuple[str, ...]:
        """Cut text into steps, as reasoning is cut."""
        return split_steps(text, self.steps)

    layers: int = 1
    """How many layers the model under test has, where it can be changed inside."""
    build: "Callable[[str], Intervention] | None" = None
    """Builds another intervention from its specification."""

    def edits_of(self, spec: str, traces: Sequence[Trace]) -> list[Edit | NotApplicable]:
        """Return what another intervention makes of traces, as if it had been run itself."""
        assert self.build is not None
        other = self.build(spec)
        return list(other.edits(traces, replace(self, intervention=other.spec)))

    def rng(self, trace: Trace) -> random.Random:
        """Return a generator that is the same for this trace whatever else runs."""
        return random.Random(self._seed(trace))

    def write(self, rewrites: Sequence[Rewrite]) -> list[Rewritten]:
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
        return [_as_written(written) for written in self.helper(requests)]

    def _seed(self, trace: Trace, *parts: object) -> int:
        return derive_seed(self.seed, self.intervention, trace.question.id, trace.sample, *parts)


def _as_written(written: Generation | Refusal) -> Rewritten:
    if isinstance(written, Refusal):
        return Rewritten(fault=f"its writer could not be asked: {written.reason}")
    text = written.text.strip()
    cut_off = bool(text) and written.hit_limit
    return Rewritten(text, "the rewrite was cut off by the token limit" if cut_off else "")


@dataclass(frozen=True)
class Intervention(Plugin, ABC):
    """A change to the reasoning, and what to read from the answers after it."""

    needs: ClassVar[frozenset[str]] = frozenset({"prefill"})
    """The abilities, by their names in `Abilities`, without which a model cannot be asked after an edit;
    `hooks` for edits that change it inside."""
    by_default: ClassVar[bool] = True
    """Whether it is among those that are run where none is named."""
    per_question: ClassVar[bool] = False
    """Handed all samples of a question whenever there is a new one; its edits name the first sample."""
    across_arms: ClassVar[bool] = False
    """Moves reasoning between the arms of a cue; read where cues are, not beside other interventions."""
    floor: ClassVar[bool] = False
    """Changes nothing: what it reads is what the others are compared with."""
    plotted: ClassVar[Literal["same", "correct"]] = "same"
    """What is plotted along the curve: the same-answer rate or the accuracy. The tables hold both."""
    axis: ClassVar[str] = "Share of the reasoning shown"
    """What the position along the curve means."""
    coordinate: ClassVar[str | None] = None
    """The labelled coordinate that is plotted instead of the position."""
    unchanged_at: ClassVar[float | None] = None
    """The position at which the reasoning is the original and no edit is made."""

    @property
    def asks_for(self) -> frozenset[str]:
        """The abilities that it needs with its fields as they are."""
        return self.needs

    @property
    def made_of(self) -> tuple[str, ...]:
        """Specifications of other interventions whose edits go into its own."""
        return ()

    @property
    def unedited(self) -> str | None:
        """The intervention that does the same without an edit: its floor. None for a floor itself."""
        return None if self.floor else "sham"

    @property
    def resumes(self) -> bool:
        """Whether the model goes on reasoning from what it is shown, as its floor does."""
        return self.unedited == "sham:variant=resume"

    def groups(self, layers: int) -> int:
        """Return in how many groups of a model's layers its edits do something at each position."""
        return layers

    @property
    def between_steps(self) -> bool:
        """Whether it is measured how edits that hide steps from all later tokens move the later steps."""
        return False

    @property
    def diagnostic(self) -> str:
        """What the divergence that its edits cause is called in the literature, if it has a name."""
        return ""

    @abstractmethod
    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield the edits of each trace, or say why there are none."""

    def uses_helper(self, task: Task) -> bool:
        """Tell whether the edits depend on the model that writes them."""
        return False

    def check(self, task: Task) -> None:
        """Raise InputError, before any model is loaded, if this cannot be done on that task."""

    def check_layers(self, layers: int) -> None:
        """Raise InputError, before any model is loaded, if this cannot be done in so many layers."""
