"""Rows of the tables of cues: their names, and estimates as rows."""

from dataclasses import asdict

import numpy as np

from cotfaith.schema import Estimate
from cotfaith.stats.intervals import Floats, cluster_bootstrap, within_range
from cotfaith.stats.paired import Difference
from cotfaith.stats.readings import Reading
from cotfaith.stats.tables import CELL

NAMES = [*CELL, "cue", "arm"]
UNDEFINED = "undefined"
"""The column that says why there is no number; empty where there is one."""


def as_row(one: Reading) -> dict[str, object]:
    """Return a reading as the columns of a row."""
    return asdict(one.estimate) | {UNDEFINED: one.undefined}


def as_difference(names: dict[str, object], apart: Difference, nobs: int) -> dict[str, object]:
    """Return a paired difference as a row."""
    own = Estimate(apart.value, apart.ci_low, apart.ci_high, nobs, apart.questions)
    why = "" if apart.questions else "no question has all that is compared"
    return names | asdict(own) | {"p": apart.p, UNDEFINED: why}


def mean_of(each: Floats, nobs: int, seed: int) -> Estimate:
    """Estimate the mean of one number a question, in [0, 1]."""
    cells = np.column_stack([each, np.ones(len(each))])
    value, low, high = cluster_bootstrap(cells, lambda s: s[:, 0] / s[:, 1], seed)
    return Estimate(value, *within_range(value, low, high, len(each)), nobs, len(each))
