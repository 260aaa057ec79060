"""One run is one folder with one SQLite file; what is in it is never measured again.

Every key holds all that determines its row (`cotfaith.identity`), so rows of different models, settings or
interventions cannot meet. Each method that adds writes in one transaction.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cotfaith.errors import InputError
from cotfaith.schema import Edit, ModelInfo, NotApplicable, Outcome, Question, Rotated, Trace

SCHEMA_VERSION = 2
FILE_NAME = "run.sqlite"
WRITERS_WAIT = 60  # seconds for each other, where models are measured side by side
_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Question, Trace, Edit, Outcome, Rotated)
}
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE models (fingerprint TEXT PRIMARY KEY, name TEXT NOT NULL, n_params INTEGER NOT NULL);
CREATE TABLE questions (key TEXT PRIMARY KEY, task TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE traces (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL REFERENCES models,
    question TEXT NOT NULL REFERENCES questions,
    sample INTEGER NOT NULL,
    body TEXT NOT NULL
);
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
CREATE TABLE intervened (trace TEXT, intervention TEXT, PRIMARY KEY (trace, intervention));
CREATE TABLE outcomes (edit TEXT PRIMARY KEY REFERENCES edits, body TEXT NOT NULL);
CREATE INDEX edits_by_trace ON edits (trace, intervention);
"""


@dataclass(frozen=True)
class StoredTrace:
    """A trace with its key."""

    key: str
    trace: Trace


@dataclass(frozen=True)
class StoredEdit:
    """An edit with its key and what was answered to it, if it was."""

    key: str
    intervention: str
    edit: Edit
    outcome: Outcome | None


