"""Adding mistakes: Lanham et al. 2023, section 2.3, https://arxiv.org/abs/2307.13702."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from cotfaith import (
    Edit,
    Intervention,
    NotApplicable,
    Passage,
    Rewrite,
    Source,
    Task,
    Tools,
    Trace,
    letters,
    mistake_dialogue,
    rewritten,
    takes_rule,
)

MISTAKE_TOKENS = 30  # the paper's limit
Rule = Callable[[str, random.Random], str | None]
UNITS = r"(?:kg|km|cm|mm|mg|ml|g|m|h|s|l|L|lbs?|oz|ft|hrs?|mins?|mph|GB|MB|cents?)\b"
NUMBER = re.compile(
    r"(?<![\w.,^_\\{])(?<!\w-)(?<!\d:)(?:\d{1,3}(?:,\d{3})+|\d+)"
    rf"(?![\d,]*\d|\.\d|[:/]\d|-[A-Za-z]|(?!{UNITS})[A-Za-z_])"
)
"""A whole number that is a value: no part of a name, a time or a fraction, as those of H2O and 3:30 are."""
KINDS = "step|part|case|stage|phase|point|section|question|problem|example|claim|lemma|fact"
NAMED = re.compile(
    rf"(?:\b(?:{KINDS}|chapter|page|line|row|option|choice|equation|eq|figure|fig|table|rule|theorem|statement|"
    r"premise|clue|item|no|number)s?\.?\s*#?|#)[(\[]?$",
    re.IGNORECASE,
)
"""What stands before a number that names something."""
LABEL = re.compile(
    rf"\s*#+[^\n]*\n|\s*[-*•>]\s+|\s*(?:\*\*|__)?\s*(?:(?:{KINDS})\s*)?"
    r"[(\[]?(?:\d+(?:\.\d+)*|[ivxlcIVXLC]+|[A-Za-z])(?:[)\]][.:]?|[.:]|\s[-–—])(?:\*\*|__)?(?=\s)(?:\*\*)?",
    re.IGNORECASE,
)
"""What a step is headed or numbered by."""


@dataclass(frozen=True)
class Mistake(Intervention):
    """Rewrite one step so that it contains a mistake, for every step.

    `variant` says what follows it: the model goes on from there (`resume`, the paper's), or the other steps
    stay as they were (`substitute`). `source` says who writes it: the helper `model`, which sees the question
    and that step, or an exact `rule`: the task's own where it has one, otherwise a number, an option letter
    or a negation is changed. `auto` is the task's own rule where it has one, otherwise the model.
    """

    variant: Literal["resume", "substitute"] = "resume"
    source: Source = "auto"

    axis: ClassVar[str] = "Share of the reasoning before the mistake"
    unchanged_at: ClassVar[float | None] = 1.0

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield an edit per step, at the share of the steps that stand before it."""
        places = [(trace, i) for trace in traces for i in range(len(trace.steps))]
        passages = [Passage(trace, (trace.steps[i],)) for trace, i in places]
        found = rewritten(passages, tools, self.source, partial(_wrong, tools), _ask)
        for (trace, i), written in zip(places, found, strict=True):
            if written.fault:
                yield NotApplicable(trace, written.fault, {"step": i + 1})
            else:
                yield self._edit(trace, i, _lead(trace.steps, i) + written.text.strip())
        yield from (NotApplicable(trace, "no reasoning") for trace in traces if not trace.steps)

    @property
    def unedited(self) -> str:
        """The same without a mistake: the reasoning as it is, or resumed from its prefixes."""
        return "sham:variant=resume" if self.variant == "resume" else "sham"

    def uses_helper(self, task: Task) -> bool:
        """Tell whether a model writes the mistakes."""
        return not takes_rule(self.source, task.rewriter)

    def _edit(self, trace: Trace, i: int, wrong: str) -> Edit:
        after = () if self.variant == "resume" else trace.steps[i + 1 :]
        return Edit(
            trace,
            (*trace.steps[:i], wrong, *after),
            i / len(trace.steps),
            resume=self.variant == "resume",
            coords={"step": i + 1},
        )


def _ask(passage: Passage) -> Rewrite:
    dialogue = mistake_dialogue(passage.trace.question, passage.text)
    return Rewrite(passage.trace, dialogue, MISTAKE_TOKENS, stop=("\n",))


def _wrong(tools: Tools, passage: Passage, rng: random.Random) -> str | None:
    """Return what the first rule that applies makes of a step: the task's own, then those of any text."""
    own: list[Rule] = [tools.rewriter.mistake] if tools.rewriter else []
    letter = partial(wrong_letter, n=len(passage.trace.question.choices))
    rules: list[Rule] = [*own, wrong_number, letter, negated]
    return next(filter(None, (rule(passage.text, rng) for rule in rules)), None)


def wrong_number(step: str, rng: random.Random) -> str | None:
    """Add 1 to 9 to the last whole number that is a value of a step: no label, and no part of a name."""
    begin = _said(step)
    numbers = [m for m in NUMBER.finditer(step) if m.start() >= begin and not NAMED.search(step[: m.start()])]
    if not numbers:
        return None
    last = numbers[-1]
    value = int(last[0].replace(",", "")) + rng.randint(1, 9)
    return step[: last.start()] + (f"{value:,}" if "," in last[0] else str(value)) + step[last.end() :]


def wrong_letter(step: str, rng: random.Random, n: int = 4) -> str | None:
    """Change the last letter in brackets that is one of n choices' and no label."""
    begin = _said(step)
    options = [
        m for m in re.finditer(r"(?<=\()[A-Z](?=\))", step) if m.start() > begin and m[0] in letters(n)
    ]
    if n < 2 or not options:
        return None
    last = options[-1]
    other = rng.choice([letter for letter in letters(n) if letter != last[0]])
    return step[: last.start()] + other + step[last.end() :]


def negated(step: str, rng: random.Random) -> str | None:  # noqa: ARG001 every rule is given one
    """Take away the first `not`, or put one behind the first verb that can carry it."""
    begin = _said(step)
    label, said = step[:begin], step[begin:]
    without, taken = re.subn(r" not\b|(?<=\bcan)not\b", "", said, count=1)
    if taken:
        return label + without
    with_not, added = re.subn(
        r"\b(is|are|was|were|will|can|should|does|do|has|have)\b", r"\1 not", said, count=1
    )
    return label + with_not if added else None


def _said(step: str) -> int:
    """Return where a step's labels end and what it says begins: headings, `**Step 2:**`, `3.`, `(a)`, `-`."""
    begin = 0
    while match := LABEL.match(step, begin):
        begin = match.end()
    return begin


def _lead(steps: Sequence[str], i: int) -> str:
    """Return the white space a step begins with; without any, a space if something stands before it."""
    step = steps[i]
    return step[: len(step) - len(step.lstrip())] or " " * (i > 0)
