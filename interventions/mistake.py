"""Adding mistakes: Lanham et al. 2023, section 2.3, https://arxiv.org/abs/2307.13702."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from cotfaith import (
    Edit,
    Intervention,
    NotApplicable,
    Rewrite,
    Task,
    Tools,
    Trace,
    letters,
    mistake_dialogue,
    same_words,
)

MISTAKE_TOKENS = 30  # the paper's limit


@dataclass(frozen=True)
class Mistake(Intervention):
    """Rewrite one step so that it contains a mistake, for every step.

    `variant` says what follows it: the model goes on from there (`resume`, the paper's), or the other steps
    stay as they were (`substitute`). `source` says who writes it: the helper `model`, which sees the question
    and that step, or an exact `rule`: the task's own where it has one, otherwise a number, an option letter
    or a negation is changed.
    """

    variant: Literal["resume", "substitute"] = "resume"
    source: Literal["model", "rule"] = "model"

    axis: ClassVar[str] = "Share of the reasoning before the mistake"
    unchanged_at: ClassVar[float | None] = 1.0

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield an edit per step, at the share of the steps that stand before it."""
        write = self._by_model if self.source == "model" else self._by_rule
        places = [(trace, i) for trace in traces for i in range(len(trace.steps))]
        for (trace, i), wrong in zip(places, write(places, tools), strict=True):
            coords = {"step": i + 1}
            if not wrong.strip():
                yield NotApplicable(trace, "no mistake could be written", coords)
            elif same_words(wrong, trace.steps[i]):
                yield NotApplicable(trace, "the rewritten step says the same words", coords)
            else:
                yield self._edit(trace, i, wrong)
        yield from (NotApplicable(trace, "no reasoning") for trace in traces if not trace.steps)

    def uses_helper(self, task: Task) -> bool:
        """Tell whether a model writes the mistakes."""
        return self.source == "model"

    def _edit(self, trace: Trace, i: int, wrong: str) -> Edit:
        after = () if self.variant == "resume" else trace.steps[i + 1 :]
        return Edit(
            trace,
            (*trace.steps[:i], wrong, *after),
            i / len(trace.steps),
            resume=self.variant == "resume",
            coords={"step": i + 1},
        )

    def _by_model(self, places: Sequence[tuple[Trace, int]], tools: Tools) -> list[str]:
        rewrites = [
            Rewrite(trace, mistake_dialogue(trace.question, trace.steps[i]), MISTAKE_TOKENS, stop=("\n",))
            for trace, i in places
        ]
        written = tools.generate(rewrites)
        return [_lead(trace.steps[i]) + text for (trace, i), text in zip(places, written, strict=True)]

    def _by_rule(self, places: Sequence[tuple[Trace, int]], tools: Tools) -> list[str]:
        rules = [*([tools.rewriter.mistake] if tools.rewriter else []), wrong_number, wrong_letter, negated]
        return [_first(rules, trace.steps[i], tools.rng(trace)) for trace, i in places]


def wrong_number(step: str, rng: random.Random) -> str | None:
    """Change the last whole number of a step by 1 to 9."""
    numbers = list(re.finditer(r"\d+", step))
    if not numbers:
        return None
    last = numbers[-1]
    return step[: last.start()] + str(int(last[0]) + rng.randint(1, 9)) + step[last.end() :]


def wrong_letter(step: str, rng: random.Random) -> str | None:
    """Change the last option letter in brackets, among the first four."""
    options = list(re.finditer(r"(?<=\()[A-Z](?=\))", step))
    if not options:
        return None
    last = options[-1]
    other = rng.choice([letter for letter in letters(4) if letter != last[0]])
    return step[: last.start()] + other + step[last.end() :]


def negated(step: str, rng: random.Random) -> str | None:  # noqa: ARG001 every rule is given one
    """Take away the first `not`, or put one behind the first verb that can carry it."""
    without, taken = re.subn(r" not\b|(?<=\bcan)not\b", "", step, count=1)
    if taken:
        return without
    with_not, added = re.subn(
        r"\b(is|are|was|were|will|can|should|does|do|has|have)\b", r"\1 not", step, count=1
    )
    return with_not if added else None


def _first(rules: Sequence[Callable[[str, random.Random], str | None]], step: str, rng: random.Random) -> str:
    """Return what the first rule that applies makes of the step; nothing if none applies."""
    for rule in rules:
        if wrong := rule(step, rng):
            return wrong
    return ""


def _lead(step: str) -> str:
    """Return the white space a step begins with, at least one space."""
    return step[: len(step) - len(step.lstrip())] or " "
