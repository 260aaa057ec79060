"""How many draws an arm a wished effect of a cue takes, from a pilot."""

import math

import pandas as pd

from cotfaith.stats.cue_cells import Cell, cells, probability_of
from cotfaith.stats.intervals import detectable
from cotfaith.stats.monitoring import FEWEST_DRAWS
from cotfaith.stats.planning import Components, Wish, components_of
from cotfaith.store.frames import RunFrames

COLUMNS = [
    "model", "task", "cue", "variance between", "within", "power", "found with 80% power", "draws an arm",
    "questions needed", "for monitorability",
]  # fmt: skip


def draws_for(components: Components, effect: float, questions: int) -> int | None:
    """Return how many draws an arm find an effect with 80% power.

    Parameters
    ----------
    components : Components
        Of the difference of P(h) with a cue and without.
    effect : float
        In (0, 1].
    questions : int
        How many are asked.

    Returns
    -------
    int or None
        At least 1; None where no number of draws does, since the questions differ too much: ask more of them.
        None too where the components are not known.

    Notes
    -----
    The least m with 2.80 · √((between + within/m) / questions) ≤ effect; normal theory.
    """
    allowed = questions * (effect / detectable(1.0)) ** 2 - components.between
    if math.isnan(allowed) or allowed <= 0:
        return None
    return max(1, math.ceil(components.within / allowed - 1e-9))


def cue_plans(run: RunFrames, wish: Wish) -> pd.DataFrame:
    """Plan from a pilot how often each cue's answers are to be drawn, a row a (model, task, cue).

    `within` and `between` are of P(h) as it is read: of drawn reasoning, by letters or as it was written.
    """
    rows = [_row(cell, wish) for cell in cells(run) if cell.arm == "incorrect"]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(cell: Cell, wish: Wish) -> dict[str, object]:
    sides = [
        frame.assign(p=probability_of(frame, frame["question"].map(cell.targets)))
        for frame in (cell.without, cell.cued)
    ]
    parts = components_of(sides[0], sides[1], "p")
    draws = draws_for(parts, wish.effect, wish.questions)
    known = not math.isnan(parts.between)
    values = (
        cell.model, cell.task, cell.cue.spec, parts.between, parts.within,
        parts.power(wish.effect, wish.questions, wish.samples),
        parts.detectable(wish.questions, wish.samples),
        "–" if not known else "no number: ask more questions" if draws is None else str(draws),
        parts.questions_for(wish.effect, wish.samples) if known else "–", f"at least {FEWEST_DRAWS} draws",
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))
