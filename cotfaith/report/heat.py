"""Heat maps of what is read inside: layers by steps."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cotfaith.plugins.layers import ALL, layer_order
from cotfaith.report.drawing import COLUMNS, PANEL, STYLE

FEW = 8
"""Columns in which there is room for numbers."""
LABELS = 16
"""Layers that are named, at most, beside all at once."""
ROW = 0.14
"""Inches of a layer, at least."""
LEAST_SCALE = 0.1
"""The share that the scale reaches at least, so that nothing looks like something."""


def heat_figure(cells: pd.DataFrame) -> Figure:
    """Draw the share of answers changed by layers and step, all layers at once on top: a panel a model.

    `cells` has `task`, `model`, `n_params`, `layers`, `unit`, `at` and `value`, in [0, 1]. All panels have
    one scale, up to the largest share.
    """
    most = max(float(cells["value"].max()), LEAST_SCALE)
    height = max(PANEL[1], ROW * cells["layers"].nunique())
    panels = list(cells.sort_values("n_params").groupby(["task", "model"], sort=False))
    columns = min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(PANEL[0] * columns, height * rows), layout="constrained")
        grid = list(figure.subplots(rows, columns, squeeze=False).flat)
        for ((task, model), panel), ax in zip(panels, grid, strict=False):
            ax.set_title(f"{task}\n{model}", fontsize=9)
            _map(ax, panel, most)
        for empty in grid[len(panels) :]:
            empty.set_axis_off()
        figure.colorbar(grid[0].images[0], ax=grid, label="Answers changed", shrink=0.8)
    return figure


def _map(ax: Axes, panel: pd.DataFrame, most: float) -> None:
    wide = panel.pivot_table(index="layers", columns="at", values="value")
    wide = wide.loc[sorted(wide.index, key=layer_order, reverse=True)]
    unit = panel["unit"].iloc[0]
    if unit.endswith("end"):
        wide = wide[sorted(wide.columns, reverse=True)]
    values = wide.to_numpy()
    ax.imshow(values, cmap="viridis", vmin=0, vmax=most, aspect="auto")
    ax.set_xticks(range(len(wide.columns)), list(map(str, wide.columns)))
    every = -(-len(wide.index) // LABELS)
    said = [i for i, name in enumerate(wide.index) if name == ALL or i % every == every - 1]
    ax.set_yticks(said, [wide.index[i] for i in said])
    ax.set(xlabel=unit[0].upper() + unit[1:], ylabel="Layers")
    if values.shape[1] <= FEW and values.shape[0] <= FEW:
        for (y, x), value in np.ndenumerate(values):
            if not np.isnan(value):
                colour = "black" if value > 0.6 * most else "white"
                ax.text(x, y, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=7)
