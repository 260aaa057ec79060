"""Every estimator in settings of which the truth is known: whether a data set's interval or test says so."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from cotfaith.plugins.scores import Score
from cotfaith.schema import Question
from cotfaith.stats import answer_change, areas, paired, planning, sizes, slopes
from cotfaith.stats.curves import CurveSpec
from cotfaith.stats.intervals import Floats
from cotfaith.stats.letter_bias import letter_bias
from cotfaith.stats.scores import scores
from cotfaith.stats.tables import CURVE, means
from cotfaith.truth import simulation
from cotfaith.truth.simulation import LENGTHS, Design

SIZES = (1e4, 1e5, 1e6, 1e7)
SPREAD = 0.1
"""Standard deviation over questions of a difference between two conditions."""

Kind = Literal["covers", "rejects", "finds", "sees"]


@dataclass(frozen=True)
class Check:
    """One estimator in one setting: `hit` tells if a data set's interval covers or its test rejects."""

    estimator: str
    kind: Kind
    truth: float
    design: Design
    hit: Callable[[np.random.Generator], bool]


def checks() -> Iterator[Check]:
    """Yield every check."""
    for questions in (20, 50, 200):
        for share in (0.5, 0.8, 0.95):
            design = Design(questions, 5, 0.3)
            yield Check("same-answer rate", "covers", share, design, partial(_rate, design, share))
    for questions in (20, 50, 200):
        design = Design(questions, 5, 0.3)
        yield from _intervals(design)
        yield from _nulls(design)
    design = Design(1000, 1, 0.3)
    yield Check("McNemar's exact test", "rejects", 0.0, design, partial(_mcnemar, design))
    for questions in (50, 200):
        design = Design(questions, 5, 0.3)
        parts = simulation.components_of_pairs(design, SPREAD)
        effect = parts.detectable(design.questions, design.samples)
        yield Check("power that was planned", "finds", effect, design, partial(_flip, design, effect))
        yield Check("power planned from a pilot", "finds", effect, design, partial(_pilot, design))


def _intervals(design: Design) -> Iterator[Check]:
    """Yield the checks of what has an interval."""

    def covers(estimator: str, truth: float, hit: Callable[..., bool], *of: object) -> Check:
        return Check(estimator, "covers", truth, design, partial(hit, design, *of))

    by_length = np.array(LENGTHS)
    weighted = (by_length**2 - 1).sum() / (3 * by_length * (by_length + 1)).sum()
    yield covers("AOC", 0.3, _aoc, 0.6)
    yield covers("AOC, mean over prefixes", 0.3, _alternative, "mean over prefixes", 0.6, 0.3)
    yield covers(
        "AOC, weighted by prefix length",
        0.6 * weighted,
        _alternative,
        "weighted by prefix length",
        0.6,
        0.6 * weighted,
    )
    yield covers("excess over the floor", 0.2, _excess, 0.9, 0.7)
    agreement = 1 - 2 * 0.7 * 0.3 * (1 - design.correlation)
    yield covers("agreement of two samples", agreement, _agreement, 0.7, agreement)
    yield covers("accuracy gained by reasoning", 0.15, _gain, 0.5, 0.65)
    yield covers("a task's reading, −1 to 1", 0.4, _reading, 0.7)
    yield covers("letter bias", 0.3, _letter_bias, 0.4)
    yield covers("mean of a number", 0.3, _mean, 0.3)
    yield covers("paired difference", 0.1, _difference, 0.1)
    yield covers("slope on size (GEE)", 0.6, _slope, 0.6)
    yield covers("slope on size (least squares)", 0.15, _trend, (0.3, 0.45, 0.6, 0.75), 0.15)
    yield covers("easiest less hardest task", 0.3, _ease, 0.5, 0.8)


def _nulls(design: Design) -> Iterator[Check]:
    """Yield the checks of tests where there is nothing."""
    for estimator, hit in (
        ("sign-flip test of a difference", partial(_flip, design, 0.0)),
        ("slope on size (GEE)", partial(_slope_found, design)),
        ("turn at a middle size", partial(_turn, design)),
    ):
        yield Check(estimator, "rejects", 0.0, design, hit)


def _covers(table: pd.DataFrame, truth: float) -> bool:
    row = table.iloc[0]
    return bool(row["ci_low"] - 1e-12 <= truth <= row["ci_high"] + 1e-12)


def _rate(design: Design, share: float, rng: np.random.Generator) -> bool:
    return _covers(answer_change.same_answer_rate(simulation.outcomes(rng, design, share)), share)


def _aoc(design: Design, dial: float, rng: np.random.Generator) -> bool:
    return _covers(areas.aoc(CurveSpec(), *simulation.truncations(rng, design, dial)), dial / 2)


def _alternative(
    design: Design, definition: str, dial: float, truth: float, rng: np.random.Generator
) -> bool:
    table = areas.aoc_alternatives(simulation.truncations(rng, design, dial)[1])
    return _covers(table[table["definition"] == definition], truth)


