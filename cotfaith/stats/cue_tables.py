"""Everything that is estimated of cues in a run: followed, said, run through the reasoning, monitored."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from cotfaith.stats import cues
from cotfaith.stats.analysis import floors_of
from cotfaith.stats.answer_change import same_answer_rate
from cotfaith.stats.cue_cells import Cell, cells
from cotfaith.stats.cue_paths import CURVE, MEDIATION, TRANSPLANT, curve, mediated, transplanted
from cotfaith.stats.cue_readers import (
    AGREEMENT,
    ARTICULATION,
    MENTIONS,
    MONITORED,
    Readings,
    agreements,
    articulation,
    mentions,
    monitored,
    with_shams,
)
from cotfaith.stats.cue_rows import NAMES, UNDEFINED, as_difference, as_row
from cotfaith.stats.paired import difference
from cotfaith.stats.readings import no_reading
from cotfaith.stats.tables import ESTIMATE
from cotfaith.store.frames import RunFrames

FOLLOWING = [*NAMES, "measure", *ESTIMATE, "p", UNDEFINED]
LETTERS, DRAWN = "P(h), cued less none", "p: follows"
WITHOUT = "P(h) without reasoning, cued less none"


@dataclass(frozen=True)
class CueTables:
    """The tables of a cue report, each written to a CSV file of its name."""

    following: pd.DataFrame
    articulation: pd.DataFrame
    agreement: pd.DataFrame
    mentions: pd.DataFrame
    mediation: pd.DataFrame
    transplants: pd.DataFrame
    monitorability: pd.DataFrame
    interventions: pd.DataFrame


def cue_tables(run: RunFrames, seed: int = 0) -> CueTables:
    """Estimate everything that a run allows of its cues.

    Parameters
    ----------
    run : RunFrames
        With traces under the arms of cues.
    seed : int
        Decides resamplings.

    Returns
    -------
    CueTables
        One row a measure; `undefined` says why there is no number. Intervals are 95%, over questions.
    """
    found = list(cells(run))
    readings = [Readings(cell, run.verdicts) for cell in found]
    moved = [(cell, *transplanted(cell, run.outcomes)) for cell in found if cell.arm != "correct"]
    return CueTables(
        pd.DataFrame([r for c in found for r in _following(c, seed)], columns=FOLLOWING),
        pd.DataFrame([r for one in readings for r in articulation(one, seed)], columns=ARTICULATION),
        pd.DataFrame(list(agreements(readings, seed)), columns=AGREEMENT),
        pd.DataFrame([r for one in readings for r in mentions(one, seed)], columns=MENTIONS),
        pd.DataFrame([r for c, y, frame in moved for r in mediated(c, y, frame, seed)], columns=MEDIATION),
        pd.DataFrame([r for c, y, _ in moved for r in curve(c, y, seed)], columns=CURVE),
        pd.DataFrame([r for pair in with_shams(readings) for r in monitored(*pair, seed)], columns=MONITORED),
        _edited(run, seed),
    )


def _edited(run: RunFrames, seed: int) -> pd.DataFrame:
    """Return the same-answer rate under each other intervention; the arm stands behind the task."""
    others = run.outcomes["intervention"].str.partition(":")[0] != TRANSPLANT
    outcomes = run.outcomes[
        others & run.outcomes["task"].isin(run.traces.loc[run.traces["cue"] != "", "task"])
    ]
    arm = (outcomes["cue"] + ", " + outcomes["arm"]).where(outcomes["cue"] != "", "no cue")
    placed = outcomes.assign(task=outcomes["task"] + " · " + arm)
    return same_answer_rate(placed, floors_of(run.interventions, run.outcomes), seed)


def _following(cell: Cell, seed: int) -> Iterator[dict[str, object]]:
    """Yield how a cell's answers follow its cue: exactly, by probability; by draws; and by themselves."""
    by_letter = (LETTERS, cell.probability(cell.without), cell.probability(cell.cued))
    columns = ("probs_without", "answer_without")
    bare = (WITHOUT, cell.probability(cell.without, *columns), cell.probability(cell.cued, *columns))
    for name, first, second in (by_letter, bare):
        apart = difference(first, second, seed)
        yield as_difference(cell.names | {"measure": name}, apart, len(cell.cued))
    u, h = cell.draws(cell.without), cell.draws(cell.cued)
    targets = list(cell.targets)
    pairs = cues.pairs_of(u, h, targets, cell.choices)
    own = cues.natural_pairs(u, targets, cell.choices)
    twice = any(len(several) > 1 for several in u)
    read = {
        DRAWN: cues.followed(pairs, seed),
        "q: goes elsewhere": cues.elsewhere(pairs, seed),
        "excess: p − q/(n−2)": cues.excess(pairs, seed),
        "α": cues.alpha(pairs, seed),
        "natural change to h": cues.followed(own, seed) if twice else no_reading(cues.NO_DRAWS),
        "natural change elsewhere": cues.elsewhere(own, seed) if twice else no_reading(cues.NO_DRAWS),
        "p where h was never answered without": cues.restricted(pairs, u, targets, seed),
    }
    for name, one in read.items():
        yield cell.names | {"measure": name} | as_row(one)
