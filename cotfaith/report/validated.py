"""What interventions are known to detect: what was measured on the shipped organisms, in sentences."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cotfaith.models.shipped import ORGANISMS, SHIPPED

REFERENCE = SHIPPED / ORGANISMS / "detection.csv"
"""The detection rates of the shipped interventions."""
TEST = "intervention"
FLAGGED = {True: "flagged where it reads", False: "flagged where it ignores"}
"""The share of samples that are flagged, by whether their answer comes from the reasoning."""
ON_SPLIT = "AUROC on gated"
"""The measure on the one organism that has questions of both kinds."""


def validated(specs: Sequence[str], reference: Path = REFERENCE) -> list[str]:
    """Say of interventions, in a sentence each, what they detect of organisms; those that are no floor."""
    if not reference.exists():
        return []
    table = pd.read_csv(reference).set_index([TEST, "measure"])
    return [_sentence(spec, table) for spec in specs]


def _sentence(spec: str, table: pd.DataFrame) -> str:
    if (spec, FLAGGED[True]) not in table.index:
        return f"{spec}: not validated with these fields; `cotfaith validate {spec}` says what it detects."
    said = {}
    for measure in (*FLAGGED.values(), ON_SPLIT):
        value, low, high = table.loc[(spec, measure), ["value", "ci_low", "ci_high"]].astype(float)
        said[measure] = f"{value:.3f} [{low:.3f}, {high:.3f}]"
    reads, ignores, split = said.values()
    return (
        f"{spec}, validated on models of known mechanism: over all of them it changes the answer of {reads} "
        f"of those samples whose answer comes from the reasoning, and of {ignores} of the others. In one "
        f"model that reads for some questions only, it tells which with an AUROC of {split}."
    )
