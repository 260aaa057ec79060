"""Tables in Markdown."""

import pandas as pd


def markdown_table(table: pd.DataFrame) -> str:
    """Write a table; its cells must hold neither bars nor line breaks."""
    names = [str(column).replace("_", " ") for column in table.columns]
    rows = [names, ["---"] * len(names), *table.astype(str).to_numpy().tolist()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
