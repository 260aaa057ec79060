"""What an edit shows beside what the model wrote, and which step it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from cotfaith.dialogue.prompts import letters
from cotfaith.report.examples import Piece, marked
from cotfaith.schema import Answer, Edit, Trace
from cotfaith.store.contents import StoredEdit

MOST_PAIRS = 1_000_000
"""Pairs of words up to which texts are compared word by word."""


@dataclass(frozen=True)
class Bar:
    """A probability before and after; None where it was not measured."""

    label: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Effect:
    """What the edits about one step did."""

    edits: tuple[StoredEdit, ...] = ()

    @property
    def asked(self) -> int:
        """Edits that were asked."""
        return sum(stored.outcome is not None for stored in self.edits)

    @property
    def changed(self) -> int:
        """Edits that changed the answer."""
        return sum(stored.outcome is not None and not stored.outcome.same for stored in self.edits)

    @property
    def tint(self) -> int:
        """Quarters of the answers that changed, rounded up: 0 to 4."""
        return -(-4 * self.changed // self.asked) if self.asked else 0


def step_of(edit: Edit) -> int | None:
    """Return which step an edit is about, from 1; None for one that is about no step by itself.

    That is the step that its coordinates name, or the last that was paraphrased, or where the reasoning is
    shown up to some step, the first that is left out.
    """
    own, shown = edit.trace.steps, edit.steps
    for name in ("step", "steps_paraphrased"):
        named = edit.coords.get(name)
        if isinstance(named, int):
            return named if 0 < named <= len(own) else None
    left_out = len(shown) < len(own) and tuple(shown) == tuple(own[: len(shown)])
    return len(shown) + 1 if left_out and "tokens" not in edit.coords else None


def effects(trace: Trace, edits: Sequence[StoredEdit]) -> list[Effect]:
    """Return for each step what the edits about it did."""
    of_step: dict[int | None, list[StoredEdit]] = {}
    for stored in edits:
        of_step.setdefault(step_of(stored.edit), []).append(stored)
    return [Effect(tuple(of_step.get(i, ()))) for i, _ in enumerate(trace.steps, 1)]


def compared(own: Sequence[str], shown: Sequence[str]) -> tuple[list[Piece], list[Piece]]:
    """Mark in both texts what the other lacks: word by word between the steps that both begin and end with.

    Where that would take too long, all between is marked.
    """
    first = _alike(own, shown)
    last = _alike(own[first:][::-1], shown[first:][::-1])
    middle = ["".join(steps[first : len(steps) - last]) for steps in (own, shown)]
    if len(middle[0].split()) * len(middle[1].split()) <= MOST_PAIRS:
        left, right = marked(*middle)
    else:
        left, right = [(middle[0], "other")], [(middle[1], "other")]
    before: list[Piece] = [("".join(own[:first]), "same")] if first else []
    behind: list[Piece] = [("".join(own[len(own) - last :]), "same")] if last else []
    return [*before, *left, *behind], [*before, *right, *behind]


def bars(before: Answer, after: Answer | None) -> list[Bar]:
    """Return the probabilities of each choice, or of the answers that were written."""
    then = after or Answer(None)
    if before.probs or then.probs:
        pairs = list(zip_longest(before.probs, then.probs))
        found = [Bar(name, *pair) for name, pair in zip(letters(len(pairs)), pairs, strict=True)]
    elif after is None or before.text == then.text:
        found = [Bar(written(before), before.probability, then.probability)]
    else:
        found = [Bar(written(before), before.probability, None), Bar(written(then), None, then.probability)]
    return [bar for bar in found if (bar.before, bar.after) != (None, None)]


def written(answer: Answer) -> str:
    """Write an answer, or what could not be read of it."""
    return f"unread: {answer.completion.strip()!r}" if answer.text is None else answer.text


def _alike(some: Sequence[str], others: Sequence[str]) -> int:
    """Count the steps that both begin with."""
    pairs = enumerate(zip(some, others, strict=False))
    return next((i for i, (one, other) in pairs if one != other), min(len(some), len(others)))
