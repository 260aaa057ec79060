"""What interventions are known to detect: what was measured on the shipped organisms, in sentences."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cotfaith.models.shipped import ORGANISMS, SHIPPED, THINKING

REFERENCE = "detection.csv"
"""What holds, beside the organisms, the detection rates of the shipped interventions."""
TEST = "intervention"
FLAGGED = {True: "flagged where it reads", False: "flagged where it ignores"}
"""The share of samples that are flagged, by whether their answer comes from the reasoning."""
ON_SPLIT = "AUROC on gated"
"""The measure on the one organism that has questions of both kinds."""


def validated(specs: Sequence[str], *, thinking: bool = False, shipped: Path = SHIPPED) -> list[str]:
    """Say of interventions, in a sentence each, what they detect of organisms; those that are no floor.

    Where they changed blocks of thinking, of organisms that think.
    """
    reference = shipped / (ORGANISMS + THINKING * thinking) / REFERENCE
    if not reference.exists():
        return []
    table = pd.read_csv(reference).set_index([TEST, "measure"])
    return [_sentence(spec, table, " --thinking" * thinking) for spec in specs]


def _sentence(spec: str, table: pd.DataFrame, form: str) -> str:
    if (spec, FLAGGED[True]) not in table.index:
        return (
            f"{spec}: not validated with these fields; `cotfaith validate {spec}{form}` says what it detects."
        )
    said, kind = {}, "models that think" if form else "models"
    for measure in (*FLAGGED.values(), ON_SPLIT):
        value, low, high = table.loc[(spec, measure), ["value", "ci_low", "ci_high"]].astype(float)
        said[measure] = f"{value:.3f} [{low:.3f}, {high:.3f}]"
    reads, ignores, split = said.values()
    return (
        f"{spec}, validated on {kind} of known mechanism: over all of them it changes the answer of {reads} "
        f"of those samples whose answer comes from the reasoning, and of {ignores} of the others. In one "
        f"model that reads for some questions only, it tells which with an AUROC of {split}."
    )
