import numpy as np
import pandas as pd
import pytest

from cotfaith.report.drawing import (
    aoc_figure,
    change_figure,
    curve_figure,
    growth_figure,
    length_figure,
    size_figure,
)
from cotfaith.stats.change_by_size import SAME, ChangeBySize
from cotfaith.stats.sizes import BySize
from cotfaith.stats.slopes import Slopes


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


def reference(value: float) -> pd.DataFrame:
    return pd.DataFrame([{"task": "t0", "model": "m", "n_params": 1, "value": value}])


def test_a_panel_without_a_task_is_not_drawn() -> None:
    nothing = curve(4).head(0)
    figure = curve_figure(curve(4), nothing, nothing, "at", ("x", "y"))
    assert [ax.get_title() for ax in figure.axes if ax.axison] == ["t0", "t1", "t2", "t3"]
    assert len(figure.axes) == 6
    assert [ax.get_ylabel() for ax in figure.axes[:4]] == ["y", "", "", "y"]


def test_a_line_its_floor_and_its_ceiling_are_at_their_values() -> None:
    line, floor, ceiling = (
        curve_figure(curve(1), reference(0.7), reference(0.9), "at", ("x", "y")).axes[0].lines
    )
    assert np.asarray(line.get_ydata()).tolist() == [0.0, 0.5, 1.0]
    assert np.unique(np.asarray(floor.get_ydata())).tolist() == [0.7]
    assert np.unique(np.asarray(ceiling.get_ydata())).tolist() == [0.9]
    assert (floor.get_linestyle(), ceiling.get_linestyle()) == ("--", ":")


def test_each_task_and_intervention_has_a_panel_with_its_trend_floor_and_ceiling() -> None:
    one = curve(2).assign(n_params=[1e4, 1e5, 1e6] * 2, questions=20, nobs=100, unedited=0.9)
    rates = pd.concat([one.assign(intervention=name) for name in ("mistake", "truncation")])
    fitted = ((1e4, 0.2, 0.1, 0.3), (1e6, 0.6, 0.5, 0.7))
    change = ChangeBySize("t1", "mistake", SAME, (), 3, (), slopes=Slopes(None, None, (), fitted))
    figure = change_figure(
        rates, curve(2).assign(n_params=[1e4, 1e5, 1e6] * 2), [change], ["mistake", "truncation"]
    )
    titles = [ax.get_title().split("\n") for ax in figure.axes]
    assert titles == [
        [task, f"{name} (20 questions, 300 outcomes)"]
        for task in ("t0", "t1")
        for name in ("mistake", "truncation")
    ]
    trends = [
        np.asarray(line.get_ydata()).tolist()
        for ax in figure.axes
        for line in ax.lines
        if line.get_label() == "binomial trend, 95% band"
    ]
    assert trends == [[0.2, 0.6]]
    (floor,) = [line for line in figure.axes[2].lines if line.get_label() == "without an edit"]
    assert np.unique(np.asarray(floor.get_ydata())).tolist() == [0.9]


def test_sizes_stand_in_order_on_a_log_scale_with_the_fitted_trend() -> None:
    shares = curve(1).assign(n_params=[1e6, 1e4, 1e5])
    agreement = shares.assign(value=0.8)
    fitted = ((1e4, 0.2, 0.1, 0.3), (1e6, 0.6, 0.5, 0.7))
    ax = size_figure(shares, agreement, [BySize("t0", (), (), 3, fitted=fitted)]).axes[0]
    assert ax.get_xscale() == "log"
    by_label = {line.get_label(): line for line in ax.lines}
    assert np.asarray(by_label["binomial trend, 95% band"].get_ydata()).tolist() == [0.2, 0.6]
    assert np.asarray(by_label["agreement of two samples"].get_xdata()).tolist() == [1e4, 1e5, 1e6]
    (points,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert np.asarray(points.get_xdata()).tolist() == [1e4, 1e5, 1e6]


def test_areas_stand_at_their_tasks() -> None:
    areas = pd.DataFrame(
        [
            {
                "task": t,
                "model": "m",
                "n_params": 1,
                "intervention": "x",
                "value": v,
                "ci_low": 0,
                "ci_high": 1,
            }
            for t, v in (("a", 0.3), ("b", 0.6))
        ]
    )
    ax = aoc_figure(areas).axes[0]
    names = {tick.get_text(): at for tick, at in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}
    (marks,) = [line for line in ax.lines if line.get_marker() not in ("", "None")]
    drawn = zip(np.asarray(marks.get_xdata()), np.round(np.asarray(marks.get_ydata())), strict=True)
    assert {float(x): float(y) for x, y in drawn} == {0.3: names["a"], 0.6: names["b"]}


def test_each_length_has_its_curve() -> None:
    frame = pd.concat([curve(1).assign(n_steps=n, position=[0.0, 0.5, 1.0]) for n in (2, 3)])
    labels = [line.get_label() for line in length_figure(frame, "x").axes[0].lines]
    assert labels == ["2 steps", "3 steps"]


def test_growth_begins_at_nothing_and_shows_all_points() -> None:
    growth = pd.DataFrame(
        {
            "along": ["questions", "questions", "steps"],
            "distinct_tokens": [10, 20, 30],
            "seconds": [1.0, 2.0, 4.0],
            "peak_megabytes": [600.0, 610.0, 620.0],
        }
    )
    time, memory = growth_figure(growth).axes
    assert [line.get_label() for line in time.lines] == ["more questions", "more steps"]
    assert time.get_ylim() == pytest.approx((0, 4.4))
    assert memory.get_ylim() == pytest.approx((0, 682))
    assert np.asarray(memory.lines[0].get_ydata()).tolist() == [600, 610]
