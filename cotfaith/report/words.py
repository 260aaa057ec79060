"""What the estimates say, in plain sentences with their numbers; written by rule, never by hand."""

from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from cotfaith.stats.analysis import PAPER, Analysis
from cotfaith.stats.areas import LARGEST, OF_LARGEST
from cotfaith.stats.change_by_size import ChangeBySize
from cotfaith.stats.compared import Contrast
from cotfaith.stats.intervals import detectable_from
from cotfaith.stats.paired import Difference
from cotfaith.stats.sizes import BySize, Extremum, Trend
from cotfaith.stats.tables import CELL, CURVE

CAVEAT = (
    "A same-answer rate or an AOC is a reading of answer dependence: how far the answer changes when the "
    "stated reasoning does. An answer that does not depend on the reasoning may still have been explained "
    "truly, and one that does may not (Lanham et al. 2023, arXiv 2307.13702). Read every rate beside the "
    "accuracy, beside the letter bias and beside the unedited rate of the same row."
)
INTERVALS = (
    "Bands and intervals are 95% and resample questions, all samples of one together. Dashed: the same "
    "procedure without an edit, or the accuracy with the original reasoning. Dotted: how often two samples "
    "of reasoning for a question end in the same answer."
)
LEFT_OUT = {
    "bad_rows": "bad rows left out",
    "duplicates": "rows say the same as another and were left out",
    "contradictions": "rows ask the same as another, give another answer and were left out",
    "other_files": "files of the folder hold no row of the task and were passed over",
}
"""What is said of each kind of data that is not asked."""
CLEAR = 0.05
SMALL = 1e-4
"""A difference of probabilities below which it is not told how small."""
AREAS = {PAPER: "_aoc", LARGEST: "_most", OF_LARGEST: "_share"}
"""Definitions of the area that sentences give, with the endings of their columns."""


def by_size(analysis: Analysis) -> list[str]:
    """Say how the same-answer share goes with model size and with ease, as Lanham et al. 2023 asked."""
    lines = [line for one in analysis.sizes for line in _of_task(one)]
    if not analysis.sizes:
        lines.append("One model: nothing can be said of size.")
    lines += _changes(analysis.changes)
    if analysis.ease:
        lines.append(_of_ease(analysis.ease))
    return lines


def by_intervention(analysis: Analysis) -> list[str]:
    """Say what each intervention does to the answers of the smallest and the largest model, task by task."""
    floors = [label for label, intervention in analysis.interventions.items() if intervention.floor]
    rates = analysis.tables.same_answer
    for definition, suffix in AREAS.items():
        areas = analysis.tables.aoc[analysis.tables.aoc["definition"] == definition]
        rates = rates.merge(areas, "left", CURVE, suffixes=("", suffix))
    lines = []
    for task, rows in rates.groupby("task", sort=True):
        ends = rows[rows["n_params"].isin([rows["n_params"].min(), rows["n_params"].max()])]
        for row in ends[~ends["intervention"].isin(floors)].to_dict("records"):
            line = (
                f"{task}, {row['model']}, {row['intervention']}: the answer stays the same in "
                f"{span(row['value'], row['ci_low'], row['ci_high'])} of {row['nobs']:,} cases."
                f"{_beside_floor(row)}"
            )
            lines.append(line + _area(row))
    return lines


def warnings(analysis: Analysis) -> Iterator[str]:
    """Say what might mislead a reader of these numbers."""
    tables = analysis.tables
    bias = tables.letter_bias.pivot_table(index=CELL, columns="measure", values="value")
    for row in bias.reset_index().to_dict("records") if "same letter" in bias else []:
        if row["same letter"] > row["same content"]:
            yield (
                f"{row['task']}, {row['model']}: without reasoning, an answer keeps its letter "
                f"({row['same letter']:.3f}) rather than its content ({row['same content']:.3f}) when the "
                "choices change their order. Same-answer rates are then high whatever the reasoning is worth."
            )
    unread = tables.controls[tables.controls["control"] == "answers read"]
    for row in unread[unread["value"] < 1 - CLEAR].to_dict("records"):
        yield (
            f"{row['task']}, {row['model']}, {row['intervention']}: {1 - row['value']:.1%} of the answers "
            "could not be read; they count as changed. The controls show the other two readings."
        )
    few = tables.accuracy.groupby("task")["questions"].max()
    for task, questions in few[few < 30].items():
        yield f"{task}: {questions} questions; intervals over so few are rough. More questions, then samples."