class Store:
    """The SQLite file of one run."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection

    @classmethod
    def create(cls, folder: Path, settings: Mapping[str, object]) -> "Store":
        """Open the run, or begin it; refuse a run that was begun with other settings."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            store = cls(folder, _connect(folder / FILE_NAME))
            store._begin(settings)
        except OSError as error:
            raise InputError(f"{folder}: a run cannot be written there: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise InputError(f"{folder / FILE_NAME}: cannot be used as a run: {error}.") from error
        store._check_version()
        store._check_settings(settings)
        return store

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Open an existing run."""
        if not (folder / FILE_NAME).is_file():
            raise InputError(f"{folder}: no run there; expected a folder with a {FILE_NAME}.")
        try:
            store = cls(folder, _connect(folder / FILE_NAME))
            store._check_version()
        except sqlite3.DatabaseError as error:
            raise InputError(f"{folder / FILE_NAME}: not a run of cotfaith: {error}.") from error
        return store

    def close(self) -> None:
        """Close the file; nothing is lost if this is never called."""
        self._db.close()

    def meta(self, name: str) -> Any:
        """Return what was set under the name, or None."""
        found = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def set_meta(self, name: str, value: object) -> None:
        """Set a fact about the run."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    def add_model(self, model: ModelInfo) -> None:
        """Remember a model; where another one has its name, the fingerprint's beginning is added to it."""
        query = "SELECT COUNT(*) FROM models WHERE name = ? AND fingerprint != ?"
        namesakes = self._db.execute(query, (model.name, model.fingerprint)).fetchone()[0]
        name = f"{model.name}@{model.fingerprint[:6]}" if namesakes else model.name
        with self._db:
            row = (model.fingerprint, name, model.n_params)
            self._db.execute("INSERT OR IGNORE INTO models VALUES (?, ?, ?)", row)

    def add_source(self, task: str, source: str, bad_rows: Sequence[str]) -> None:
        """Remember where a task's questions come from and what was left out; refuse others of that name."""
        before = self.meta(f"source of {task}")
        if before not in (None, source):
            raise InputError(
                f"{self.folder}: the questions of {task!r} there come from other data "
                f"({before}, now {source}). Use another --out."
            )
        self.set_meta(f"source of {task}", source)
        self.set_meta(f"bad rows of {task}", list(bad_rows))

    def sources(self) -> dict[str, tuple[str, list[str]]]:
        """Return where each task's questions come from, and what is wrong with rows that were left out."""
        prefix = "source of "
        found = self._db.execute(
            "SELECT name, value FROM meta WHERE name LIKE ? ORDER BY rowid", (f"{prefix}%",)
        )
        tasks = {name.removeprefix(prefix): json.loads(value) for name, value in found}
        return {task: (source, self.meta(f"bad rows of {task}")) for task, source in tasks.items()}

    def add_questions(self, questions: Mapping[str, Question]) -> None:
        """Remember questions by their keys."""
        rows = [(key, question.task, question.id, _dump(question)) for key, question in questions.items()]
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO questions VALUES (?, ?, ?, ?)", rows)

    def add_intervention(self, key: str, spec: str, label: str) -> None:
        """Remember an intervention and its label in reports: what it is and who wrote its edits."""
        query = "SELECT COUNT(*) FROM interventions WHERE label = ? AND key != ?"
        if self._db.execute(query, (label, key)).fetchone()[0]:
            raise InputError(
                f"{self.folder}: {label!r} was measured there by another version of its code or its prompts, "
                "or with another helper of that name. Use another --out."
            )
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO interventions VALUES (?, ?, ?)", (key, spec, label))

    def missing_traces(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys that have no trace yet, in their order."""
        there = {row[0] for row in self._db.execute("SELECT key FROM traces")}
        return [key for key in keys if key not in there]

    def add_traces(self, rows: Iterable[tuple[str, str, str, Trace]]) -> None:
        """Add traces: key, model fingerprint, question key, trace."""
        values = [(k, model, question, t.sample, _dump(t, {"question"})) for k, model, question, t in rows]
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO traces VALUES (?, ?, ?, ?, ?)", values)

    def missing_rotated(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys for which other orders of the choices have not been asked."""
        there = {row[0] for row in self._db.execute("SELECT key FROM rotated")}
        return [key for key in keys if key not in there]

    def add_rotated(self, rows: Iterable[tuple[str, str, Rotated]]) -> None:
        """Add answers to questions in other orders of their choices: key, model fingerprint, answer."""
        values = [(k, model, _dump(rotated)) for k, model, rotated in rows]
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO rotated VALUES (?, ?, ?)", values)

    def traces(self, keys: Sequence[str]) -> list[StoredTrace]:
        """Return the traces of the keys, in their order."""
        query = "SELECT t.body, q.body FROM traces t JOIN questions q ON q.key = t.question WHERE t.key = ?"
        return [StoredTrace(key, _trace(*self._db.execute(query, (key,)).fetchone())) for key in keys]

    def not_intervened(self, intervention: str, traces: Sequence[str]) -> list[str]:
        """Return the traces to which the intervention has not been applied."""
        query = "SELECT trace FROM intervened WHERE intervention = ?"
        done = {row[0] for row in self._db.execute(query, (intervention,))}
        return [key for key in traces if key not in done]

    def add_edits(
        self, intervention: str, traces: Sequence[str], edits: Mapping[str, tuple[str, Edit | NotApplicable]]
    ) -> None:
        """Add an intervention's edits by key, each with its trace's key, and mark the traces as done."""
        applied = [
            (key, trace, intervention, _dump(edit, {"trace"}))
            for key, (trace, edit) in edits.items()
            if isinstance(edit, Edit)
        ]
        refused = [
            (key, trace, intervention, edit.reason, json.dumps(edit.coords))
            for key, (trace, edit) in edits.items()
            if isinstance(edit, NotApplicable)
        ]
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO edits VALUES (?, ?, ?, ?)", applied)
            self._db.executemany("INSERT OR IGNORE INTO not_applicable VALUES (?, ?, ?, ?, ?)", refused)
            marks = [(trace, intervention) for trace in traces]
            self._db.executemany("INSERT OR IGNORE INTO intervened VALUES (?, ?)", marks)

    def unanswered(self, intervention: str, traces: Sequence[str]) -> list[str]:
        """Return the keys of these traces' edits that have no outcome yet, grouped by trace."""
        query = (
            "SELECT e.key FROM edits e LEFT JOIN outcomes o ON o.edit = e.key "
            "WHERE e.trace = ? AND e.intervention = ? AND o.edit IS NULL ORDER BY e.rowid"
        )
        return [row[0] for trace in traces for row in self._db.execute(query, (trace, intervention))]

    def edits(self, keys: Sequence[str]) -> list[StoredEdit]:
        """Return the edits of the keys, in their order."""
        return [next(self._edits("e.key = ?", key)) for key in keys]

    def edits_of(self, trace: str) -> list[StoredEdit]:
        """Return all edits of a trace, by intervention and position."""
        found = list(self._edits("e.trace = ?", trace))
        return sorted(found, key=lambda stored: (stored.intervention, stored.edit.position))

    def add_outcomes(self, outcomes: Iterable[tuple[str, Outcome]]) -> None:
        """Add outcomes by the keys of their edits."""
        with self._db:
            rows = [(key, _dump(outcome)) for key, outcome in outcomes]
            self._db.executemany("INSERT OR IGNORE INTO outcomes VALUES (?, ?)", rows)

    def refusals_of(self, trace: str) -> list[tuple[str, str]]:
        """Return (intervention, reason) of what does not apply to a trace."""
        query = (
            "SELECT i.label, n.reason FROM not_applicable n JOIN interventions i ON i.key = n.intervention "
            "WHERE n.trace = ? ORDER BY i.label, n.rowid"
        )
        return list(self._db.execute(query, (trace,)))

    def trace_keys(self, question: str) -> list[tuple[str, str, str]]:
        """Return (task, model, trace key) of the traces of a question's id, by task, model and sample."""
        query = (
            "SELECT q.task, m.name, t.key FROM traces t JOIN models m ON m.fingerprint = t.model "
            "JOIN questions q ON q.key = t.question WHERE q.id = ? ORDER BY q.task, m.name, t.sample"
        )
        return list(self._db.execute(query, (question,)))

    def question_ids(self) -> list[tuple[str, str]]:
        """Return (task, question id) of every question that has a trace."""
        query = (
            "SELECT DISTINCT q.task, q.id FROM questions q JOIN traces t ON t.question = q.key ORDER BY 1, 2"
        )
        return list(self._db.execute(query))

    def rows(self) -> int:
        """Count what has been measured."""
        tables = ("traces", "rotated", "edits", "not_applicable", "outcomes")
        query = " + ".join(f"(SELECT COUNT(*) FROM {table})" for table in tables)
        return int(self._db.execute(f"SELECT {query}").fetchone()[0])

    def query(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a read-only query."""
        yield from self._db.execute(sql)

    def _edits(self, condition: str, value: str) -> Iterator[StoredEdit]:
        query = (
            "SELECT e.key, i.label, e.body, o.body, t.body, q.body FROM edits e "
            "JOIN interventions i ON i.key = e.intervention "
            "JOIN traces t ON t.key = e.trace JOIN questions q ON q.key = t.question "
            f"LEFT JOIN outcomes o ON o.edit = e.key WHERE {condition} ORDER BY e.rowid"
        )
        for key, intervention, edit, outcome, trace, question in self._db.execute(query, (value,)):
            fields = json.loads(edit) | {"trace": _trace(trace, question)}
            read = _ADAPTERS[Outcome].validate_json(outcome) if outcome else None
            yield StoredEdit(key, intervention, _ADAPTERS[Edit].validate_python(fields), read)

    def _begin(self, settings: Mapping[str, object]) -> None:
        """Make the tables where there are none, with the settings, all or nothing."""
        if self._db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            return
        with self._db:
            self._db.execute("BEGIN")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                self._db.execute(statement)
            facts = [("schema", json.dumps(SCHEMA_VERSION)), ("settings", json.dumps(settings))]
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", facts)

    def _check_version(self) -> None:
        version = self.meta("schema")
        if version != SCHEMA_VERSION:
            raise InputError(f"{self.folder}: store version {version}; this cotfaith reads {SCHEMA_VERSION}.")

    def _check_settings(self, settings: Mapping[str, object]) -> None:
        before = self.meta("settings")
        wanted = json.loads(json.dumps(settings))
        if before == wanted:
            return
        changed = [
            f"  {name}: {before.get(name)!r} there, {wanted.get(name)!r} now"
            for name in sorted({*before, *wanted})
            if before.get(name) != wanted.get(name)
        ]
        lines = "\n".join(changed)
        raise InputError(
            f"{self.folder}: this run was begun with other settings:\n{lines}\nUse another --out."
        )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WRITERS_WAIT)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _trace(body: str, question: str) -> Trace:
    fields = json.loads(body) | {"question": _ADAPTERS[Question].validate_json(question)}
    trace: Trace = _ADAPTERS[Trace].validate_python(fields)
    return trace


def _dump(value: Question | Trace | Edit | Outcome | Rotated, exclude: set[str] | None = None) -> str:
    return _ADAPTERS[type(value)].dump_json(value, exclude=exclude).decode()
