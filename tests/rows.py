"""Every row of a run by its key, and how two runs differ, row by row."""

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from cotfaith.store.database import TABLES

Rows = dict[tuple[object, ...], tuple[Any, ...]]
NEAR = 1e-4  # numbers computed in another batch


def rows(folder: Path) -> Rows:
    """Return what a run holds: (table, key) to the row, with JSON read."""
    found: Rows = {}
    with closing(sqlite3.connect(folder / "run.sqlite")) as db:
        for table in TABLES:
            keys = 2 if table == "intervened" else 1
            for row in db.execute(f"SELECT * FROM {table}"):
                found[table, *row[:keys]] = tuple(map(_read, row[keys:]))
    return found


def sound(folder: Path) -> bool:
    with closing(sqlite3.connect(folder / "run.sqlite")) as db:
        checks = [
            db.execute(f"PRAGMA {check}").fetchall() for check in ("integrity_check", "foreign_key_check")
        ]
    return checks == [[("ok",)], []]


def unequal(run: Rows, reference: Rows) -> dict[str, list[tuple[object, ...]]]:
    """Return the keys that are lost, that are new, and whose rows say something else."""
    both = run.keys() & reference.keys()
    return {
        "lost": sorted(reference.keys() - run.keys(), key=str),
        "new": sorted(run.keys() - reference.keys(), key=str),
        "other": sorted((key for key in both if not alike(run[key], reference[key])), key=str),
    }


def alike(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, numbers nearly so."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, abs_tol=NEAR)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def _read(cell: object) -> object:
    return json.loads(cell) if isinstance(cell, str) and cell.startswith("{") else cell
