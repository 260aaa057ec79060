"""Figures of a run: one style, colours that survive colour blindness and grey print, PNG and SVG."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cotfaith.stats.change_by_size import SAME as RATE
from cotfaith.stats.change_by_size import ChangeBySize
from cotfaith.stats.sizes import BySize

STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.alpha": 0.25,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.bbox": "tight",
    "savefig.dpi": 160,
    "svg.hashsalt": "cotfaith",
}
PANEL = (3.6, 2.9)  # inches
COLUMNS = 3
MARKERS = "osD^vPX"
SHARE = (-0.03, 1.03)
CEILING: dict[str, Any] = {"color": "0.45", "linestyle": ":", "linewidth": 1.2}
FLOOR: dict[str, Any] = {"linestyle": "--", "linewidth": 1}
SAME = "Same answer as with the\ncomplete reasoning"


def curve_figure(
    curve: pd.DataFrame, floor: pd.DataFrame, ceiling: pd.DataFrame, x: str, labels: tuple[str, str]
) -> Figure:
    """Draw a rate along an intervention: a panel a task, a line with its band a model.

    `curve` has `task`, `model`, `n_params`, the column `x`, `value`, `ci_low` and `ci_high`. `floor` and
    `ceiling` have the same without x: what the unchanged reasoning gives, dashed, and how often independent
    samples agree, dotted. `labels` name the axes.
    """
    figure, axes = panels(sorted(curve["task"].unique()))
    for task, ax in axes.items():
        for model, (colour, marker) in _looks(curve, "model", "n_params").items():
            here = (curve["task"] == task) & (curve["model"] == model)
            band(ax, curve[here].sort_values(x), x, colour, marker, str(model))
            for value in _values(floor, task, model):
                ax.axhline(value, color=colour, **FLOOR)
            for value in _values(ceiling, task, model):
                ax.axhline(value, **{**CEILING, "color": colour})
        ax.set(xlabel=labels[0], ylim=SHARE)
    finish(figure, axes, labels[1], _references(floor, ceiling))
    return figure


def growth_figure(growth: pd.DataFrame, x: str = "distinct_tokens") -> Figure:
    """Draw seconds and peak memory against the column x, with a line for each of what there is more of.

    `growth` has `along`, x, `seconds` and `peak_megabytes`.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PANEL[0] * 2, PANEL[1]), layout="constrained")
        for ax, column in zip(figure.subplots(1, 2), ("seconds", "peak_megabytes"), strict=True):
            for (along, rows), marker in zip(growth.groupby("along", sort=False), MARKERS, strict=False):
                ordered = rows.sort_values(x)
                ax.plot(ordered[x], ordered[column], marker=marker, label=f"more {along}")
            ax.set(xlabel=x.replace("_", " ").capitalize(), ylabel=column.replace("_", " ").capitalize())
            ax.set(xlim=(0, 1.1 * growth[x].max()), ylim=(0, 1.1 * growth[column].max()))
            ax.locator_params("x", nbins=5)
        figure.axes[0].legend()
    return figure


def length_figure(curves: pd.DataFrame, axis: str) -> Figure:
    """Draw the same-answer curves of one model's reasonings by their number of steps, a panel a task."""
    figure, axes = panels(sorted(curves["task"].unique()))
    for task, ax in axes.items():
        for n, (colour, marker) in _looks(curves, "n_steps", "n_steps").items():
            here = (curves["task"] == task) & (curves["n_steps"] == n)
            band(ax, curves[here].sort_values("position"), "position", colour, marker, f"{n} steps")
        ax.set(xlabel=axis, ylim=SHARE)
    finish(figure, axes, SAME, [])
    return figure


def size_figure(shares: pd.DataFrame, agreement: pd.DataFrame, sizes: Sequence[BySize]) -> Figure:
    """Draw the same-answer share with and without reasoning by number of parameters, a panel a task.

    `shares` and `agreement` have a row a (task, model); the line is the binomial model's, with its 95% band.
    """
    figure, axes = panels(sorted(shares["task"].unique()))
    fitted = {one.task: one.fitted for one in sizes if one.fitted}
    for task, ax in axes.items():
        line, ceiling = (frame[frame["task"] == task] for frame in (shares, agreement))
        _sized(ax, line, ceiling, fitted.get(task, ()))
    finish(figure, axes, "Same answer with and\nwithout reasoning", [])
    return figure


