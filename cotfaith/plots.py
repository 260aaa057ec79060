"""Figures of a run: one style, colours that survive colour blindness and grey print, PNG and SVG."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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


def curve_figure(curve: pd.DataFrame, reference: pd.DataFrame, x: str, labels: tuple[str, str]) -> Figure:
    """Draw a rate along an intervention: a panel a task, a line with its band a model.

    `curve` has `task`, `model`, `n_params`, the column `x`, `value`, `ci_low` and `ci_high`; `reference` the
    same without x, drawn dashed: what the unchanged reasoning gives. `labels` name the axes.
    """
    figure, axes = _panels(sorted(curve["task"].unique()))
    for task, ax in axes.items():
        for model, colour in _colours(curve).items():
            line = curve[(curve["task"] == task) & (curve["model"] == model)].sort_values(x)
            ax.plot(line[x], line["value"], color=colour, label=model, marker="o", markersize=2.5)
            ax.fill_between(line[x], line["ci_low"], line["ci_high"], color=colour, alpha=0.15, linewidth=0)
            for value in reference.loc[(reference["task"] == task) & (reference["model"] == model), "value"]:
                ax.axhline(value, color=colour, linestyle="--", linewidth=1)
        ax.set(xlabel=labels[0], ylim=(-0.03, 1.03))
    _finish(figure, axes, labels[1])
    return figure


def size_figure(shares: pd.DataFrame) -> Figure:
    """Draw the same-answer share with and without reasoning by number of parameters, a panel a task."""
    figure, axes = _panels(sorted(shares["task"].unique()))
    for task, ax in axes.items():
        line = shares[shares["task"] == task].sort_values("n_params")
        error = np.abs(line[["ci_low", "ci_high"]].to_numpy().T - line["value"].to_numpy())
        ax.errorbar(line["n_params"], line["value"], error, color="0.25", marker="o", markersize=4, capsize=2)
        ax.set(xscale="log", xlabel="Parameters", ylim=(-0.03, 1.03))
    _finish(figure, axes, "Same answer with and\nwithout reasoning")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG and SVG beside each other."""
    with mpl.rc_context(STYLE):
        figure.savefig(path.with_suffix(".png"))
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})


def _panels(tasks: Sequence[str]) -> tuple[Figure, dict[str, Axes]]:
    columns = min(len(tasks), 4)
    rows = -(-len(tasks) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
        grid = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    axes = dict(zip(tasks, grid, strict=False))
    for task, ax in axes.items():
        ax.set_title(task, fontsize=9)
    for empty in grid[len(tasks) :]:
        empty.set_axis_off()
    return figure, axes


def _colours(curve: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    """Colour models from small to large, from dark to light."""
    models = list(curve.sort_values("n_params")["model"].unique())
    return dict(zip(models, mpl.colormaps["viridis"](np.linspace(0, 0.85, len(models))), strict=True))


def _finish(figure: Figure, axes: dict[str, Axes], ylabel: str) -> None:
    first = next(iter(axes.values()))
    first.set_ylabel(ylabel)
    handles, labels = first.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), fontsize=8)
