"""Heat maps of few and of many layers."""

import pandas as pd
import pytest

from cotfaith.report.heat import heat_figure


def cells(layers: int, value: float) -> pd.DataFrame:
    """Return a cell a layer and step, of which the last layer's at the last step has the value."""
    common = {"task": "t", "model": "m", "n_params": 1, "unit": "steps from the end"}
    names = [*map(str, range(layers)), "all"]
    rows = [
        common | {"layers": name, "at": at, "value": value if (name, at) == (str(layers - 1), 1) else 0.0}
        for name in names
        for at in (1, 2, 3)
    ]
    return pd.DataFrame(rows)


def labels(layers: int) -> list[str]:
    ax = heat_figure(cells(layers, 1.0)).axes[0]
    return [label.get_text() for label in ax.get_yticklabels()]


def test_all_layers_at_once_stand_on_top_and_the_last_step_at_the_right() -> None:
    ax = heat_figure(cells(2, 1.0)).axes[0]
    assert labels(2) == ["all", "1", "0"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["3", "2", "1"]
    values = ax.images[0].get_array()
    assert values is not None
    assert values.tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_of_many_layers_some_are_named() -> None:
    assert labels(12) == ["all", *map(str, range(11, -1, -1))]
    named = labels(80)
    assert named[0] == "all"
    assert len(named) <= 17


@pytest.mark.parametrize(("largest", "scale"), [(0.2, 0.2), (1.0, 1.0), (0.0, 0.1)])
def test_the_scale_ends_at_the_largest_share_and_not_at_noise(largest: float, scale: float) -> None:
    assert heat_figure(cells(3, largest)).axes[0].images[0].get_clim() == (0, scale)
