"""What was read inside, in sentences."""

from collections.abc import Iterator

import pandas as pd

from cotfaith.report.words import span
from cotfaith.stats.inside import CHANGED, REDUNDANCY, SWEEP
from cotfaith.stats.tables import CURVE


def inside(table: pd.DataFrame) -> Iterator[str]:
    """Say of each sweep how often it changes the answer, and how much is read that could be done without."""
    swept = table[table["layers"] == SWEEP]
    largest = swept["n_params"] == swept.groupby("task")["n_params"].transform("max")
    for names, rows in swept[largest].groupby(CURVE, sort=True):
        found = rows.set_index("reading")[["value", "ci_low", "ci_high"]]
        line = (
            f"{names[2]}, {names[0]}, {names[3]}: over a sweep of layers, each alone, the answer changes in "
            f"{span(*found.loc[CHANGED])} of the edits."
        )
        if REDUNDANCY in found.index:
            line += (
                f" In {span(*found.loc[REDUNDANCY])} of the steps it changes in some layer alone and not in "
                "all at once: they are read, though the model could do without (redundancy)."
            )
        yield line
