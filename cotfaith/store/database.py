"""A run's SQLite file: its tables, their versions, and what is said when the disk fails."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cotfaith.errors import InputError
from cotfaith.store.filesystem import shared_kind

SCHEMA_VERSION = 6
READ_BY = {1: "the commit 358f363 of cotfaith's repository"}
"""What reads the versions that cannot be brought up to this one, since what they lack was not measured."""
WRITERS_WAIT = 60  # seconds for each other, where models are measured side by side

EVERYWHERE = 1 << 31
"""More positions than any reasoning has at which it can be changed."""
_UNASKED = """
CREATE TABLE unasked (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL REFERENCES models,
    question TEXT NOT NULL REFERENCES questions,
    reason TEXT NOT NULL
);
"""
_REPLIES = "CREATE TABLE replies (trace TEXT PRIMARY KEY REFERENCES traces, body TEXT NOT NULL);"
_VERDICTS = """
CREATE TABLE verdicts (
    key TEXT PRIMARY KEY,
    trace TEXT NOT NULL REFERENCES traces,
    judge TEXT NOT NULL,
    body TEXT NOT NULL
);
"""
_ARM = "arm TEXT NOT NULL DEFAULT ''"
_TABLES = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE models (fingerprint TEXT PRIMARY KEY, name TEXT NOT NULL, n_params INTEGER NOT NULL);
CREATE TABLE questions (
    key TEXT PRIMARY KEY, task TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, {_ARM}
);
CREATE TABLE traces (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL REFERENCES models,
    question TEXT NOT NULL REFERENCES questions,
    sample INTEGER NOT NULL,
    body TEXT NOT NULL
);
{_UNASKED}
{_REPLIES}
{_VERDICTS}
CREATE TABLE rotated (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL REFERENCES models,
    body TEXT NOT NULL
);
CREATE TABLE interventions (key TEXT PRIMARY KEY, spec TEXT NOT NULL, label TEXT NOT NULL);
CREATE TABLE edits (
    key TEXT PRIMARY KEY,
    trace TEXT NOT NULL REFERENCES traces,
    intervention TEXT NOT NULL REFERENCES interventions,
    body TEXT NOT NULL
);
CREATE TABLE not_applicable (
    key TEXT PRIMARY KEY,
    trace TEXT NOT NULL REFERENCES traces,
    intervention TEXT NOT NULL REFERENCES interventions,
    reason TEXT NOT NULL,
    coords TEXT NOT NULL
);
CREATE TABLE intervened (
    trace TEXT,
    intervention TEXT,
    points INTEGER NOT NULL DEFAULT {EVERYWHERE},
    PRIMARY KEY (trace, intervention)
);
CREATE TABLE outcomes (edit TEXT PRIMARY KEY REFERENCES edits, body TEXT NOT NULL);
CREATE INDEX edits_by_trace ON edits (trace, intervention);
"""
TABLES = (
    "models", "questions", "traces", "unasked", "replies", "verdicts", "rotated", "interventions", "edits",
    "not_applicable", "intervened", "outcomes",
)  # fmt: skip
"""What is measured, each after those that it refers to; `meta` holds the facts about the run."""
_FIRST_RECORDS = "0.1"
"""The release whose records of a run the versions before this one hold."""


