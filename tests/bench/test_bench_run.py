"""What the benchmark's page says."""

from pathlib import Path

import pandas as pd
import pytest

from cotfaith.bench.run import named, write_page


def test_results_are_named_after_the_model_and_not_after_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "small").mkdir(parents=True)
    assert named(f"{tmp_path}/models/small/") == "small"
    monkeypatch.chdir(tmp_path / "models" / "small")
    assert named(".") == "small"
    assert named("ladder/2400k") == "ladder-2400k"


def test_every_table_says_where_it_was_measured(tmp_path: Path) -> None:
    ratio = {"ratio": 2.5, "ratio_least": 2.0, "ratio_most": 3.0}
    pd.DataFrame([ratio | {"measured_on": "one machine"}]).to_csv(tmp_path / "sampling.csv", index=False)
    part = {"what": "all", "seconds": 1234.5, "measured_on": "another"}
    pd.DataFrame([part]).to_csv(tmp_path / "run.csv", index=False)
    write_page(tmp_path)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    sampling, run = page.split("## A whole run")
    assert "On one machine.\n\n| ratio |" in sampling
    assert "| 2.50 (2.00 to 3.00) |" in sampling
    assert "On another.\n\n| what | seconds |" in run
    assert "| all | 1,234 |" in run
