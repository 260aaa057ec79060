"""By what a model on a server is known again: its answers to fixed questions, kept with the run.

Which questions these are is the business of what asks them; here answers are compared.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

TOLERANCE = 0.05
"""How far two canaries may be apart, in total variation, to be of one model. Weights of one model in float32
and in bfloat16 are up to .014 apart; any two of the shipped models are more than .19."""


REPLIES = 0.5
"""The share of fixed replies that must be the same, where a model tells no probabilities."""


@dataclass(frozen=True)
class Canary:
    """The answers: a row a sequence, with the log-probability of each token in the order of its id."""

    asked: str
    """The key of the questions."""
    logprobs: tuple[tuple[float, ...], ...]

    @property
    def kept(self) -> dict[str, Any]:
        """What is kept with a run."""
        return {"asked": self.asked, "logprobs": [list(row) for row in self.logprobs]}


def from_kept(kept: Any) -> Canary:
    """Return the canary that was kept with a run."""
    return Canary(kept["asked"], tuple(tuple(row) for row in kept["logprobs"]))


def distance(first: Canary, second: Canary) -> float:
    """Return the mean total variation between two models' next tokens, 0 to 1, or a lower bound of it.

    Tokens that were not asked for count as one; 1 where other questions were asked.
    """
    if first.asked != second.asked:
        return 1.0
    one, other = (np.exp(np.array(each.logprobs)) for each in (first, second))
    rest = np.abs(one.sum(-1) - other.sum(-1))
    return float(((np.abs(one - other).sum(-1) + rest) / 2).mean())


def same_model(kept: Any, other: Any) -> bool:
    """Tell whether two runs kept what one model answers."""
    if isinstance(kept, dict) and isinstance(other, dict):
        return distance(from_kept(kept), from_kept(other)) <= TOLERANCE
    return type(kept) is type(other) and same_replies(kept, other) >= REPLIES


def same_replies(first: list[str], second: list[str]) -> float:
    """Return the share of replies that are the same."""
    return sum(one == other for one, other in zip(first, second, strict=False)) / max(1, len(first))
