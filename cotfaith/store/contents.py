"""What a run's file holds, read: every query of it stands here, in `frames` and in `searching`."""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cotfaith.schema import (
    Edit,
    Fact,
    LeftOut,
    ModelInfo,
    Outcome,
    Question,
    Reply,
    Rotated,
    Trace,
    Verdict,
)
from cotfaith.store.database import EVERYWHERE, Database

MEASURED = ("traces", "unasked", "replies", "verdicts", "rotated", "edits", "not_applicable", "outcomes")
ADAPTERS: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Question, Trace, Edit, Outcome, Reply, Rotated, Verdict)
}

CANARY = "canary of "
"""Under this and a model's fingerprint stands by what it is known again."""


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


@dataclass(frozen=True)
class Written:
    """What a model wrote about a question with a cue."""

    trace: str
    question: Question
    reasoning: str
    reply: str | None
    """Its own reply behind its thinking, where it has one."""


class Contents:
    """The readable side of a run's file."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self._db = database

    def meta(self, name: str) -> Any:
        """Return what was set under the name, or None."""
        found = self._db.one("SELECT value FROM meta WHERE name = ?", (name,))
        return None if found is None else json.loads(found)

    def facts(self) -> dict[str, Fact]:
        """Return the circumstances of the run; those of version 2 are the sources of its questions."""
        sources = {f"questions of {task}": Fact(source, source) for task, source in self._metas("source of ")}
        return sources | {name: Fact(*value) for name, value in self._metas("fact: ")}

    def sources(self) -> dict[str, tuple[str, LeftOut]]:
        """Return where each task's questions come from, and what was left out."""
        return {task: (source, self._left_out(task)) for task, source in self._metas("source of ")}

    def told(self) -> list[tuple[ModelInfo, str]]:
        """Return what a reader must know of how models are asked."""
        return self._of_models("form of ")

    def unclosed(self) -> list[tuple[str, str, int, int]]:
        """Return by task and model how many samples did not close their thinking, at the limit and else."""
        limit = "json_extract(t.body, '$.hit_limit')"
        query = (
            f"SELECT q.task, m.name, SUM({limit}), SUM(NOT {limit}) FROM traces t "
            "JOIN models m ON m.fingerprint = t.model JOIN questions q ON q.key = t.question "
            "WHERE json_extract(t.body, '$.closed') = 0 GROUP BY q.task, m.name"
        )
        return list(self._db.rows(query))

    def reopened(self) -> list[tuple[ModelInfo, int]]:
        """Return of each thinking model how many written answers open a block of thinking again."""
        answers = (
            "SELECT t.model, t.body FROM traces t UNION ALL SELECT t.model, o.body FROM outcomes o "
            "JOIN edits e ON e.key = o.edit JOIN traces t ON t.key = e.trace"
        )
        query = (
            f"SELECT COUNT(*) FROM ({answers}) WHERE model = ? "
            "AND instr(json_extract(body, '$.answer.completion'), ?)"
        )
        return [
            (model, self._db.one(query, (model.fingerprint, opening)))
            for model, (opening, *_) in self._of_models("markers of ")
        ]

    def floors(self) -> list[tuple[ModelInfo, float]]:
        """Return how far the probabilities of each model move with what is computed beside them."""
        return self._of_models("floor of ")

    def has_cues(self) -> bool:
        """Tell whether a question was asked with a cue."""
        return self._db.one("SELECT 1 FROM questions WHERE arm != '' LIMIT 1") is not None

    def canaries(self) -> Iterator[tuple[str, Any]]:
        """Yield by what each model on a server is known again, with the name that it is kept under."""
        for fingerprint, kept in self._metas(CANARY):
            yield CANARY + fingerprint, kept

    def _of_models(self, prefix: str) -> list[tuple[ModelInfo, Any]]:
        found = dict(self._metas(prefix))
        models = (ModelInfo(*row) for row in self._db.rows("SELECT name, fingerprint, n_params FROM models"))
        return [(model, found[model.fingerprint]) for model in models if model.fingerprint in found]

    def missing_traces(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys that have no trace and no reason why not, in their order."""
        return self._lacking(keys, ("traces", "key"), ("unasked", "key"))

    def unasked(self) -> set[str]:
        """Return the keys of the traces that cannot be had."""
        return {row[0] for row in self._db.rows("SELECT key FROM unasked")}

    def missing_replies(self, traces: Iterable[str]) -> list[str]:
        """Return those of the traces behind which the model has not written its own reply."""
        return self._lacking(traces, ("replies", "trace"))

    def missing_verdicts(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys that have no verdict, in their order."""
        there = {row[0] for row in self._db.rows("SELECT key FROM verdicts")}
        return [key for key in keys if key not in there]

    def written_with_cues(self, kinds: Sequence[str]) -> Iterator[Written]:
        """Yield what was written under arms of these kinds, arm by arm."""
        query = (
            "SELECT t.key, q.body, t.body, json_extract(r.body, '$.text') FROM traces t "
            "JOIN questions q ON q.key = t.question LEFT JOIN replies r ON r.trace = t.key "
            f"WHERE json_extract(q.body, '$.arm.kind') IN ({', '.join('?' * len(kinds))}) "
            "ORDER BY q.arm, q.id, t.sample"
        )
        for key, question, trace, reply in self._db.rows(query, kinds):
            reasoning = "".join(json.loads(trace)["steps"])
            yield Written(key, ADAPTERS[Question].validate_json(question), reasoning, reply)

    def missing_rotated(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys for which other orders of the choices have not been asked."""
        return self._lacking(keys, ("rotated", "key"))

    def traces(self, keys: Sequence[str]) -> list[StoredTrace]:
        """Return the traces of the keys, in their order."""
        query = (
            "SELECT t.key, t.body, q.body FROM json_each(?) w CROSS JOIN traces t ON t.key = w.value "
            "JOIN questions q ON q.key = t.question ORDER BY w.key"
        )
        found = self._db.rows(query, (json.dumps(keys),))
        return [StoredTrace(key, _trace(body, question)) for key, body, question in found]

    def intervened(self, intervention: str) -> dict[str, int]:
        """Return the traces to which the intervention has been applied, and at how many positions at most."""
        query = "SELECT trace, points FROM intervened WHERE intervention = ?"
        return dict(self._db.rows(query, (intervention,)))

    def fewest_positions(self) -> int:
        """Return at how many positions a reasoning was changed at most where it was at the fewest."""
        fewest = self._db.one("SELECT MIN(points) FROM intervened")
        return EVERYWHERE if fewest is None else int(fewest)

    def unanswered(self, intervention: str, traces: Sequence[str]) -> list[str]:
        """Return the keys of these traces' edits that have no outcome yet, grouped by trace."""
        query = (
            "SELECT e.key FROM json_each(?) w CROSS JOIN edits e ON e.trace = w.value AND e.intervention = ? "
            "LEFT JOIN outcomes o ON o.edit = e.key WHERE o.edit IS NULL ORDER BY w.key, e.rowid"
        )
        return [key for (key,) in self._db.rows(query, (json.dumps(traces), intervention))]

    def edits(self, keys: Sequence[str]) -> list[StoredEdit]:
        """Return the edits of the keys, in their order."""
        return list(self._edits("e.key", keys))

    def edits_of(self, trace: str) -> list[StoredEdit]:
        """Return all edits of a trace, by intervention and position."""
        found = self._edits("e.trace", [trace])
        return sorted(found, key=lambda stored: (stored.intervention, stored.edit.position))

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
            "JOIN questions q ON q.key = t.question WHERE q.id = ? ORDER BY q.task, q.arm, m.name, t.sample"
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

    def unasked_by_reason(self) -> list[tuple[str, str, str, int, int]]:
        """Return (task, model, reason, questions, samples) of what could not be asked."""
        query = (
            "SELECT q.task, m.name, u.reason, COUNT(DISTINCT u.question), COUNT(*) FROM unasked u "
            "JOIN questions q ON q.key = u.question JOIN models m ON m.fingerprint = u.model "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )
        return list(self._db.rows(query))

    def reasonings(self) -> Iterator[tuple[str, str, str]]:
        """Yield (task, model, reasoning) of every trace, by task and model."""
        query = (
            "SELECT q.task, m.name, t.body FROM traces t JOIN questions q ON q.key = t.question "
            "JOIN models m ON m.fingerprint = t.model ORDER BY 1, 2"
        )
        for task, model, body in self._db.rows(query):
            yield task, model, "".join(json.loads(body)["steps"])

    def traces_by_size(self) -> Iterator[tuple[str, str, str]]:
        """Yield (task, model, key) of every trace without a cue, by task and from the largest model on."""
        query = (
            "SELECT q.task, m.name, t.key FROM traces t JOIN questions q ON q.key = t.question "
            "JOIN models m ON m.fingerprint = t.model WHERE q.arm = '' "
            "ORDER BY q.task, m.n_params DESC, m.name, q.id, t.sample"
        )
        yield from self._db.rows(query)

    def query(self, sql: str, values: Sequence[object] = ()) -> Generator[tuple[Any, ...], None, None]:
        """Run a read-only query."""
        yield from self._db.rows(sql, values)

    def _left_out(self, task: str) -> LeftOut:
        """Read what was left out; older runs know of bad rows alone."""
        found = self.meta(f"left out of {task}") or {"bad_rows": self.meta(f"bad rows of {task}") or []}
        return LeftOut(**{kind: tuple(said) for kind, said in found.items()})

    def _lacking(self, keys: Iterable[str], *tables: tuple[str, str]) -> list[str]:
        """Return those of the keys that stand in none of the tables' columns, in their order."""
        absent = " AND ".join(
            f"NOT EXISTS (SELECT 1 FROM {table} WHERE {column} = w.value)" for table, column in tables
        )
        query = f"SELECT w.value FROM json_each(?) w WHERE {absent} ORDER BY w.key"
        return [key for (key,) in self._db.rows(query, (json.dumps(list(keys)),))]

    def _edits(self, column: str, keys: Sequence[str]) -> Iterator[StoredEdit]:
        """Yield the edits with these keys in the column, in their order."""
        query = (
            "SELECT e.key, i.label, e.body, o.body, t.body, q.body FROM json_each(?) w "
            f"CROSS JOIN edits e ON {column} = w.value JOIN interventions i ON i.key = e.intervention "
            "JOIN traces t ON t.key = e.trace JOIN questions q ON q.key = t.question "
            "LEFT JOIN outcomes o ON o.edit = e.key ORDER BY w.key, e.rowid"
        )
        for key, intervention, edit, outcome, trace, question in self._db.rows(query, (json.dumps(keys),)):
            original = _trace(trace, question)
            body = json.loads(edit)
            fields = body | {"trace": original, "steps": shown_steps(body, original.steps)}
            read = ADAPTERS[Outcome].validate_json(outcome) if outcome else None
            yield StoredEdit(key, intervention, ADAPTERS[Edit].validate_python(fields), read)

    def _metas(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield what was set under names that begin so, each with the rest of its name."""
        query = "SELECT name, value FROM meta WHERE substr(name, 1, ?) = ? ORDER BY rowid"
        for name, value in self._db.rows(query, (len(prefix), prefix)):
            yield name.removeprefix(prefix), json.loads(value)


def shown_steps(edit: Mapping[str, Any], original: Sequence[str]) -> tuple[str, ...]:
    """Return the steps that an edit shows; those of the reasoning itself are stored as how many they are."""
    first, last = edit.get("first", 0), edit.get("last", 0)
    return (*original[:first], *edit["steps"], *original[len(original) - last :])


def _trace(body: str, question: str) -> Trace:
    fields = json.loads(body) | {"question": ADAPTERS[Question].validate_json(question)}
    trace: Trace = ADAPTERS[Trace].validate_python(fields)
    return trace
