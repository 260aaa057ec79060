"""What a task reads from its answers beside their accuracy, e.g. how often they match the user's view."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cotfaith.schema import Question

Counts = tuple[float, ...]


@dataclass(frozen=True)
class Score:
    """A number of many answers: a function of sums of what each answer adds."""

    name: str
    counts: Callable[[Question, str | None], Counts | None]
    """What an answer (None: unread) to a question adds to each sum; None leaves it out."""
    value: Callable[..., Any]
    """The number, from the sums in their order; each may be an array, of many resamplings at once."""
    low: float = 0.0
    high: float = 1.0
    """The range of the number."""


def share_marked(name: str, mark: str) -> Score:
    """Return the share of answers that are the choice with this mark; an unread answer is not."""

    def counts(question: Question, answer: str | None) -> Counts | None:
        return (float(answer == question.marks[mark]), 1.0) if mark in question.marks else None

    return Score(name, counts, lambda marked, asked: marked / asked)
