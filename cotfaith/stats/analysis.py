"""Everything that is estimated of a run, from its frames or counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

import pandas as pd

from cotfaith.errors import InputError
from cotfaith.plugins.intervention import Intervention
from cotfaith.plugins.registry import INTERVENTIONS
from cotfaith.stats import answer_change, areas, controls, inside, sizes
from cotfaith.stats.change_by_size import SAME, ChangeBySize, Reading, changes_by_size
from cotfaith.stats.curves import CurveSpec
from cotfaith.stats.judges import Judges, no_longer_there
from cotfaith.stats.letter_bias import letter_bias
from cotfaith.stats.scores import scores
from cotfaith.stats.sizes import BySize, Trend
from cotfaith.stats.tables import CURVE, ESTIMATE, estimates
from cotfaith.store.counts import Counts
from cotfaith.store.frames import RunFrames

MEASURES: tuple[Literal["same", "correct"], ...] = ("same", "correct")
STEPS = [
    "task",
    "intervention",
    "measure",
    "from",
    "to",
    "value",
    "ci_low",
    "ci_high",
    "p_holm",
    "questions",
    "detectable",
]
TREND = ["value", "ci_low", "ci_high", "p", "p_holm", "detectable", "questions"]
OTHER_TREND = ["value", "ci_low", "ci_high", "questions"]
SLOPE = ["value", "ci_low", "ci_high", "p_holm"]
BY_SIZE = [
    "task", "intervention", "measure", *TREND,
    *(f"shared_{name}" for name in OTHER_TREND), *(f"standardised_{name}" for name in OTHER_TREND),
    *(f"log_odds_{name}" for name in SLOPE), *(f"adjusted_{name}" for name in SLOPE), "covariates",
    "turn", "turn_at", "turn_p",
]  # fmt: skip
NONE = "none"
"""What stands for an intervention where answers with reasoning and without it are compared."""
EASE = ["model", "easiest", "hardest", "value", "ci_low", "ci_high"]
PAPER = "AOC"
"""The definition of the area over the curve that is the paper's."""


@dataclass(frozen=True)
class Tables:
    """The tables of a report, each written to a CSV file of its name."""

    accuracy: pd.DataFrame
    scores: pd.DataFrame
    same_answer: pd.DataFrame
    aoc: pd.DataFrame
    letter_bias: pd.DataFrame
    controls: pd.DataFrame
    counts: pd.DataFrame
    by_size: pd.DataFrame
    steps: pd.DataFrame
    ease: pd.DataFrame
    inside: pd.DataFrame
    inside_map: pd.DataFrame
    curves: pd.DataFrame
    curves_by_length: pd.DataFrame
    curves_by_coordinate: pd.DataFrame


@dataclass(frozen=True)
class Analysis:
    """A run's interventions by label, its tables, and how its answers go with size and with ease."""

    interventions: Mapping[str, Intervention]
    tables: Tables
    sizes: tuple[BySize, ...]
    changes: tuple[ChangeBySize, ...]
    ease: tuple[Trend, ...]


def analyse(run: RunFrames | Counts, seed: int = 0) -> Analysis:
    """Estimate everything that a run allows of what was asked without a cue."""
    if isinstance(run, RunFrames):
        run = run.uncued
    interventions = dict(_interventions(run.interventions, run.outcomes))
    run = run.of(interventions)
    judges = Judges(run.traces, run.questions)
    bias = letter_bias(run.traces, run.rotated, seed)
    own = bias.loc[bias["measure"] == "letter bias", ["task", "model", "value"]]
    by_model = {(task, model): value for task, model, value in own.itertuples(index=False, name=None)}
    by_size = tuple(sizes.by_size(run.traces, by_model, seed))
    by_ease = tuple(sizes.by_ease(run.traces, seed))
    floors = [label for label, intervention in interventions.items() if intervention.floor]
    along = _along_reasoning(run, interventions, seed)
    changes = tuple(_changes(run, interventions, by_model, seed))
    tables = Tables(
        accuracy=answer_change.with_and_without(run.traces, seed, judges.same),
        scores=scores(judges.questions, judges.scores, run.traces, run.outcomes, seed),
        same_answer=answer_change.same_answer_rate(run.outcomes, floors, seed),
        aoc=_stacked(along.areas, "definition"),
        letter_bias=bias,
        controls=_controls(run, judges, seed),
        counts=controls.counts(run.traces, run.outcomes, run.not_applicable),
        by_size=pd.DataFrame(map(_by_size_row, changes), columns=BY_SIZE),
        steps=_steps(by_size, changes),
        ease=pd.DataFrame(map(_ease_row, by_ease), columns=EASE),
        inside=inside.inside(run.traces, run.inside, floors, seed),
        inside_map=inside.inside_map(run.traces, run.inside, floors, seed),
        curves=_stacked(along.curves, "position", "measure"),
        curves_by_length=areas.same_answer_curve(run.outcomes, seed),
        curves_by_coordinate=_stacked(along.by_coordinate, "at", "coordinate", "measure"),
    )
    return Analysis(interventions, tables, by_size, changes, by_ease)


