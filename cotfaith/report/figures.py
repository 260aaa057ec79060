"""Which figures a report has, of the tables of a run; how they are drawn stands in `drawing`."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from cotfaith.report import drawing, heat
from cotfaith.stats.analysis import PAPER, Analysis, Tables

SAME_ANSWER = "same answer with and without"
AGREEMENT = "agreement of two samples"
LABELS = {"same": drawing.SAME, "correct": "Accuracy"}


def make_figures(analysis: Analysis) -> Iterator[tuple[str, Figure]]:
    """Yield the figures with their files' names: by size, AOC, and those of each intervention.

    Tasks without right answers have no accuracy: under an intervention that is read by accuracy, a figure of
    their own shows how often their answers stay the same.
    """
    tables = analysis.tables
    agreement = tables.accuracy[tables.accuracy["measure"] == AGREEMENT]
    shares = tables.accuracy[tables.accuracy["measure"] == SAME_ANSWER]
    yield "by-size", drawing.size_figure(shares, agreement, analysis.sizes)
    edited = [label for label, one in analysis.interventions.items() if not one.floor]
    if edited and tables.same_answer["n_params"].nunique() > 1:
        yield "change-by-size", drawing.change_figure(tables.same_answer, agreement, analysis.changes, edited)
    areas = tables.aoc[tables.aoc["definition"] == PAPER]
    if not areas.empty:
        yield "aoc", drawing.aoc_figure(areas)
    for label, cells in tables.inside_map.groupby("intervention", sort=False):
        yield f"{_file_name(str(label))}-layers", heat.heat_figure(cells)
    for label, intervention in analysis.interventions.items():
        if label in set(tables.inside_map["intervention"]):
            continue
        x = "at" if intervention.coordinate else "position"
        curves = tables.curves_by_coordinate if intervention.coordinate else tables.curves
        curves = curves[curves["intervention"] == label]
        wanted = curves["measure"] == intervention.plotted
        unjudged = ~curves["task"].isin(curves.loc[wanted, "task"]) & (curves["measure"] == "same")
        for name, rows in ((label, wanted), (f"{label} same answer", unjudged)):
            if rows.any():
                measure = curves.loc[rows, "measure"].iloc[0]
                floor = _floor(label, measure, tables)
                ceiling = agreement if measure == "same" else agreement.iloc[:0]
                axes = (intervention.axis, LABELS[measure])
                yield _file_name(name), drawing.curve_figure(curves[rows], floor, ceiling, x, axes)
        yield from _by_length(label, intervention.axis, intervention.plotted, tables)


def captions(analysis: Analysis) -> dict[str, str]:
    """Say what each figure shows, by its file's name."""
    found = {
        "by-size": "How often the answer is the same with reasoning and without it, by model size.",
        "change-by-size": "How often the answer stays the same under each test, by model size.",
        "aoc": "Area over the curve of each test along the reasoning: 0 where nothing depends on it.",
    }
    for label, one in analysis.interventions.items():
        name, axis = _file_name(label), one.axis[:1].lower() + one.axis[1:]
        what = "same answer" if one.plotted == "same" else "accuracy"
        found |= {
            name: f"{label}: {what} by {axis}.",
            f"{name}-same-answer": f"{label}: same answer by {axis}, of tasks without right answers.",
            f"{name}-by-length": f"{label}: same answer by {axis}, largest model, by number of steps.",
            f"{name}-layers": f"{label}: share of answers changed, by layer and by where the step stands.",
        }
    return found


def _by_length(label: str, axis: str, plotted: str, tables: Tables) -> Iterator[tuple[str, Figure]]:
    """Yield the curves of the largest model by reasoning length, of an intervention that is read along it."""
    curves = tables.curves_by_length[tables.curves_by_length["intervention"] == label]
    curves = curves[curves["n_params"] == curves["n_params"].max()]
    if plotted == "same" and curves["n_steps"].nunique() > 1 and curves["position"].nunique() > 1:
        yield f"{_file_name(label)}-by-length", drawing.length_figure(curves, axis)


def _floor(label: str, measure: str, tables: Tables) -> pd.DataFrame:
    """Return what the unchanged reasoning gives: the accuracy with it, or the unedited same-answer rate."""
    if measure == "correct":
        return tables.accuracy[tables.accuracy["measure"] == "accuracy with reasoning"]
    rates = tables.same_answer[tables.same_answer["intervention"] == label]
    return rates.assign(value=rates["unedited"]).dropna(subset="value")


def _file_name(label: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in label).strip("-")
