"""One run is one folder with one SQLite file; what is in it is never measured again.

Every key holds all that determines its row (`cotfaith.identity`), so rows of different models, settings or
interventions cannot meet. Each method that adds writes in one transaction.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cotfaith.errors import InputError, OtherCircumstancesError
from cotfaith.schema import Edit, Fact, ModelInfo, NotApplicable, Outcome, Question, Rotated, Trace
from cotfaith.store.database import Database
from cotfaith.store.differences import differences
from cotfaith.store.lock import Lock

FILE_NAME = "run.sqlite"
LOCK_NAME = "run.lock"
MEASURED = ("traces", "unasked", "rotated", "edits", "not_applicable", "outcomes")
_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Question, Trace, Edit, Outcome, Rotated)
}


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

    def __init__(self, folder: Path, database: Database, lock: Lock | None = None) -> None:
        self.folder = folder
        self._db = database
        self._lock = lock

    @classmethod
    def create(
        cls, folder: Path, settings: Mapping[str, object], facts: Mapping[str, Fact] | None = None
    ) -> "Store":
        """Open the run to write to it, or begin it; refuse one that was begun under other circumstances."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = Lock(folder / LOCK_NAME)
        except OSError as error:
            raise InputError(f"{folder}: a run cannot be written there: {error}.") from error
        try:
            store = cls(folder, Database(folder / FILE_NAME), lock)
            store._db.begin([("settings", settings)])
            store._db.upgrade()
            store.agree(facts or {}, settings)
        except InputError:
            lock.release()
            raise
        return store

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Open an existing run: to read it, or to write to it beside the process that holds its lock."""
        if not (folder / FILE_NAME).is_file():
            raise InputError(f"{folder}: no run there; expected a folder with a {FILE_NAME}.")
        store = cls(folder, Database(folder / FILE_NAME))
        store._db.upgrade()
        return store

    def close(self) -> None:
        """Close the file and let others write; no measurement is lost if this is never called."""
        self._db.close()
        if self._lock is not None:
            self._lock.release()

    def meta(self, name: str) -> Any:
        """Return what was set under the name, or None."""
        found = self._db.one("SELECT value FROM meta WHERE name = ?", (name,))
        return None if found is None else json.loads(found)

    def set_meta(self, name: str, value: object) -> None:
        """Set a fact about the run."""
        with self._db.writing() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    def facts(self) -> dict[str, Fact]:
        """Return the circumstances of the run; those of version 2 are the sources of its questions."""
        sources = {f"questions of {task}": Fact(source, source) for task, source in self._metas("source of ")}
        return sources | {name: Fact(*value) for name, value in self._metas("fact: ")}

    def agree(self, facts: Mapping[str, Fact], settings: Mapping[str, object] | None = None) -> None:
        """Remember circumstances; refuse those that are others than before, with every difference."""
        before = self.facts()
        there = _as_facts(self.meta("settings") if settings else {})
        now = _as_facts(settings or {})
        lines = differences(there | before, {**now, **facts}, all_of={*there, *now})
        if lines:
            shown = "\n".join(lines)
            raise OtherCircumstancesError(
                f"{self.folder}: this run was begun under other circumstances:\n{shown}\n"
                "Go on as it was begun, give --out another folder, or begin a run beside it with --new."
            )
        for name in facts.keys() - before.keys():
            self.set_meta(f"fact: {name}", [facts[name].key, facts[name].text])

    def add_model(self, model: ModelInfo) -> None:
        """Remember a model; where another one has its name, the fingerprint's beginning is added to it."""
        query = "SELECT COUNT(*) FROM models WHERE name = ? AND fingerprint != ?"
        namesakes = self._db.one(query, (model.name, model.fingerprint))
        name = f"{model.name}@{model.fingerprint[:6]}" if namesakes else model.name
        with self._db.writing() as db:
            row = (model.fingerprint, name, model.n_params)
            db.execute("INSERT OR IGNORE INTO models VALUES (?, ?, ?)", row)

    def add_source(self, task: str, source: str, bad_rows: Sequence[str]) -> None:
        """Remember where a task's questions come from and what was left out."""
        self.set_meta(f"source of {task}", source)
        self.set_meta(f"bad rows of {task}", list(bad_rows))

    def sources(self) -> dict[str, tuple[str, list[str]]]:
        """Return where each task's questions come from, and what is wrong with rows that were left out."""
        return {
            task: (source, self.meta(f"bad rows of {task}")) for task, source in self._metas("source of ")
        }

    def add_questions(self, questions: Mapping[str, Question]) -> None:
        """Remember questions by their keys."""
        rows = [(key, question.task, question.id, _dump(question)) for key, question in questions.items()]
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO questions VALUES (?, ?, ?, ?)", rows)

    def add_intervention(self, key: str, spec: str, label: str) -> None:
        """Remember an intervention and its label in reports: what it is and who wrote its edits."""
        query = "SELECT COUNT(*) FROM interventions WHERE label = ? AND key != ?"
        if self._db.one(query, (label, key)):
            raise InputError(
                f"{self.folder}: {label!r} was measured there by another version of its code or its prompts, "
                "or with another helper of that name. Use another --out."
            )
        with self._db.writing() as db:
            db.execute("INSERT OR IGNORE INTO interventions VALUES (?, ?, ?)", (key, spec, label))

    def missing_traces(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys that have no trace and no reason why not, in their order."""
        query = "SELECT key FROM traces UNION SELECT key FROM unasked"
        there = {row[0] for row in self._db.rows(query)}
        return [key for key in keys if key not in there]

    def add_traces(self, rows: Iterable[tuple[str, str, str, Trace]]) -> None:
        """Add traces: key, model fingerprint, question key, trace."""
        values = [(k, model, question, t.sample, _dump(t, {"question"})) for k, model, question, t in rows]
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO traces VALUES (?, ?, ?, ?, ?)", values)

    def add_unasked(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        """Add reasons why there is no trace: its key, model fingerprint, question key, reason."""
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO unasked VALUES (?, ?, ?, ?)", list(rows))

    def unasked(self) -> set[str]:
        """Return the keys of the traces that cannot be had."""
        return {row[0] for row in self._db.rows("SELECT key FROM unasked")}

    def missing_rotated(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys for which other orders of the choices have not been asked."""
        there = {row[0] for row in self._db.rows("SELECT key FROM rotated")}
        return [key for key in keys if key not in there]

    def add_rotated(self, rows: Iterable[tuple[str, str, Rotated]]) -> None:
        """Add answers to questions in other orders of their choices: key, model fingerprint, answer."""
        values = [(k, model, _dump(rotated)) for k, model, rotated in rows]
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO rotated VALUES (?, ?, ?)", values)

    def traces(self, keys: Sequence[str]) -> list[StoredTrace]:
        """Return the traces of the keys, in their order."""
        query = "SELECT t.body, q.body FROM traces t JOIN questions q ON q.key = t.question WHERE t.key = ?"
        return [StoredTrace(key, _trace(*next(self._db.rows(query, (key,))))) for key in keys]

    def not_intervened(self, intervention: str, traces: Sequence[str]) -> list[str]:
        """Return the traces to which the intervention has not been applied."""
        query = "SELECT trace FROM intervened WHERE intervention = ?"
        done = {row[0] for row in self._db.rows(query, (intervention,))}
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
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO edits VALUES (?, ?, ?, ?)", applied)
            db.executemany("INSERT OR IGNORE INTO not_applicable VALUES (?, ?, ?, ?, ?)", refused)
            marks = [(trace, intervention) for trace in traces]
            db.executemany("INSERT OR IGNORE INTO intervened VALUES (?, ?)", marks)

    def unanswered(self, intervention: str, traces: Sequence[str]) -> list[str]:
        """Return the keys of these traces' edits that have no outcome yet, grouped by trace."""
        query = (
            "SELECT e.key FROM edits e LEFT JOIN outcomes o ON o.edit = e.key "
            "WHERE e.trace = ? AND e.intervention = ? AND o.edit IS NULL ORDER BY e.rowid"
        )
        return [row[0] for trace in traces for row in self._db.rows(query, (trace, intervention))]

    def edits(self, keys: Sequence[str]) -> list[StoredEdit]:
        """Return the edits of the keys, in their order."""
        return [next(self._edits("e.key = ?", key)) for key in keys]

    def edits_of(self, trace: str) -> list[StoredEdit]:
        """Return all edits of a trace, by intervention and position."""
        found = list(self._edits("e.trace = ?", trace))
        return sorted(found, key=lambda stored: (stored.intervention, stored.edit.position))

    def add_outcomes(self, outcomes: Iterable[tuple[str, Outcome]]) -> None:
        """Add outcomes by the keys of their edits."""
        with self._db.writing() as db:
            rows = [(key, _dump(outcome)) for key, outcome in outcomes]
            db.executemany("INSERT OR IGNORE INTO outcomes VALUES (?, ?)", rows)

    def refusals_of(self, trace: str) -> list[tuple[str, str]]:
        """Return (intervention, reason) of what does not apply to a trace."""
        query = (
            "SELECT i.label, n.reason FROM not_applicable n JOIN interventions i ON i.key = n.intervention "
            "WHERE n.trace = ? ORDER BY i.label, n.rowid"
        )
        return list(self._db.rows(query, (trace,)))

    def trace_keys(self, question: str) -> list[tuple[str, str, str]]:
        """Return (task, model, trace key) of the traces of a question's id, by task, model and sample."""
        query = (
            "SELECT q.task, m.name, t.key FROM traces t JOIN models m ON m.fingerprint = t.model "
            "JOIN questions q ON q.key = t.question WHERE q.id = ? ORDER BY q.task, m.name, t.sample"
        )
        return list(self._db.rows(query, (question,)))

    def question_ids(self) -> list[tuple[str, str]]:
        """Return (task, question id) of every question that has a trace."""
        query = (
            "SELECT DISTINCT q.task, q.id FROM questions q JOIN traces t ON t.question = q.key ORDER BY 1, 2"
        )
        return list(self._db.rows(query))

    def rows(self) -> int:
        """Count what has been measured."""
        return sum(self.counted().values())

    def counted(self) -> dict[str, int]:
        """Count what has been measured, by the name of its table."""
        return {table: int(self._db.one(f"SELECT COUNT(*) FROM {table}")) for table in MEASURED}

    def merge(self, other: "Store") -> None:
        """Add all that another run has measured and this one has not."""
        self._db.copy_from(other.folder / FILE_NAME)

    def query(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a read-only query."""
        yield from self._db.rows(sql)

    def _edits(self, condition: str, value: str) -> Iterator[StoredEdit]:
        query = (
            "SELECT e.key, i.label, e.body, o.body, t.body, q.body FROM edits e "
            "JOIN interventions i ON i.key = e.intervention "
            "JOIN traces t ON t.key = e.trace JOIN questions q ON q.key = t.question "
            f"LEFT JOIN outcomes o ON o.edit = e.key WHERE {condition} ORDER BY e.rowid"
        )
        for key, intervention, edit, outcome, trace, question in self._db.rows(query, (value,)):
            fields = json.loads(edit) | {"trace": _trace(trace, question)}
            read = _ADAPTERS[Outcome].validate_json(outcome) if outcome else None
            yield StoredEdit(key, intervention, _ADAPTERS[Edit].validate_python(fields), read)

    def _metas(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield what was set under names that begin so, each with the rest of its name."""
        query = "SELECT name, value FROM meta WHERE substr(name, 1, ?) = ? ORDER BY rowid"
        for name, value in self._db.rows(query, (len(prefix), prefix)):
            yield name.removeprefix(prefix), json.loads(value)


def _as_facts(settings: Mapping[str, object]) -> dict[str, Fact]:
    return {name: Fact(json.dumps(value), repr(value)) for name, value in settings.items()}


def _trace(body: str, question: str) -> Trace:
    fields = json.loads(body) | {"question": _ADAPTERS[Question].validate_json(question)}
    trace: Trace = _ADAPTERS[Trace].validate_python(fields)
    return trace


def _dump(value: Question | Trace | Edit | Outcome | Rotated, exclude: set[str] | None = None) -> str:
    return _ADAPTERS[type(value)].dump_json(value, exclude=exclude).decode()
