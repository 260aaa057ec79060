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
    without_labels,
)

MISTAKE_TOKENS = 30  # the paper's limit
Rule = Callable[[str, random.Random], str | None]
_LETTERS = "A-Za-zÀ-ɏͰ-ӿ"
_UNITS = r"(?:kg|g|mg|lbs?|oz|km|cm|mm|m|mi|ft|in|yd|mph|ml|l|hrs?|h|mins?)\b"
NUMBER = re.compile(
    rf"(?<![\d.,{_LETTERS}_#])(?<![{_LETTERS}][-_])(?<!_\{{)(?<![{_LETTERS})}}]\^)(?<![{_LETTERS})}}]\^\{{)"
    rf"(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?![\d,]*\d|\.\d|-[A-Z]|_|(?!{_UNITS})[{_LETTERS}])"
)
"""A whole number that is no part, index or power of a name: not `H2O`, `x1`, `x_1`, `m^2`, `GPT-4`."""
_DATED = (
    "January February March April May June July August September October November December "
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec AD BC CE BCE Rs USD EUR GBP"
)
NAMED = re.compile(
    rf"(?<=[^.!?:\s] )(?!(?:{_DATED.replace(' ', '|')})\b)[A-Z][A-Za-z]+ \d+|\b[a-z]+[A-Z]\w* \d+"
)
"""A name with a number inside of a sentence, as in `on Apollo 11`."""


@dataclass(frozen=True)
class Mistake(Intervention):
    """Rewrite one step so that it contains a mistake, for every step.

    `variant` says what follows it: the model goes on from there (`resume`, the paper's), or the other steps
    stay as they were (`substitute`). `source` says who writes it: the helper `model`, which sees the question
    and that step, or an exact `rule`: the task's own where it has one, otherwise a number, an option letter
    or a negation is changed that the step says, none that labels it. `auto` is the task's own rule where it
    has one, otherwise the model.
    """

    variant: Literal["resume", "substitute"] = "resume"
    source: Source = "auto"

    axis: ClassVar[str] = "Share of the reasoning before the mistake"
    unchanged_at: ClassVar[float | None] = 1.0

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield an edit per step, at the share of the steps that stand before it."""
        places = [(trace, k - 1) for trace in traces for k in tools.positions(len(trace.steps)) if k > 0]
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
    """Add 1 to 9 to the last whole number of a step that is a value: no label, name, index or reference."""
    values = NAMED.sub(lambda named: " " * len(named[0]), without_labels(step))
    numbers = list(NUMBER.finditer(values))
    if not numbers:
        return None
    last = numbers[-1]
    value = int(last[0].replace(",", "")) + rng.randint(1, 9)
    return step[: last.start()] + (f"{value:,}" if "," in last[0] else str(value)) + step[last.end() :]


def wrong_letter(step: str, rng: random.Random, n: int = 4) -> str | None:
    """Change the last letter in brackets that is one of n choices' and does not label what follows."""
    options = [m for m in re.finditer(r"(?<=\()[A-Z](?=\))", without_labels(step)) if m[0] in letters(n)]
    if n < 2 or not options:
        return None
    last = options[-1]
    other = rng.choice([letter for letter in letters(n) if letter != last[0]])
    return step[: last.start()] + other + step[last.end() :]


def negated(step: str, rng: random.Random) -> str | None:  # noqa: ARG001 every rule is given one
    """Take away the first `not`, or put one behind the first verb that can carry it; labels have none."""
    said = without_labels(step)
    denial = re.search(r" not\b|(?<=\bcan)not\b", said)
    if denial:
        return step[: denial.start()] + step[denial.end() :]
    verb = re.search(r"\b(?:is|are|was|were|will|can|should|does|do|has|have)\b", said)
    return f"{step[: verb.end()]} not{step[verb.end() :]}" if verb else None


def _lead(steps: Sequence[str], i: int) -> str:
    """Return the white space a step begins with; without any, a space if something stands before it."""
    step = steps[i]
    return step[: len(step) - len(step.lstrip())] or " " * (i > 0)
