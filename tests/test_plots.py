import numpy as np
import pandas as pd

from cotfaith.plots import curve_figure, size_figure


def curve(tasks: int) -> pd.DataFrame:
    rows = [
        {
            "task": f"t{t}",
            "model": "m",
            "n_params": 1,
            "at": x,
            "value": x,
            "ci_low": x - 0.1,
            "ci_high": x + 0.1,
        }
        for t in range(tasks)
        for x in (0.0, 0.5, 1.0)
    ]
    return pd.DataFrame(rows)


def test_a_panel_without_a_task_is_not_drawn() -> None:
    figure = curve_figure(curve(5), curve(5).head(0), "at", ("x", "y"))
    assert [ax.get_title() for ax in figure.axes if ax.axison] == ["t0", "t1", "t2", "t3", "t4"]
    assert len(figure.axes) == 8


def test_a_line_and_its_dashed_reference_are_at_their_values() -> None:
    reference = pd.DataFrame([{"task": "t0", "model": "m", "n_params": 1, "value": 0.7}])
    line, dashed = curve_figure(curve(1), reference, "at", ("x", "y")).axes[0].lines
    assert np.asarray(line.get_ydata()).tolist() == [0.0, 0.5, 1.0]
    assert np.unique(np.asarray(dashed.get_ydata())).tolist() == [0.7]


def test_sizes_stand_in_order_on_a_log_scale() -> None:
    shares = curve(1).assign(n_params=[1e6, 1e4, 1e5])
    ax = size_figure(shares).axes[0]
    assert ax.get_xscale() == "log"
    assert np.asarray(ax.lines[0].get_xdata()).tolist() == [1e4, 1e5, 1e6]
