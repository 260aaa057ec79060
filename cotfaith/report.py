"""From a run's folder to tables, figures and a report in Markdown."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Literal

import pandas as pd
from matplotlib.figure import Figure

from cotfaith import metrics, plots, trends
from cotfaith.base import Intervention, Task
from cotfaith.curves import CurveSpec
from cotfaith.errors import InputError
from cotfaith.frames import RunFrames, run_frames
from cotfaith.plugins import INTERVENTIONS, TASKS
from cotfaith.schema import Question
from cotfaith.store import Store
from cotfaith.trends import Trend

NO_VALUE = "–"
SAME_ANSWER = "same answer with and without"
MEASURES: dict[Literal["same", "correct"], str] = {
    "same": "Same answer as with the\ncomplete reasoning",
    "correct": "Accuracy",
}
CAVEAT = (
    "A same-answer rate or an AOC is a reading of **answer dependence**: how far the answer changes when the "
    "stated reasoning does. An answer that does not depend on the reasoning may still have been explained "
    "truly, and one that does may not (Lanham et al. 2023, arXiv 2307.13702). Read every rate beside the "
    "accuracy and beside the unedited rate of the same row."
)


@dataclass(frozen=True)
class Tables:
    """The tables of a report, each written to a CSV file of its name."""

    accuracy: pd.DataFrame
    readings: pd.DataFrame
    same_answer: pd.DataFrame
    aoc: pd.DataFrame
    counts: pd.DataFrame
    curves: pd.DataFrame
    curves_by_length: pd.DataFrame
    curves_by_coordinate: pd.DataFrame


TITLES = {
    "accuracy": "Accuracy, and answers with and without reasoning",
    "readings": "What the tasks read from the answers",
    "same_answer": "Same-answer rate under each intervention",
    "aoc": "Area over the curve (AOC)",
    "counts": "What was counted, and what could not be",
}


def write_report(store: Store) -> Tables:
    """Write CSV tables, figures and report.md into the run's folder, and return the tables."""
    run = run_frames(store)
    if run.traces.empty:
        raise InputError(f"{store.folder}: the run holds no reasoning yet.")
    tables = make_tables(run, seed=store.meta("settings")["seed"])
    for field in fields(tables):
        getattr(tables, field.name).to_csv(store.folder / f"{field.name}.csv", index=False)
    names = []
    for name, figure in make_figures(run, tables):
        plots.save(figure, store.folder / name)
        names.append(name)
    words = in_words(run.traces, seed=store.meta("settings")["seed"])
    (store.folder / "report.md").write_text(_markdown(store, words, tables, names), encoding="utf-8")
    return tables


def make_tables(run: RunFrames, seed: int = 0) -> Tables:
    """Estimate everything that a run allows."""
    curves, areas, along = [], [], []
    for label, intervention in _interventions(run):
        outcomes = run.outcomes[run.outcomes["intervention"] == label]
        for measure in MEASURES:
            spec = CurveSpec(measure, intervention.unchanged_at)
            if intervention.coordinate:
                name = intervention.coordinate
                placed = outcomes.assign(at=outcomes["coords"].str.get(name))
                table = metrics.rate_along(placed, "at", measure, seed)
                along.append(table.assign(coordinate=name, measure=measure))
            elif outcomes["position"].nunique() > 1:
                curve = metrics.pooled_curve(spec, run.traces, outcomes, seed)
                curves.append(curve.assign(measure=measure))
                if measure == "same":
                    areas.append(metrics.aoc(spec, run.traces, outcomes, seed))
    judges = _Judges(run)
    floors = [label for label, intervention in _interventions(run) if intervention.floor]
    return Tables(
        accuracy=metrics.with_and_without(run.traces, seed, judges.same),
        readings=metrics.readings(judges.questions, judges.readings, run.traces, run.outcomes, seed),
        same_answer=metrics.same_answer_rate(run.outcomes, floors, seed),
        aoc=_stacked(areas),
        counts=metrics.counts(run.traces, run.outcomes, run.not_applicable),
        curves=_stacked(curves, "position", "measure"),
        curves_by_length=metrics.same_answer_curve(run.outcomes, seed),
        curves_by_coordinate=_stacked(along, "at", "coordinate", "measure"),
    )