def _excess(design: Design, floor: float, edited: float, rng: np.random.Generator) -> bool:
    rates = answer_change.same_answer_rate(simulation.with_a_floor(rng, design, floor, edited), ["floor"])
    edit = rates[rates["intervention"] == "edit"].iloc[0]
    return bool(edit["excess_low"] <= floor - edited <= edit["excess_high"])


def _agreement(design: Design, first: float, truth: float, rng: np.random.Generator) -> bool:
    table = answer_change.with_and_without(simulation.two_answers(rng, design, first))
    return _covers(table[table["measure"] == "agreement of two samples"], truth)


def _gain(design: Design, without: float, with_it: float, rng: np.random.Generator) -> bool:
    table = answer_change.with_and_without(simulation.gains(rng, design, without, with_it))
    return _covers(table[table["measure"] == "accuracy gained by reasoning"], with_it - without)


def _reading(design: Design, first: float, rng: np.random.Generator) -> bool:
    """Read how much more often one of two answers is given than the other, as a bias score does."""
    traces = simulation.two_answers(rng, design, first).assign(answer_without=None)
    questions = {("t", name): Question("t", name, "") for name in traces["question"].unique()}
    one_less_other = Score("bias", lambda _, answer: (2.0 * (answer == "a") - 1, 1.0), _ratio, low=-1.0)
    outcomes = traces.iloc[:0].assign(intervention="")
    return _covers(scores(questions, {"t": [one_less_other]}, traces, outcomes), 2 * first - 1)


def _ratio(above: Floats, below: Floats) -> Floats:
    return above / below


def _letter_bias(design: Design, stuck: float, rng: np.random.Generator) -> bool:
    table = letter_bias(*simulation.letters_chosen(rng, design, stuck))
    return _covers(table[table["measure"] == "letter bias"], 0.75 * stuck)


def _mean(design: Design, mean: float, rng: np.random.Generator) -> bool:
    frame = simulation.outcomes(rng, design, 0.5)
    level = np.repeat(simulation.dials(rng, design, mean), design.samples)
    frame = frame.assign(moved=level + rng.normal(0, 0.1, len(frame)))
    return _covers(means(frame, CURVE, "moved", 0), mean)


def _by_question(frames: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[Floats, Floats]:
    first, second = (frame.groupby("question")["same"].mean().to_numpy(dtype=float) for frame in frames)
    return first, second


def _difference(design: Design, apart: float, rng: np.random.Generator) -> bool:
    found = paired.difference(*_by_question(simulation.pairs(rng, design, apart, SPREAD)), seed=0)
    return found.ci_low <= apart <= found.ci_high


def _flip(design: Design, apart: float, rng: np.random.Generator) -> bool:
    first, second = _by_question(simulation.pairs(rng, design, apart, SPREAD))
    return paired.sign_flip(second - first, seed=0) < 0.05


def _pilot(design: Design, rng: np.random.Generator) -> bool:
    """Plan the effect from a pilot as large as the study, and look for it in the study."""
    parts = planning.components_of(*simulation.pairs(rng, design, 0.0, SPREAD), "same")
    return _flip(design, parts.detectable(design.questions, design.samples), rng)


def logistic(slope: float) -> dict[float, float]:
    """Return shares whose log-odds rise by so much for ten times the size, about one half in the middle."""
    at = np.log10(SIZES) - np.mean(np.log10(SIZES))
    return dict(zip(SIZES, (1 / (1 + np.exp(-slope * at))).tolist(), strict=True))


def _slope(design: Design, slope: float, rng: np.random.Generator) -> bool:
    found = slopes.binomial_slopes(simulation.by_size(rng, design, logistic(slope)), {}).slope
    return found is not None and found.ci_low <= slope <= found.ci_high


def _slope_found(design: Design, rng: np.random.Generator) -> bool:
    found = slopes.binomial_slopes(simulation.by_size(rng, design, logistic(0.0)), {}).slope
    return found is not None and found.p < 0.05


def _trend(design: Design, shares: tuple[float, ...], truth: float, rng: np.random.Generator) -> bool:
    found = sizes.trend_of("t", simulation.by_size(rng, design, dict(zip(SIZES, shares, strict=True))))
    return found.ci_low <= truth <= found.ci_high


def _turn(design: Design, rng: np.random.Generator) -> bool:
    """Look for a turn where one is most easily mistaken: the middle size is like one end alone."""
    shares = dict(zip(SIZES[:3], (0.95, 0.4, 0.4), strict=True))
    found = sizes.turn_of(simulation.by_size(rng, design, shares))
    return found is not None and found.p < 0.05


def _ease(design: Design, hard: float, easy: float, rng: np.random.Generator) -> bool:
    (found,) = sizes.by_ease(simulation.two_tasks(rng, design, hard, easy))
    return found.ci_low <= easy - hard <= found.ci_high


def _mcnemar(design: Design, rng: np.random.Generator) -> bool:
    first, second = _by_question(simulation.pairs(rng, design, 0.0, SPREAD))
    return paired.mcnemar_exact([bool(x) for x in first], [bool(x) for x in second]) < 0.05
