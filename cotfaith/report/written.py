"""Tables as files."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 4
"""Significant digits of what is written: as many as another machine gives again. Rows are had by `export`."""


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table of estimates, each number to so many digits as come again on another machine."""
    table.to_csv(path, index=False, float_format=f"%.{DIGITS}g")
