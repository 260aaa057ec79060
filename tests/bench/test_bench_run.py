"""What the benchmark's page says."""

from pathlib import Path

import pandas as pd

from cotfaith.bench.run import write_page


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
