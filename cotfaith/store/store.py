"""One run is one folder with one SQLite file; what is in it is never measured again.

Every key holds all that determines its row (`cotfaith.identity`), so rows of different models, settings or
interventions cannot meet. Each method that adds writes in one transaction.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cotfaith.errors import InputError, OtherCircumstancesError
from cotfaith.schema import (
    Edit,
    Fact,
    LeftOut,
    ModelInfo,
    NotApplicable,
    Outcome,
    Question,
    Reply,
    Rotated,
    Trace,
    Verdict,
)
from cotfaith.store.contents import ADAPTERS, Contents
from cotfaith.store.database import EVERYWHERE, Database
from cotfaith.store.differences import differences
from cotfaith.store.lock import Lock

FILE_NAME = "run.sqlite"
LOCK_NAME = "run.lock"
OF_INSIDE = ("shift", "on_steps", "attention")
"""What only outcomes of edits inside have, and other bodies do without."""
SELDOM = ("question", "instead_of_end", "inside")
"""What few edits have, likewise."""


class Store(Contents):
    """The SQLite file of one run."""

    def __init__(self, folder: Path, database: Database, lock: Lock | None = None) -> None:
        super().__init__(folder, database)
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

    def set_meta(self, name: str, value: object) -> None:
        """Set a fact about the run."""
        with self._db.writing() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    def keep(self, name: str, value: object) -> Any:
        """Set a fact about the run unless it is set; return what stands there."""
        with self._db.writing() as db:
            db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, json.dumps(value)))
        return self.meta(name)

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

    def set_told(self, model: ModelInfo, told: Iterable[str]) -> None:
        """Remember what a reader must know of how a model is asked."""
        if said := "; ".join(filter(None, told)):
            self.set_meta(f"form of {model.fingerprint}", said)

    def set_markers(self, model: ModelInfo, markers: Sequence[str]) -> None:
        """Remember what begins and what ends a model's block of thinking, if it has one."""
        if markers:
            self.set_meta(f"markers of {model.fingerprint}", markers)

    def set_floor(self, model: ModelInfo, floor: float) -> None:
        """Remember how far a model's probabilities move with what is computed beside them."""
        self.set_meta(f"floor of {model.fingerprint}", floor)

    def add_source(self, task: str, source: str, left_out: LeftOut) -> None:
        """Remember where a task's questions come from and what was left out."""
        self.set_meta(f"source of {task}", source)
        self.set_meta(f"left out of {task}", asdict(left_out))

    def add_questions(self, questions: Mapping[str, Question]) -> None:
        """Remember questions by their keys."""
        rows = [(k, q.task, q.id, _dump(q), arm_name(q)) for k, q in questions.items()]
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO questions VALUES (?, ?, ?, ?, ?)", rows)

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

    def add_traces(self, rows: Iterable[tuple[str, str, str, Trace]]) -> None:
        """Add traces: key, model fingerprint, question key, trace."""
        values = [(k, model, question, t.sample, _dump(t, {"question"})) for k, model, question, t in rows]
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO traces VALUES (?, ?, ?, ?, ?)", values)

    def add_unasked(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        """Add reasons why there is no trace: its key, model fingerprint, question key, reason."""
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO unasked VALUES (?, ?, ?, ?)", list(rows))

    def add_replies(self, rows: Iterable[tuple[str, Reply]]) -> None:
        """Add models' own replies: the key of the trace that each stands behind, and the reply."""
        values = [(trace, _dump(reply)) for trace, reply in rows]
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?)", values)

    def add_verdicts(self, rows: Iterable[tuple[str, str, str, Verdict]]) -> None:
        """Add judges' verdicts: key, key of the trace, the judge's name, verdict."""
        values = [(k, trace, judge, _dump(verdict)) for k, trace, judge, verdict in rows]
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO verdicts VALUES (?, ?, ?, ?)", values)

    def add_rotated(self, rows: Iterable[tuple[str, str, Rotated]]) -> None:
        """Add answers to questions in other orders of their choices: key, model fingerprint, answer."""
        values = [(k, model, _dump(rotated)) for k, model, rotated in rows]
        with self._db.writing() as db:
            db.executemany("INSERT OR IGNORE INTO rotated VALUES (?, ?, ?)", values)

    def add_edits(
        self,
        intervention: str,
        traces: Sequence[str],
        edits: Mapping[str, tuple[str, Edit | NotApplicable]],
        points: int = EVERYWHERE,
    ) -> None:
        """Add an intervention's edits by key, each with its trace's key.

        The traces are marked as done at so many positions.
        """
        applied = [
            (key, trace, intervention, _dump_edit(edit))
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
            marks = [(trace, intervention, points) for trace in traces]
            db.executemany("INSERT OR REPLACE INTO intervened VALUES (?, ?, ?)", marks)

    def withdraw(self, rows: Iterable[tuple[str, str]]) -> None:
        """Take edits back that cannot be asked after all, by their keys, each with the reason."""
        moved = [(reason, key) for key, reason in rows]
        with self._db.writing() as db:
            db.executemany(
                "INSERT OR IGNORE INTO not_applicable SELECT key, trace, intervention, ?, "
                "json_extract(body, '$.coords') FROM edits WHERE key = ?",
                moved,
            )
            db.executemany("DELETE FROM edits WHERE key = ?", [(key,) for _, key in moved])

    def add_outcomes(self, outcomes: Iterable[tuple[str, Outcome]]) -> None:
        """Add outcomes by the keys of their edits."""
        with self._db.writing() as db:
            rows = [
                (key, _dump(outcome, {name for name in OF_INSIDE if not getattr(outcome, name)}))
                for key, outcome in outcomes
            ]
            db.executemany("INSERT OR IGNORE INTO outcomes VALUES (?, ?)", rows)

    def merge(self, other: "Store") -> None:
        """Add all that another run has measured and this one has not."""
        self._db.copy_from(other.folder / FILE_NAME)


def begun_on(folder: Path) -> str | None:
    """Return the day on which a run was begun, where there is one that knows."""
    if not (folder / FILE_NAME).is_file():
        return None
    with closing(Store.open(folder)) as store:
        day = store.meta("day")
    return None if day is None else str(day)


def arm_name(question: Question) -> str:
    """Return how an arm is named in a run's file: the cue and the arm, nothing for the plain question."""
    return "" if question.arm is None else f"{question.arm.cue}, {question.arm.kind}"


def _as_facts(settings: Mapping[str, object]) -> dict[str, Fact]:
    return {name: Fact(json.dumps(value), repr(value)) for name, value in settings.items()}


def _dump_edit(edit: Edit) -> str:
    """Write an edit; of the steps with which it begins and ends as its trace does, how many they are."""
    own, shown = edit.trace.steps, edit.steps
    first = _alike(shown, own)
    last = _alike(shown[first:][::-1], own[first:][::-1])
    unsaid = {name for name in SELDOM if not getattr(edit, name)}
    body = json.loads(_dump(edit, {"trace", *unsaid}))
    body |= {"steps": shown[first : len(shown) - last], "first": first, "last": last}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _alike(some: Sequence[str], others: Sequence[str]) -> int:
    """Count the steps that both begin with."""
    pairs = enumerate(zip(some, others, strict=False))
    return next((i for i, (one, other) in pairs if one != other), min(len(some), len(others)))


def _dump(
    value: Question | Trace | Edit | Outcome | Reply | Rotated | Verdict, exclude: set[str] | None = None
) -> str:
    return ADAPTERS[type(value)].dump_json(value, exclude=exclude).decode()