def make_figures(run: RunFrames, tables: Tables) -> Iterator[tuple[str, Figure]]:
    """Yield a figure an intervention, and the same-answer share by model size, each with its file's name.

    Tasks without right answers have no accuracy: under an intervention that is read by accuracy, a figure of
    their own shows how often their answers stay the same.
    """
    for label, intervention in _interventions(run):
        x = "at" if intervention.coordinate else "position"
        curves = tables.curves_by_coordinate if intervention.coordinate else tables.curves
        curves = curves[curves["intervention"] == label]
        wanted = curves["measure"] == intervention.reading
        unjudged = ~curves["task"].isin(curves.loc[wanted, "task"]) & (curves["measure"] == "same")
        for name, rows in ((label, wanted), (f"{label} same answer", unjudged)):
            if rows.any():
                measure = curves.loc[rows, "measure"].iloc[0]
                labels = (intervention.axis, MEASURES[measure])
                reference = _reference(label, measure, tables)
                yield _file_name(name), plots.curve_figure(curves[rows], reference, x, labels)
    yield "by-size", plots.size_figure(tables.accuracy[tables.accuracy["measure"] == SAME_ANSWER])


def _reference(label: str, measure: str, tables: Tables) -> pd.DataFrame:
    """Return what the unchanged reasoning gives: the accuracy with it, or the unedited same-answer rate."""
    if measure == "correct":
        return tables.accuracy[tables.accuracy["measure"] == "accuracy with reasoning"]
    rates = tables.same_answer[tables.same_answer["intervention"] == label]
    return rates.assign(value=rates["unedited"]).dropna(subset="value")


def _interventions(run: RunFrames) -> list[tuple[str, Intervention]]:
    """Return the run's interventions by label, built again from their specifications."""
    there = set(run.outcomes["intervention"])
    listed = zip(run.interventions["label"], run.interventions["spec"], strict=True)
    return [(label, _rebuilt(spec)) for label, spec in listed if label in there]


def _rebuilt(spec: str) -> Intervention:
    try:
        return INTERVENTIONS.build(spec)
    except InputError as error:
        raise InputError(
            f"{error} The run was measured with {spec!r}: name its file with --plugin."
        ) from error


class _Judges:
    """The run's tasks, built again from their specifications, and its questions."""

    def __init__(self, run: RunFrames) -> None:
        self._tasks = {str(spec): _rebuilt_task(str(spec)) for spec in run.traces["task"].unique()}
        self.questions = {
            (q["task"], q["id"]): Question(**{str(k): v for k, v in q.items()})
            for q in run.questions.to_dict("records")
        }
        self.readings = {spec: task.readings for spec, task in self._tasks.items() if task.readings}

    def same(self, task: str, question: str, one: str, other: str) -> bool:
        """Tell whether two answers to a question are the same, as its task judges."""
        return self._tasks[task].same(self.questions[task, question], one, other)


def _rebuilt_task(spec: str) -> Task:
    try:
        return TASKS.build(spec)
    except InputError as error:
        raise InputError(f"{error} The run has a task {spec!r}: name its file with --plugin.") from error


def _stacked(tables: list[pd.DataFrame], *more: str) -> pd.DataFrame:
    """Put tables below each other; without any, an empty one with the columns that there would be."""
    columns = [*metrics.CURVE, *more, *metrics.ESTIMATE]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _file_name(label: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in label).strip("-")