def _changes(
    run: RunFrames | Counts,
    interventions: Mapping[str, Intervention],
    bias: Mapping[tuple[str, str], float],
    seed: int,
) -> list[ChangeBySize]:
    """Say how every measure of change goes with size; floors are what the others are compared with."""
    readings = {
        label: Reading(CurveSpec("same", one.unchanged_at), not one.coordinate, one.plotted == "correct")
        for label, one in interventions.items()
        if not one.floor
    }
    floors = [label for label, one in interventions.items() if one.floor]
    return changes_by_size(run.traces, run.outcomes, readings, floors, bias, seed)


def _by_size_row(one: ChangeBySize) -> dict[str, object]:
    row: dict[str, object] = {"task": one.task, "intervention": one.intervention, "measure": one.measure}
    if one.trend is not None:
        row |= asdict(one.trend) | {"p_holm": one.p_holm}
    for name, other in (("shared", one.shared), ("standardised", one.standardised)):
        row |= {f"{name}_{k}": getattr(other, k) for k in OTHER_TREND} if other is not None else {}
    if one.slopes is not None:
        for name, slope in (("log_odds", one.slopes.slope), ("adjusted", one.slopes.adjusted)):
            row |= {f"{name}_{k}": getattr(slope, k) for k in SLOPE} if slope is not None else {}
        row["covariates"] = ", ".join(one.slopes.covariates)
    if one.turn is not None:
        row |= {"turn": one.turn.kind, "turn_at": one.turn.model, "turn_p": one.turn.p}
    return row


def _steps(by_size: Sequence[BySize], changes: Sequence[ChangeBySize]) -> pd.DataFrame:
    """Return the paired differences between neighbouring sizes."""
    named = [({"task": one.task, "intervention": NONE, "measure": SAME}, one.neighbours) for one in by_size]
    named += [
        ({"task": c.task, "intervention": c.intervention, "measure": c.measure}, c.neighbours)
        for c in changes
    ]
    rows = [
        names | {"from": smaller, "to": larger, "p_holm": apart.p} | asdict(apart)
        for names, neighbours in named
        for smaller, larger, apart in neighbours
    ]
    return pd.DataFrame(rows, columns=STEPS)


def _ease_row(trend: Trend) -> dict[str, object]:
    hardest, easiest = (task for task, _ in (trend.shares[0], trend.shares[-1]))
    values = (trend.of, easiest, hardest, trend.value, trend.ci_low, trend.ci_high)
    return dict(zip(EASE, values, strict=True))


class _Along(NamedTuple):
    """What is read along the reasoning, a table an intervention and measure."""

    curves: list[pd.DataFrame]
    areas: list[pd.DataFrame]
    by_coordinate: list[pd.DataFrame]


def _along_reasoning(run: RunFrames | Counts, interventions: Mapping[str, Intervention], seed: int) -> _Along:
    along = _Along([], [], [])
    for label, intervention in interventions.items():
        outcomes = run.outcomes[run.outcomes["intervention"] == label]
        for measure in MEASURES:
            spec = CurveSpec(measure, intervention.unchanged_at)
            if intervention.coordinate:
                name = intervention.coordinate
                placed = outcomes.assign(at=outcomes["coords"].str.get(name))
                table = areas.rate_along(placed, "at", measure, seed)
                along.by_coordinate.append(table.assign(coordinate=name, measure=measure))
            elif outcomes["position"].nunique() > 1:
                curve = areas.pooled_curve(spec, run.traces, outcomes, seed)
                along.curves.append(curve.assign(measure=measure))
                if measure == "same":
                    own = areas.aoc(spec, run.traces, outcomes, seed).assign(definition=PAPER)
                    most = areas.largest_aoc(spec, run.traces, outcomes, seed)
                    along.areas.extend([own, most, areas.aoc_alternatives(outcomes, seed)])
    return along


def _controls(run: RunFrames | Counts, judges: Judges, seed: int) -> pd.DataFrame:
    """Put the controls of every intervention below each other."""
    tables = [
        answer_change.unread_answers(run.outcomes, seed),
        answer_change.distance(run.outcomes, seed),
        controls.edits_checked(run.traces, run.outcomes, judges.values, seed),
        controls.by_ending(run.outcomes, seed),
        controls.attention(run.inside, seed),
    ]
    return pd.concat(tables, ignore_index=True).sort_values(
        ["n_params", *CURVE], kind="stable", ignore_index=True
    )


def floors_of(interventions: pd.DataFrame, outcomes: pd.DataFrame) -> list[str]:
    """Return the labels of those interventions that have outcomes and change nothing."""
    return [label for label, one in _interventions(interventions, outcomes) if one.floor]


def _interventions(interventions: pd.DataFrame, outcomes: pd.DataFrame) -> Iterator[tuple[str, Intervention]]:
    """Yield the interventions that have outcomes by label, built again from their specifications."""
    there = set(outcomes["intervention"].unique())
    for label, spec in zip(interventions["label"], interventions["spec"], strict=True):
        if label in there:
            try:
                found = INTERVENTIONS.build(spec)
            except InputError as error:
                raise no_longer_there(error, spec) from error
            if not found.across_arms:
                yield label, found


def _stacked(tables: list[pd.DataFrame], *more: str) -> pd.DataFrame:
    """Put tables below each other; without any, an empty one with the columns that there would be."""
    columns = [*CURVE, *more, *ESTIMATE]
    full = [table for table in tables if not table.empty]  # an empty one has columns without a kind
    none = estimates([], [*CURVE, *more])
    return pd.concat(full, ignore_index=True)[columns] if full else none
