"""A number with its interval over questions, or why there is none."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cotfaith.schema import Estimate
from cotfaith.stats.intervals import Floats, bootstrap_sums, percentile_interval, within_range


@dataclass(frozen=True)
class Reading:
    """A number with its interval, or why there is none."""

    estimate: Estimate
    undefined: str = ""
    """Why there is no number; empty where there is one."""


def no_reading(why: str) -> Reading:
    """Return why there is no number."""
    return Reading(Estimate(np.nan, np.nan, np.nan, 0, 0), why)


def reading_of(
    cells: Floats,
    statistic: Callable[[Floats], Floats],
    counted: Floats,
    whys: tuple[str, str],
    seed: int,
    least: float = 0.0,
) -> Reading:
    """Estimate a statistic of cells summed over questions; those that count nothing are left out.

    `whys` say why there is no number: where nothing is counted, and where the statistic is undefined.
    """
    asked = counted > 0
    if not asked.any():
        return no_reading(whys[0])
    own = cells[asked]
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(statistic(own.sum(axis=0, keepdims=True))[0])
        drawn = statistic(bootstrap_sums(own, seed))
    if np.isnan(value):
        return no_reading(whys[1])
    low, high = percentile_interval(drawn, len(own)).tolist()
    low, high = within_range(value, low, high, len(own), least)
    return Reading(Estimate(value, low, high, int(counted.sum()), int(asked.sum())))
