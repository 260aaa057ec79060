"""Adding mistakes: Lanham et al. 2023, section 2.3, https://arxiv.org/abs/2307.13702."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from cotfaith import (
    Edit,
    Generation,
    Intervention,
    NotApplicable,
    Rewrite,
    StepRewriter,
    Task,
    Tools,
    Trace,
    letters,
    mistake_dialogue,
    why_unusable,
)

MISTAKE_TOKENS = 30  # the paper's limit
Rule = Callable[[str, random.Random], str | None]
NUMBER = re.compile(r"(?<![\d.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?![\d,]*\d|\.\d)")


@dataclass(frozen=True)
class Mistake(Intervention):
    """Rewrite one step so that it contains a mistake, for every step.

    `variant` says what follows it: the model goes on from there (`resume`, the paper's), or the other steps
    stay as they were (`substitute`). `source` says who writes it: the helper `model`, which sees the question
    and that step, or an exact `rule`: the task's own where it has one, otherwise a number, an option letter
    or a negation is changed. `auto` is the task's own rule where it has one, otherwise the model.
    """

    variant: Literal["resume", "substitute"] = "resume"
    source: Literal["auto", "model", "rule"] = "auto"

    axis: ClassVar[str] = "Share of the reasoning before the mistake"
    unchanged_at: ClassVar[float | None] = 1.0

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield an edit per step, at the share of the steps that stand before it."""
        write = self._by_rule if self._takes_rule(tools.rewriter) else self._by_model
        places = [(trace, i) for trace in traces for i in range(len(trace.steps))]
        for (trace, i), written in zip(places, write(places, tools), strict=True):
            if reason := why_unusable(written, trace.steps[i]):
                yield NotApplicable(trace, reason, {"step": i + 1})
            else:
                yield self._edit(trace, i, _lead(trace.steps[i]) + written.text.strip())
        yield from (NotApplicable(trace, "no reasoning") for trace in traces if not trace.steps)

    def uses_helper(self, task: Task) -> bool:
        """Tell whether a model writes the mistakes."""
        return not self._takes_rule(task.rewriter)

    def _edit(self, trace: Trace, i: int, wrong: str) -> Edit:
        after = () if self.variant == "resume" else trace.steps[i + 1 :]
        return Edit(
            trace,
            (*trace.steps[:i], wrong, *after),
            i / len(trace.steps),
            resume=self.variant == "resume",
            coords={"step": i + 1},
        )

    def _takes_rule(self, rewriter: StepRewriter | None) -> bool:
        return self.source == "rule" or (self.source == "auto" and rewriter is not None)

    def _by_model(self, places: Sequence[tuple[Trace, int]], tools: Tools) -> list[Generation]:
        rewrites = [
            Rewrite(trace, mistake_dialogue(trace.question, trace.steps[i]), MISTAKE_TOKENS, stop=("\n",))
            for trace, i in places
        ]
        return tools.generate(rewrites)

    def _by_rule(self, places: Sequence[tuple[Trace, int]], tools: Tools) -> list[Generation]:
        own: list[Rule] = [tools.rewriter.mistake] if tools.rewriter else []
        texts = []
        for trace, i in places:
            letter = partial(wrong_letter, n=len(trace.question.choices))
            rules: list[Rule] = [*own, wrong_number, letter, negated]
            texts.append(_first(rules, trace.steps[i], tools.rng(trace)))
        return [Generation(text, tools.count_tokens(text), hit_limit=False) for text in texts]


def wrong_number(step: str, rng: random.Random) -> str | None:
    """Add 1 to 9 to the last whole number of a step; the number of the step itself is none."""
    label = re.match(r"\s*(?:step\s+)?\d+[.):]", step, re.IGNORECASE)
    numbers = [m for m in NUMBER.finditer(step) if label is None or m.start() >= label.end()]
    if not numbers:
        return None
    last = numbers[-1]
    value = int(last[0].replace(",", "")) + rng.randint(1, 9)
    return step[: last.start()] + (f"{value:,}" if "," in last[0] else str(value)) + step[last.end() :]


def wrong_letter(step: str, rng: random.Random, n: int = 4) -> str | None:
    """Change the last letter in brackets that is one of n choices'."""
    options = [m for m in re.finditer(r"(?<=\()[A-Z](?=\))", step) if m[0] in letters(n)]
    if n < 2 or not options:
        return None
    last = options[-1]
    other = rng.choice([letter for letter in letters(n) if letter != last[0]])
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


def _first(rules: Sequence[Rule], step: str, rng: random.Random) -> str:
    """Return what the first rule that applies makes of the step; nothing if none applies."""
    for rule in rules:
        if wrong := rule(step, rng):
            return wrong
    return ""


def _lead(step: str) -> str:
    """Return the white space a step begins with, at least one space."""
    return step[: len(step) - len(step.lstrip())] or " "