def in_words(traces: pd.DataFrame, seed: int = 0) -> str:
    """Say whether the same-answer share rises with size and with ease, as Lanham et al. 2023 asked."""
    lines = []
    for trend in trends.by_size(traces, seed):
        lines.append(
            f"- **Size**, {trend.of}: {_verdict(trend, 'rises', 'falls')} with size, by {_signed(trend)} "
            f"for ten times the parameters ({_listed(trend)}).{_turns(trend)}"
        )
    for trend in trends.by_ease(traces, seed):
        lines.append(
            f"- **Ease**, {trend.of}: {_verdict(trend, 'is higher', 'is lower')} on the easiest task than "
            f"on the hardest, by {_signed(trend)} ({_listed(trend)})."
        )
    if not any("Size" in line for line in lines):
        lines.append("- **Size**: with fewer than three sizes no trend can be estimated.")
    return "\n".join(lines)


def _verdict(trend: Trend, up: str, down: str) -> str:
    """Say which way the share goes, if the interval does."""
    if trend.ci_low > 0:
        return f"the share {up}"
    return f"the share {down}" if trend.ci_high < 0 else f"it cannot be told whether the share {up} or {down}"


def _turns(trend: Trend) -> str:
    """Say between which neighbouring sizes the share goes against the trend."""
    neighbours = list(pairwise(trend.shares))
    against = [f"{a} to {b}" for (a, x), (b, y) in neighbours if (y - x) * trend.value < 0]
    return f" It goes the other way from {', and from '.join(against)}." if against else ""


def _signed(trend: Trend) -> str:
    return f"{trend.value:+.3f} [{trend.ci_low:+.3f}, {trend.ci_high:+.3f}]"


def _listed(trend: Trend) -> str:
    return ", ".join(f"{name} {share:.3f}" for name, share in trend.shares)


def _markdown(store: Store, words: str, tables: Tables, figures: list[str]) -> str:
    parts = [f"# {store.folder.name}", CAVEAT, "## What was asked", _asked(store)]
    parts += ["## Is the answer with reasoning the one without? By size and by ease", words]
    for name, title in TITLES.items():
        if not getattr(tables, name).empty:
            parts += [f"## {title}", _table(rounded(getattr(tables, name)))]
    parts.append("## Figures")
    parts += [f"![{name}]({name}.png)" for name in figures]
    parts.append(
        "Bands and intervals are 95% and resample questions, all samples of one together. Dashed: the same "
        "procedure without an edit, or the accuracy with the original reasoning."
    )
    return "\n\n".join(parts) + "\n"


def _asked(store: Store) -> str:
    settings = ", ".join(f"{name} = {value}" for name, value in store.meta("settings").items())
    lines = [f"- Settings of all: {settings}"]
    for task, (source, bad) in store.sources().items():
        left_out = f"; {len(bad)} bad rows left out, the first: {bad[0]}" if bad else ""
        lines.append(f"- Questions of {task}: {source}{left_out}")
    for command in store.meta("commands") or []:
        study = command["study"]
        lines.append(
            f"- {', '.join(command['interventions']) or 'reasoning alone'} on {', '.join(study['task'])}: "
            f"{study['questions']} questions, {study['samples']} samples; helper: {study['helper'] or 'none'}"
        )
    versions = store.meta("commands")[-1]["versions"] if store.meta("commands") else {}
    return "\n".join([*lines, "- Versions: " + ", ".join(f"{k} {v}" for k, v in versions.items())])


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as a reader wants it: the estimate and its interval in one column, three digits."""
    shown = table.copy()
    if "ci_low" in shown:
        spans = zip(shown["value"], shown["ci_low"], shown["ci_high"], strict=True)
        shown["value"] = [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in spans]
        shown = shown.drop(columns=["ci_low", "ci_high"])
    for column in shown.select_dtypes("float"):
        shown[column] = [_digits(value) for value in shown[column]]
    return shown.drop(columns="n_params")


def _digits(value: float) -> str:
    return NO_VALUE if pd.isna(value) else f"{value:.3f}"


def _table(table: pd.DataFrame) -> str:
    rows: list[list[Any]] = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)