class Database:
    """A connection on which every fault is an InputError that says what still holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._explained("opened"):
            self._connection = sqlite3.connect(path, timeout=WRITERS_WAIT)
            self._connection.execute(
                f"PRAGMA journal_mode = {'DELETE' if shared_kind(path.parent) else 'WAL'}"
            )
            self._connection.execute("PRAGMA foreign_keys = ON")
        self._file = path.stat().st_ino

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Run a query."""
        with self._explained("read"):
            yield from self._connection.execute(sql, values)

    def one(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Return the first value of the first row, or None."""
        return next((row[0] for row in self.rows(sql, values)), None)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing."""
        if not self._path.exists() or self._path.stat().st_ino != self._file:
            raise InputError(f"{self._path}: the file was moved or deleted while the run was going on.")
        with self._explained("written"), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def begin(self, facts: Sequence[tuple[str, object]]) -> None:
        """Make the tables where there are none, with facts about the run, all or nothing."""
        with self.writing() as connection:
            if connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                return
            _execute(connection, _TABLES)
            named = [(name, json.dumps(value)) for name, value in (("schema", SCHEMA_VERSION), *facts)]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", named)

    def upgrade(self) -> None:
        """Bring an older file up to this version, or say what reads it."""
        with self._explained("read"):
            found = self._connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        version = json.loads(found[0]) if found else None
        if version == SCHEMA_VERSION:
            return
        if version not in UPGRADES:
            reader = READ_BY.get(version or 0, "a newer cotfaith")
            raise InputError(
                f"{self._path}: a store of version {version}; this cotfaith reads versions "
                f"{min(UPGRADES)} to {SCHEMA_VERSION}. {reader[0].upper()}{reader[1:]} reads it."
            )
        with self.writing() as connection:
            for before in range(version, SCHEMA_VERSION):
                UPGRADES[before](connection)
            connection.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (str(SCHEMA_VERSION),))

    def copy_from(self, other: Path) -> None:
        """Add the rows of another run's tables that are not here, all or nothing."""
        with self._explained("merged"):
            self._connection.execute("ATTACH ? AS other", (str(other),))
        try:
            with self.writing() as connection:
                for table in TABLES:
                    connection.execute(
                        f"INSERT OR IGNORE INTO {table} SELECT * FROM other.{table} ORDER BY rowid"
                    )
        finally:
            self._connection.execute("DETACH other")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError) or "no such table" in str(error):
                raise InputError(f"{self._path}: not a run of cotfaith, or a broken one: {error}.") from error
            raise InputError(
                f"{self._path}: cannot be {what}: {error}. What was stored before is kept; when the cause is "
                "gone, the same command goes on."
            ) from error


def _execute(connection: sqlite3.Connection, statements: str) -> None:
    for statement in filter(str.strip, statements.split(";")):
        connection.execute(statement)


def _add_unasked(connection: sqlite3.Connection) -> None:
    _execute(connection, _UNASKED)


def _name_anew(connection: sqlite3.Connection) -> None:
    """Say that the run was begun by a release before 0.2, and give its records the names of today."""
    fact = json.dumps([_FIRST_RECORDS, _FIRST_RECORDS])
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('fact: cotfaith', ?)", (fact,))
    for table, key in (("traces", "key"), ("outcomes", "edit"), ("rotated", "key")):
        rows = connection.execute(f"SELECT {key}, body FROM {table}").fetchall()
        renamed = [(json.dumps(_renamed(json.loads(body)), ensure_ascii=False), name) for name, body in rows]
        connection.executemany(f"UPDATE {table} SET body = ? WHERE {key} = ?", renamed)


def _renamed(body: dict[str, Any]) -> dict[str, Any]:
    """Rename a trace's `tokens` to `drawn_tokens`; move a free answer's `mass` to `probability`."""
    for name in ("answer", "answer_without"):
        if name in body:
            free = not body[name]["probs"]
            mass = body[name]["mass"]
            body[name] |= {"mass": None if free else mass, "probability": mass if free else None}
    return {("drawn_tokens" if name == "tokens" and "steps" in body else name): v for name, v in body.items()}


def _count_points(connection: sqlite3.Connection) -> None:
    """Say that all reasoning was changed at every position, and that no model wrote a reply of its own."""
    _execute(connection, _REPLIES)
    _execute(connection, f"ALTER TABLE intervened ADD COLUMN points INTEGER NOT NULL DEFAULT {EVERYWHERE}")


def _add_arms(connection: sqlite3.Connection) -> None:
    """Say that all questions were asked without a cue, and that no judge read anything."""
    _execute(connection, _VERDICTS)
    _execute(connection, f"ALTER TABLE questions ADD COLUMN {_ARM}")


UPGRADES: dict[int, Callable[[sqlite3.Connection], None]] = {
    2: _add_unasked,
    3: _name_anew,
    4: _count_points,
    5: _add_arms,
}
"""What leads from a version to the next."""
