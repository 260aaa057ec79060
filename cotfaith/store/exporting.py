"""A run of any size as tidy files, written piece by piece."""

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from cotfaith.store.columns import batches
from cotfaith.store.frames import (
    BETWEEN_STEPS_COLUMNS,
    ORIGINAL_COLUMNS,
    OUTCOME_COLUMNS,
    SHARED_COLUMNS,
    TRACE_COLUMNS,
    between_steps,
    interventions_of,
    questions_of,
    rotated_of,
    verdicts_of,
)  # fmt: skip
from cotfaith.store.store import Store

Kind = Literal["csv", "jsonl", "parquet"]
ROWS_AT_ONCE = 50_000
_ORIGINAL = ", ".join(f"original_{name}" for name in ORIGINAL_COLUMNS)
_BATCHED = {
    "traces": f"SELECT {', '.join(TRACE_COLUMNS)} FROM traces",
    "outcomes": f"SELECT {', '.join(SHARED_COLUMNS)}, {_ORIGINAL}, {', '.join(OUTCOME_COLUMNS)} "
    "FROM outcomes ORDER BY place, intervention, number",
}
_SHARED = (
    "t.key AS trace, m.name AS model, m.n_params, q.task, q.id AS question, "
    "coalesce(json_extract(q.body, '$.arm.cue'), '') AS cue, "
    "coalesce(json_extract(q.body, '$.arm.kind'), 'none') AS arm, "
    "json_extract(q.body, '$.arm.target') AS target, t.sample, "
    "json_array_length(t.body, '$.steps') AS n_steps, i.label AS intervention"
)
_NAMED = (
    "JOIN models m ON m.fingerprint = t.model JOIN questions q ON q.key = t.question "
    "JOIN interventions i ON i.key = {of}.intervention"
)
_NOT_APPLICABLE = (
    f"SELECT {_SHARED}, n.reason, n.coords FROM not_applicable n JOIN traces t ON t.key = n.trace "
    f"{_NAMED.format(of='n')} ORDER BY n.rowid"
)
_ON_STEPS = (
    f"SELECT {_SHARED}, e.body, o.body FROM outcomes o JOIN edits e ON e.key = o.edit "
    f"JOIN traces t ON t.key = e.trace {_NAMED.format(of='e')} "
    "WHERE json_extract(o.body, '$.on_steps') IS NOT NULL ORDER BY t.key, e.rowid"
)


def export_run(folder: str | Path, kind: Kind) -> list[Path]:
    """Write each table of `frames.RunFrames` to the run's folder's `export/`, and return the paths.

    Objects become JSON. Outcomes stand by sample of reasoning.
    """
    target = Path(folder) / "export"
    with closing(Store.open(Path(folder))) as store, ExitStack() as opened:
        target.mkdir(exist_ok=True)
        files: dict[str, _File] = {}
        for name, piece in _pieces(store):
            if name not in files:
                files[name] = opened.enter_context(closing(_File(target / f"{name}.{kind}", kind)))
            files[name].write(piece)
    return [file.path for file in files.values()]


class _File:
    """A table's file, to which pieces of it are written."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path, self._kind = path, kind
        self._text = None if kind == "parquet" else path.open("w", encoding="utf-8", newline="")
        self._parquet: Any = None

    def write(self, piece: pa.Table) -> None:
        if self._text is None:
            self._parquet = self._parquet or pq.ParquetWriter(self.path, piece.schema)
            self._parquet.write_table(piece)
            return
        frame = piece.to_pandas()
        for column in piece.schema:
            if pa.types.is_list(column.type):
                frame[column.name] = piece[column.name].to_pylist()
        if self._kind == "jsonl":
            frame.to_json(self._text, orient="records", lines=True, force_ascii=False)
        else:  # reasoning may hold a bare \r
            header = self._text.tell() == 0
            frame.to_csv(self._text, index=False, header=header, quoting=csv.QUOTE_NONNUMERIC)

    def close(self) -> None:
        for file in (self._text, self._parquet):
            if file is not None:
                file.close()


def _pieces(store: Store) -> Iterator[tuple[str, pa.Table]]:
    """Yield the tables of a run by their names, each in one piece or more."""
    questions = questions_of(store)
    objects = {name: questions[name].map(json.dumps) for name in ("marks", "labels")}
    for name, frame in (
        ("questions", questions.assign(**objects)),
        ("interventions", interventions_of(store)),
        ("rotated", rotated_of(store)),
        ("verdicts", verdicts_of(store)),
    ):
        yield name, pa.Table.from_pandas(frame, preserve_index=False)
    for batch in batches(store):
        for name, query in _BATCHED.items():
            yield name, batch.sql(query).to_arrow_table()
    refused = [*SHARED_COLUMNS, "intervention", "reason", "coords"]
    yield from _in_pieces("not_applicable", refused, store.query(_NOT_APPLICABLE))
    moved = [*SHARED_COLUMNS, *BETWEEN_STEPS_COLUMNS[1:]]
    yield from _in_pieces("between_steps", moved, _moved_steps(store))


def _in_pieces(
    name: str, columns: list[str], rows: Iterator[tuple[Any, ...]]
) -> Iterator[tuple[str, pa.Table]]:
    """Yield rows in tables that all have the kinds of the first."""
    kinds = None
    while some := list(islice(rows, ROWS_AT_ONCE)):
        table = pa.table([pa.array(values) for values in zip(*some, strict=True)], names=columns)
        kinds = kinds or table.schema
        yield name, table.cast(kinds)
    if kinds is None:
        yield name, pa.table({column: pa.array([], pa.string()) for column in columns})


def _moved_steps(store: Store) -> Iterator[tuple[Any, ...]]:
    """Yield how hiding a step moves the later ones, trace by trace."""
    for shared, of_trace in groupby(store.query(_ON_STEPS), key=lambda row: row[: len(SHARED_COLUMNS)]):
        rows = [(row[0], *row[len(SHARED_COLUMNS) :]) for row in of_trace]
        yield from ((*shared, *pair[1:]) for pair in between_steps(rows))
