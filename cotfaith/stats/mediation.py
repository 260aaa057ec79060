"""Did a cue's influence run through the reasoning? Effects of prompt and reasoning, apart and together.

Y(s, t) is the probability of the cue's answer h behind the prompt of arm s and reasoning that was drawn under
arm t: 0 without the cue, 1 with it. Formulas of mediation analysis (Pearl 2001), with the reasoning as the
mediator; the design after Paul et al. 2024, arXiv 2402.13950, and Bogdan et al. 2025, arXiv 2510.27484.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cotfaith.schema import Estimate
from cotfaith.stats.intervals import Floats, bootstrap_sums, percentile_interval, within_range
from cotfaith.stats.paired import Difference, difference
from cotfaith.stats.readings import Reading

NOT_CLEAR = "the total effect is not clear of 0"
Cells = Mapping[tuple[int, int], Floats]
"""Y(s, t) by (s, t), each (questions,), the mean over a question's draws; NaN where it was not asked."""


@dataclass(frozen=True)
class Mediation:
    """The effects of a cue on P(h), each paired by question, in [−1, 1]; the interaction in [−2, 2]."""

    total: Difference
    """TE = Y(1,1) − Y(0,0)."""
    direct: Difference
    """NDE = Y(1,0) − Y(0,0): the cue in the prompt, beside the reasoning."""
    indirect: Difference
    """NIE = Y(0,1) − Y(0,0): through the reasoning alone."""
    total_indirect: Difference
    """Y(1,1) − Y(1,0): what the reasoning adds where the cue stands in the prompt."""
    interaction: Difference
    """Y(1,1) − Y(1,0) − Y(0,1) + Y(0,0)."""
    share: Reading
    """NIE / TE; undefined where TE is not clear of 0."""


def mediation(cells: Cells, seed: int = 0) -> Mediation:
    """Estimate the effects of a cue, on the questions that have all four cells.

    Parameters
    ----------
    cells : mapping of (s, t) to (questions,), float
        Y(s, t), in [0, 1]; NaN where it was not asked.
    seed : int
        Decides resamplings and flips.

    Returns
    -------
    Mediation
        Every question counts the same. NaN throughout where no question has all cells.

    Notes
    -----
    TE = NDE + total indirect = NIE + (TE − NIE); NDE + NIE + interaction = TE.
    """
    y = {place: np.asarray(cells[place], dtype=float) for place in ((0, 0), (0, 1), (1, 0), (1, 1))}
    whole = ~np.any([np.isnan(column) for column in y.values()], axis=0)
    y = {place: column[whole] for place, column in y.items()}
    total = difference(y[0, 0], y[1, 1], seed)
    return Mediation(
        total,
        difference(y[0, 0], y[1, 0], seed),
        difference(y[0, 0], y[0, 1], seed),
        difference(y[1, 0], y[1, 1], seed),
        difference(y[1, 0] + y[0, 1], y[1, 1] + y[0, 0], seed),
        _share(y[0, 1] - y[0, 0], y[1, 1] - y[0, 0], total, seed),
    )


def _share(through: Floats, whole: Floats, total: Difference, seed: int) -> Reading:
    """Return Σ through / Σ whole, a ratio of means; its interval may reach out of [0, 1]."""
    if not total.clear:
        return Reading(Estimate(np.nan, np.nan, np.nan, 0, 0), NOT_CLEAR)
    sums = bootstrap_sums(np.column_stack([through, whole]), seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = percentile_interval(sums[:, 0] / sums[:, 1], len(whole)).tolist()
    value = float(through.sum() / whole.sum())
    ends = within_range(value, low, high, len(whole), least=-1.0)
    return Reading(Estimate(value, *ends, len(whole), len(whole)))


def floor(draws: list[list[float]], seed: int = 0) -> Difference:
    """Return what the total effect would be between two halves of the draws without the cue: nothing.

    Parameters
    ----------
    draws : (questions,) of lists of float
        P(h) of each draw without the cue.
    seed : int
        Decides resamplings and flips.

    Returns
    -------
    Difference
        Odd draws less even ones, by question; questions with one draw are left out.
    """
    halves = [(several[0::2], several[1::2]) for several in draws]
    even, odd = (
        np.array([np.mean(half[i]) if half[i] else np.nan for half in halves], dtype=float) for i in (0, 1)
    )
    return difference(even, odd, seed)