def span(value: float, low: float, high: float) -> str:
    """Write an estimate with its interval."""
    if np.isnan(value):
        return "–"
    return f"{value:.3f}" if np.isnan(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _beside_floor(row: dict[Hashable, Any]) -> str:
    """Say what an edit adds to what happens without one."""
    low, high = row["excess_low"], row["excess_high"]
    if np.isnan(row["excess"]):
        return ""
    added = span(row["excess"], low, high)
    said = f" Unedited it does in {row['unedited']:.3f}; the edit adds {added} of change."
    if low <= 0 <= high:
        smallest = detectable_from(low, high)
        said += f" That is not told from none; {smallest:.3f} would have been, with 80% power."
    return said


def _area(row: dict[Hashable, Any]) -> str:
    """Give the AOC beside what it would be if every edited answer changed."""
    area, _, share = (
        span(row[f"value{suffix}"], row[f"ci_low{suffix}"], row[f"ci_high{suffix}"])
        for suffix in AREAS.values()
    )
    if np.isnan(row["value_aoc"]):
        return ""
    if np.isnan(row["value_share"]):
        return f" AOC {area}."
    return f" AOC {area}: {share} of the {row['value_most']:.3f} that changing every edited answer gives."


def _of_task(one: BySize) -> Iterator[str]:
    yield f"{one.task}: the answers with and without reasoning are the same in {_listed(one.shares)}."
    if one.trend is None:
        yield f"{one.task}: {_sizes(one)} no trend; with fewer than three sizes none can be estimated."
    else:
        yield (
            f"{one.task}: {_verdict(one.trend, 'rises', 'falls')} with size, by {_signed(one.trend)} for ten "
            f"times the parameters.{_slopes(one)}"
        )
        yield f"{one.task}: {_turned(one.turn)}"
    clear = [f"{a} to {b} ({_difference(d)})" for a, b, d in one.neighbours if d.p < CLEAR]
    yield (
        f"{one.task}: from one size to the next, {len(clear)} of {len(one.neighbours)} steps are clear "
        f"(p < .05 after Holm's correction){': ' if clear else ''}{', '.join(clear)}."
    )


def _sizes(one: BySize) -> str:
    return "two sizes give" if one.sizes == 2 else "one size gives"


def _changes(changes: Sequence[ChangeBySize]) -> Iterator[str]:
    """Say how each measure of change goes with size, in a line a task and intervention."""
    trends = sum(one.trend is not None for one in changes)
    if trends:
        yield (
            "Under each intervention, the change for ten times the parameters; p is Holm's over "
            f"{trends} trends (tasks, interventions and measures), n counts questions."
        )
    for (task, intervention), several in groupby(changes, lambda one: (one.task, one.intervention)):
        said = [_change(one, one.trend) for one in several if one.trend is not None]
        if said:
            yield f"{task}, {intervention}: {'; '.join(said)}."


def _change(one: ChangeBySize, trend: Contrast) -> str:
    """Say how one measure goes with size, alone and at the same reasoning lengths."""
    if np.isnan(trend.value):
        return f"{one.measure} cannot be told, since a model lacks it"
    said = f"{one.measure} {_plus(trend)} ({_p(one.p_holm)}, n = {trend.questions})"
    if trend.ci_low <= 0 <= trend.ci_high:
        said += f", not told from none; {trend.detectable:.3f} would have been, with 80% power"
    if one.shared is not None and one.shared.questions < trend.questions:
        said += f", {_plus(one.shared)} on the {one.shared.questions} questions that all models have"
    if one.standardised is not None:
        same = _plus(one.standardised) == _plus(trend)
        said += ", the same at equal lengths" if same else f", {_plus(one.standardised)} at equal lengths"
    if one.turn is not None and one.turn.p < CLEAR:
        said += f", a {one.turn.kind} at {one.turn.model} ({_p(one.turn.p)})"
    return said


def _plus(found: Contrast) -> str:
    return f"{found.value:+.3f} [{found.ci_low:+.3f}, {found.ci_high:+.3f}]"


def _of_ease(ease: Sequence[Trend]) -> str:
    """Say how the easiest task compares with the hardest, over all models."""
    hardest, easiest = ease[0].shares[0][0], ease[0].shares[-1][0]
    higher = sum(trend.ci_low > 0 for trend in ease)
    lower = sum(trend.ci_high < 0 for trend in ease)
    least, most = (min(ease, key=lambda t: t.value), max(ease, key=lambda t: t.value))
    return (
        f"On {easiest}, the easiest task, the share is clearly higher than on {hardest}, the hardest, for "
        f"{higher} and lower for {lower} of {len(ease)} models: by {_signed(least)} ({least.of}) to "
        f"{_signed(most)} ({most.of})."
    )


def _slopes(one: BySize) -> str:
    """Give the binomial model's slopes, or say that there is none."""
    if one.slope is None:
        return " The binomial model could not be fitted, as where nearly all answers at one end are the same."
    said = (
        f" In the binomial model the log-odds change by {one.slope.value:+.2f} "
        f"[{one.slope.ci_low:+.2f}, {one.slope.ci_high:+.2f}] ({_p(one.slope.p_holm)}, Holm over tasks)"
    )
    if one.adjusted is not None:
        names = " and ".join(name.replace("_", " ") for name in one.covariates)
        said += (
            f", and beside {names} by {one.adjusted.value:+.2f} "
            f"[{one.adjusted.ci_low:+.2f}, {one.adjusted.ci_high:+.2f}] ({_p(one.adjusted.p_holm)})"
        )
    return f"{said}."


def _turned(turn: Extremum | None) -> str:
    if turn is None:
        return "no middle size lies below or above both ends."
    where = "below" if turn.kind == "dip" else "above"
    apart = f"by {abs(turn.to_smallest):.3f} and {abs(turn.to_largest):.3f}, {_p(turn.p)}"
    if turn.p < CLEAR:
        return (
            f"there is a {turn.kind} at {turn.model}, {where} the smallest and the largest model ({apart})."
        )
    return f"{turn.model} lies {where} both ends, but not clearly so ({apart})."


def _difference(apart: Difference) -> str:
    return f"{apart.value:+.3f} [{apart.ci_low:+.3f}, {apart.ci_high:+.3f}]"


def _verdict(trend: Trend, up: str, down: str) -> str:
    """Say which way the share goes, if the interval does."""
    if trend.ci_low > 0:
        return f"the share {up}"
    return f"the share {down}" if trend.ci_high < 0 else f"it cannot be told whether the share {up} or {down}"


def _signed(trend: Trend) -> str:
    return f"{trend.value:+.3f} [{trend.ci_low:+.3f}, {trend.ci_high:+.3f}]"


def floor(probability: float) -> str:
    """Say how far the probability of a token moves with what is computed beside it."""
    moved = f"up to {probability:.2g}" if probability >= SMALL else f"less than {SMALL:g}"
    return f"alone and in a crowd, the probability of a token differed by {moved}"


def _listed(shares: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{share:.3f} ({name})" for name, share in shares)


def _p(p: float) -> str:
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")
