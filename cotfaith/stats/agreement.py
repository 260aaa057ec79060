"""How far two readers agree about the same items, by several measures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cotfaith.stats.intervals import Floats
from cotfaith.stats.readings import Reading, reading_of


@dataclass(frozen=True)
class Agreement:
    """How two readers agree about the same items."""

    items: int
    agree: Reading
    """The share of items with the same verdict."""
    kappa: Reading
    """Cohen's κ, in [−1, 1]; undefined where both give one and the same verdict to all."""
    ac1: Reading
    """Gwet's AC1, in [−1, 1]."""
    yes: tuple[float, float]
    """How often each one says yes."""


def agreement(
    first: Sequence[bool], second: Sequence[bool], clusters: Sequence[str], seed: int = 0
) -> Agreement:
    """Return how far two readers agree.

    Parameters
    ----------
    first, second : (items,), bool
        Their verdicts.
    clusters : (items,)
        The question of each item; the items of a question are resampled together.
    seed : int
        Decides the bootstrap's draws.

    Notes
    -----
    With p_o the share that agrees and π₁, π₂ the shares of yes: κ = (p_o − p_e)/(1 − p_e) with p_e =
    π₁π₂ + (1−π₁)(1−π₂) (Cohen 1960); AC1 the same with p_e = 2π(1−π), π = (π₁+π₂)/2 (Gwet 2008, British J. of
    Math. and Statistical Psychology 61), which does not fall apart where almost all is yes or no.
    """
    a, b = np.array(first, dtype=float), np.array(second, dtype=float)
    _, owner = np.unique(np.asarray(clusters), return_inverse=True)
    items = np.column_stack([np.ones(len(a)), a == b, a, b])
    n = int(owner.max()) + 1 if len(owner) else 0
    sums = [np.bincount(owner, column, minlength=n) for column in items.T]
    cells = np.column_stack(sums).astype(np.float64)

    def beyond(expected: Callable[[Floats, Floats], Floats]) -> Callable[[Floats], Floats]:
        def value(sums: Floats) -> Floats:
            seen, one, other = sums[:, 1] / sums[:, 0], sums[:, 2] / sums[:, 0], sums[:, 3] / sums[:, 0]
            chance = expected(one, other)
            return np.asarray((seen - chance) / np.where(chance < 1, 1 - chance, np.nan))

        return value

    def of(statistic: Callable[[Floats], Floats], least: float) -> Reading:
        return reading_of(
            cells, statistic, cells[:, 0], ("no item", "both say the same of every item"), seed, least
        )

    return Agreement(
        len(a),
        of(lambda s: s[:, 1] / s[:, 0], 0.0),
        of(beyond(lambda one, other: one * other + (1 - one) * (1 - other)), -1.0),
        of(beyond(lambda one, other: (one + other) * (1 - (one + other) / 2)), -1.0),
        (float(a.mean()), float(b.mean())) if len(a) else (float("nan"), float("nan")),
    )