def change_figure(
    rates: pd.DataFrame,
    agreement: pd.DataFrame,
    changes: Sequence[ChangeBySize],
    interventions: Sequence[str],
) -> Figure:
    """Draw the same-answer rate by number of parameters: a row of panels a task, a column an intervention.

    `rates` has a row a (task, intervention, model), with `unedited`: the floor, dashed; `agreement` a row a
    (task, model), dotted. The line is the binomial model's, with its 95% band. Titles say what was counted.
    """
    cells = [(t, i) for t in sorted(rates["task"].unique()) for i in interventions]
    shown = {cell: rates[(rates["task"] == cell[0]) & (rates["intervention"] == cell[1])] for cell in cells}
    titles = {f"{t}\n{i} ({_counted(shown[t, i])})": (t, i) for t, i in cells}
    figure, axes = panels(list(titles), columns=len(interventions))
    fitted = {
        (one.task, one.intervention): one.slopes.fitted
        for one in changes
        if one.measure == RATE and one.slopes is not None
    }
    for title, ax in axes.items():
        task, intervention = titles[title]
        line = shown[task, intervention]
        _sized(ax, line, agreement[agreement["task"] == task], fitted.get((task, intervention), ()))
        floor = line.dropna(subset="unedited").sort_values("n_params")
        ax.plot(floor["n_params"], floor["unedited"], color="0.45", label="without an edit", **FLOOR)
    finish(figure, axes, "Same answer after the edit", [])
    return figure


def _counted(line: pd.DataFrame) -> str:
    return f"{line['questions'].max()} questions, {line['nobs'].sum():,} outcomes" if len(line) else "none"


def _sized(
    ax: Axes, line: pd.DataFrame, ceiling: pd.DataFrame, fitted: Sequence[tuple[float, float, float, float]]
) -> None:
    """Draw rates by number of parameters, with the binomial trend and how often two samples agree."""
    if fitted:
        at, share, low, high = np.array(fitted).T
        ax.fill_between(at, low, high, color="#4477aa", alpha=0.18, linewidth=0)
        ax.plot(at, share, color="#4477aa", label="binomial trend, 95% band")
    line, ceiling = (frame.sort_values("n_params") for frame in (line, ceiling))
    error = np.abs(line[["ci_low", "ci_high"]].to_numpy().T - line["value"].to_numpy())
    ax.errorbar(
        line["n_params"], line["value"], error,
        color="0.15", marker="o", markersize=4, capsize=2, linestyle="none", label="share, 95% interval",
    )  # fmt: skip
    ax.plot(ceiling["n_params"], ceiling["value"], label="agreement of two samples", **CEILING)
    ax.set(xscale="log", xlabel="Parameters", ylim=SHARE)


def aoc_figure(areas: pd.DataFrame) -> Figure:
    """Draw the area over the curve by task, a panel an intervention, a mark with its interval a model."""
    figure, axes = panels(sorted(areas["intervention"].unique()))
    tasks = sorted(areas["task"].unique(), reverse=True)
    looks = _looks(areas, "model", "n_params")
    for intervention, ax in axes.items():
        for i, (model, (colour, marker)) in enumerate(looks.items()):
            rows = areas[(areas["intervention"] == intervention) & (areas["model"] == model)]
            y = np.array([tasks.index(task) for task in rows["task"]], dtype=float)
            y += 0.6 * ((len(looks) - 1 - i) / max(len(looks) - 1, 1) - 0.5)
            error = np.abs(rows[["ci_low", "ci_high"]].to_numpy().T - rows["value"].to_numpy())
            ax.errorbar(
                rows["value"], y, xerr=error, color=colour, marker=marker, markersize=4, linestyle="none",
                linewidth=1, label=str(model),
            )  # fmt: skip
        ax.set(xlabel="AOC", xlim=SHARE, ylim=(-0.6, len(tasks) - 0.4))
        ax.set_yticks(range(len(tasks)), tasks)
    finish(figure, axes, "", [])
    return figure


