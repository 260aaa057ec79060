"""Reasoning moved between the prompts of two arms: what a cue does by which path, and along the reasoning."""

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd

from cotfaith.stats import cues
from cotfaith.stats.cue_cells import Cell, probability_of
from cotfaith.stats.cue_rows import NAMES, UNDEFINED, as_difference, as_row, mean_of
from cotfaith.stats.mediation import Mediation, floor, mediation
from cotfaith.stats.paired import Difference
from cotfaith.stats.tables import ESTIMATE

MEDIATION = [*NAMES, "reasoning", "effect", *ESTIMATE, "p", UNDEFINED]
CURVE = [*NAMES, "prompt", "drawn", "shown", *ESTIMATE]
TENTHS = 10
TRANSPLANT = "transplant"
"""The intervention that moves reasoning between arms."""


def transplanted(cell: Cell, outcomes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return P(h) of every transplant of a cell, by prompt (1 with the cue) and origin of the reasoning.

    The second frame has a row a whole trace behind its own prompt, as it was sampled.
    """
    traces = pd.concat([cell.without.assign(drawn=0), cell.cued.assign(drawn=1)])
    drawn = traces.set_index("trace")["drawn"]
    own = outcomes[outcomes["trace"].isin(drawn.index)]
    own = own[own["intervention"].str.partition(":")[0] == TRANSPLANT]
    prompt = own["coords"].str.get("prompt")
    cue = own["coords"].str.get("cue")
    with_cue = (prompt == cell.arm) & (cue == cell.cue.spec)
    bare = (prompt == "none") & (cue == (cell.cue.spec if cell.cue.own_none else ""))
    own = own[with_cue | bare]
    p = probability_of(own, own["question"].map(cell.targets))
    moved = pd.DataFrame(
        {
            "question": own["question"], "trace": own["trace"], "prompt": with_cue[own.index].astype(int),
            "drawn": own["trace"].map(drawn), "shown": own["position"], "p": p,
            "before_stated": own["coords"].str.get("before_stated"),
        }
    )  # fmt: skip
    return moved, traces.assign(p=probability_of(traces, traces["question"].map(cell.targets)))


def mediated(cell: Cell, moved: pd.DataFrame, traces: pd.DataFrame, seed: int) -> Iterator[dict[str, object]]:
    """Yield the effects with whole reasoning and up to where it states its answer, and the floor."""
    if moved.empty:
        return
    for name, those in (
        ("whole", moved["shown"] == 1),
        ("before it states the answer", moved["before_stated"]),
    ):
        rows = moved[those.astype(bool)]
        means = rows.groupby(["prompt", "drawn", "question"])["p"].mean()
        y = {
            place: np.array([means.get((*place, q), np.nan) for q in cell.questions], dtype=float)
            for place in ((0, 0), (0, 1), (1, 0), (1, 1))
        }
        found = mediation(y, seed)
        for effect, apart in _effects(found):
            yield as_difference(cell.names | {"reasoning": name, "effect": effect}, apart, len(rows))
        share = as_row(found.share)
        yield cell.names | {"reasoning": name, "effect": "NIE / TE", "p": np.nan} | share
    without = traces[traces["drawn"] == 0]
    draws = [list(without.loc[without["question"] == q, "p"]) for q in cell.questions]
    halves = as_difference(
        cell.names | {"reasoning": "whole", "effect": "floor: two draws of none"},
        floor(draws, seed),
        len(without),
    )
    yield halves | {UNDEFINED: "" if halves["questions"] else cues.NO_DRAWS}


def _effects(found: Mediation) -> list[tuple[str, Difference]]:
    return [
        ("TE", found.total),
        ("NDE", found.direct),
        ("NIE", found.indirect),
        ("total indirect", found.total_indirect),
        ("interaction", found.interaction),
    ]


def curve(cell: Cell, moved: pd.DataFrame, seed: int) -> Iterator[dict[str, object]]:
    """Yield P(h) along the share of the reasoning that is transplanted, by prompt and origin."""
    for (prompt, drawn), rows in moved.groupby(["prompt", "drawn"]):
        sides = {"prompt": _side(cell, prompt), "drawn": _side(cell, drawn)}
        yield from (cell.names | sides | row for row in transplant_curve(rows, seed))


def transplant_curve(moved: pd.DataFrame, seed: int = 0) -> Iterator[dict[str, object]]:
    """Yield P(h) by the share of the reasoning that is shown, in tenths.

    Parameters
    ----------
    moved : DataFrame
        One row a transplant: `question`, `shown` (the share, 0 to 1) and `p` (P(h), 0 to 1).
    seed : int
        Decides the bootstrap's draws.

    Yields
    ------
    dict
        `shown` and an estimate: the mean over questions of each one's mean at that tenth; nobs counts rows.
    """
    tenths = (moved["shown"] * TENTHS).round() / TENTHS
    for shown, rows in moved.groupby(tenths):
        each = rows.groupby("question")["p"].mean().to_numpy(dtype=float)
        yield {"shown": shown} | asdict(mean_of(each, len(rows), seed))


def _side(cell: Cell, with_cue: object) -> str:
    return cell.arm if with_cue else "none"
