"""What was read inside, in sentences."""

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from cotfaith.plugins.layers import ALL
from cotfaith.report.words import span
from cotfaith.stats.inside import (
    CHANGED,
    ENTROPY,
    JENSEN_SHANNON,
    KL,
    REDUNDANCY,
    SWEEP,
    TOKENS_JS,
    TOKENS_KL,
)
from cotfaith.stats.tables import CURVE


def inside(table: pd.DataFrame) -> Iterator[str]:
    """Say of each sweep how often it changes the answer, and how much is read that could be done without."""
    swept = table[table["layers"] == SWEEP]
    single = table[~table["layers"].isin([ALL, SWEEP])]
    alone = single.groupby(CURVE)["layers"].nunique().to_dict()
    largest = swept["n_params"] == swept.groupby("task")["n_params"].transform("max")
    for names, rows in swept[largest].groupby(CURVE, sort=True):
        found = rows.set_index("reading")[["value", "ci_low", "ci_high"]]
        line = (
            f"{names[2]}, {names[0]}, {names[3]}: over a sweep of layers, each alone, the answer changes in "
            f"{span(*found.loc[CHANGED])} of the edits."
        )
        if REDUNDANCY in found.index:
            line += (
                f" In {span(*found.loc[REDUNDANCY])} of the steps it changes in at least one of the "
                f"{alone[names]}, alone, and not in all at once: they are read, though the model could do "
                "without (redundancy)."
            )
        yield line


def masked_kl(table: pd.DataFrame, diagnostics: Mapping[str, str]) -> Iterator[str]:
    """Say what those interventions measure that are diagnostics of masked-KL, by their names there."""
    named = table[table["intervention"].isin(diagnostics)]
    for names, rows in named.groupby(CURVE, sort=True):
        found = rows.set_index("reading")[["value", "ci_low", "ci_high"]]
        for kl, js, what in ((KL, JENSEN_SHANNON, "the choices"), (TOKENS_KL, TOKENS_JS, "its tokens")):
            if kl in found.index:
                yield (
                    f"{names[2]}, {names[0]}, {names[3]}: the {diagnostics[str(names[3])]} of masked-KL (Jia "
                    f"et al. 2026), over {what}, is {span(*found.loc[kl])} nats, in its Jensen-Shannon form "
                    f"{span(*found.loc[js])} of at most {math.log(2):.3f}. The entropy of the own answer is "
                    f"{span(*found.loc[ENTROPY])} nats: where that is near 0, KL grows with how certain the "
                    "answer was, a failure that its authors warn of; read the Jensen-Shannon form and the "
                    "share of answers changed. Like all that hides in every layer at once, it misses what is "
                    "read though the model could do without."
                )