def detection_figure(flagged: pd.DataFrame) -> Figure:
    """Draw how often tests flag each mechanism: a panel a test, a mark with its interval a mechanism.

    `flagged` has `intervention`, `mechanism`, `reads` (bool), `value`, `ci_low` and `ci_high`.
    """
    figure, axes = panels(sorted(flagged["intervention"].unique()))
    names = list(flagged.sort_values(["reads", "mechanism"], ascending=[True, False])["mechanism"].unique())
    looks = {True: ("#4477aa", "o", "reads its reasoning"), False: ("#cc6677", "s", "ignores it")}
    for test, ax in axes.items():
        for reads, (colour, marker, label) in looks.items():
            rows = flagged[(flagged["intervention"] == test) & (flagged["reads"] == reads)]
            error = np.abs(rows[["ci_low", "ci_high"]].to_numpy().T - rows["value"].to_numpy())
            ax.errorbar(
                rows["value"], [names.index(name) for name in rows["mechanism"]], xerr=error, color=colour,
                marker=marker, markersize=5, linestyle="none", linewidth=1, label=label,
            )  # fmt: skip
        ax.set(xlabel="Samples flagged", xlim=SHARE, ylim=(-0.6, len(names) - 0.4))
        ax.set_yticks(range(len(names)), names)
    finish(figure, axes, "", [])
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG and SVG beside each other; it is laid out once for both."""
    with mpl.rc_context(STYLE):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        seen = figure.get_tightbbox().padded(mpl.rcParams["savefig.pad_inches"])
        figure.savefig(path.with_suffix(".png"), bbox_inches=seen)
        figure.savefig(path.with_suffix(".svg"), bbox_inches=seen, metadata={"Date": None})


def band(ax: Axes, line: pd.DataFrame, x: str, colour: Any, marker: str, label: str) -> None:
    """Draw a line with its band."""
    every = max(1, len(line) // 11)
    ax.plot(line[x], line["value"], color=colour, label=label, marker=marker, markersize=3, markevery=every)
    ax.fill_between(line[x], line["ci_low"], line["ci_high"], color=colour, alpha=0.15, linewidth=0)


def _values(reference: pd.DataFrame, task: str, model: Hashable) -> list[float]:
    return list(reference.loc[(reference["task"] == task) & (reference["model"] == model), "value"])


def _references(floor: pd.DataFrame, ceiling: pd.DataFrame) -> list[Line2D]:
    """Return what the legend says of the horizontal lines that are drawn."""
    lines = [] if floor.empty else [Line2D([], [], color="0.3", label="without an edit", **FLOOR)]
    return lines + ([] if ceiling.empty else [Line2D([], [], label="agreement of two samples", **CEILING)])


def panels(titles: Sequence[str], columns: int = COLUMNS) -> tuple[Figure, dict[str, Axes]]:
    """Make a grid of panels by their titles."""
    columns = min(len(titles), columns)
    rows = -(-len(titles) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
        grid = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    axes = dict(zip(titles, grid, strict=False))
    for title, ax in axes.items():
        ax.set_title(title, fontsize=9)
    for empty in grid[len(titles) :]:
        empty.set_axis_off()
    return figure, axes


def _looks(frame: pd.DataFrame, of: str, order: str) -> dict[Hashable, tuple[Any, str]]:
    """Give each model or length a colour, from dark to light, and a marker of its own."""
    names = list(frame.sort_values(order)[of].unique())
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.85, len(names)))
    return {name: (colours[i], MARKERS[i % len(MARKERS)]) for i, name in enumerate(names)}


def finish(figure: Figure, axes: dict[str, Axes], ylabel: str, more: list[Line2D]) -> None:
    """Name the axes, and put what all panels show into one legend."""
    for ax in axes.values():
        if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            ax.set_ylabel(ylabel)
    found = {
        label: handle
        for ax in axes.values()
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    found |= {str(line.get_label()): line for line in more}
    if found:
        figure.legend(
            found.values(),
            found.keys(),
            loc="outside lower center",
            ncols=min(len(found), 4),
            frameon=False,
            fontsize=8,
        )
