"""Traces that are looked for, a page at a time: no page costs more, however large the run is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from cotfaith.schema import Question
from cotfaith.store.contents import ADAPTERS, Contents, StoredEdit

PAGE = 50
"""Traces on a page."""
WINDOW = 200
"""Traces that one query looks at."""
PATIENCE = 2.0
"""Seconds after which a search stops where it is."""
BESIDE = 200
"""Traces of a question that are named."""

Read = Literal["right", "wrong", "unread", "cut off"]
UNREAD = "json_extract(t.body, '$.answer.text') IS NULL"
CONDITIONS: dict[Read, str] = {
    "right": "json_extract(t.body, '$.answer.correct') = 1",
    "wrong": f"json_extract(t.body, '$.answer.correct') = 0 AND NOT ({UNREAD})",
    "unread": UNREAD,
    "cut off": "json_extract(t.body, '$.hit_limit') = 1",
}
"""What an answer can be, or its reasoning."""
CHANGED = "json_extract(o.body, '$.same') = 0"
FALL = "json_extract(o.body, '$.shift.own') - json_extract(o.body, '$.shift.own_then')"
"""By how many nats the log-probability of the trace's own answer falls where something is done inside."""


@dataclass(frozen=True)
class Wanted:
    """What traces are looked for; None: any."""

    model: str | None = None
    task: str | None = None
    arm: str | None = None
    """As `store.arm_name` writes it; empty: no cue."""
    test: str | None = None
    """The label of an intervention that was applied."""
    changed: bool | None = None
    """Whether an edit changed the answer: of the test, or of any."""
    fall: float | None = None
    """By how many nats an edit inside took from the log-probability of the answer, at least."""
    answer: Read | None = None
    same_without: bool | None = None
    """Whether the answer without reasoning is the same."""
    least: int | None = None
    """Steps."""
    most: int | None = None
    id: str | None = None
    """Stands in the question's id."""


@dataclass(frozen=True)
class Found:
    """A trace that was looked for, and what its edits did."""

    key: str
    question: Question
    model: str
    arm: str
    sample: int
    steps: int
    answer: str | None
    correct: bool | None
    same_without: bool
    hit_limit: bool
    changed: int
    """Edits that changed the answer."""
    asked: int
    """Edits that were asked."""


@dataclass(frozen=True)
class Page:
    """Traces in the order in which they were measured."""

    found: tuple[Found, ...]
    looked_at: int
    """The place of the last trace that was looked at."""
    last: int
    """The place of the run's last trace."""


@dataclass(frozen=True)
class Tally:
    """What the edits of one intervention did to a trace."""

    label: str
    edits: int
    asked: int
    changed: int


@dataclass(frozen=True)
class Kinds:
    """What there is to choose from in a run."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    arms: tuple[str, ...]
    tests: tuple[str, ...]


def kinds(store: Contents) -> Kinds:
    """Return the models, tasks, arms and interventions of a run."""
    asked = list(store.query("SELECT DISTINCT task, arm FROM questions"))
    return Kinds(
        tuple(name for (name,) in store.query("SELECT name FROM models ORDER BY n_params, name")),
        tuple(sorted({task for task, _ in asked})),
        tuple(sorted({arm for _, arm in asked})),
        tuple(label for (label,) in store.query("SELECT DISTINCT label FROM interventions ORDER BY label")),
    )


def search(store: Contents, wanted: Wanted, after: int = 0, patience: float = PATIENCE) -> Page:
    """Return the next traces behind a place; fewer than a page where patience or the run ends."""
    conditions = list(_conditions(wanted))
    query = (
        "SELECT t.rowid, t.key, q.body, m.name, q.arm, t.sample, t.body FROM traces t "
        "CROSS JOIN models m ON m.fingerprint = t.model CROSS JOIN questions q ON q.key = t.question "
        f"WHERE {' AND '.join(['t.rowid > ?', 't.rowid <= ?', *(sql for sql, _ in conditions)])} "
        "ORDER BY t.rowid LIMIT ?"
    )
    values = [value for _, several in conditions for value in several]
    ((last,),) = store.query("SELECT COALESCE(MAX(rowid), 0) FROM traces")
    found: list[Found] = []
    until = monotonic() + patience
    while after < last and len(found) < PAGE:
        behind = min(after + WINDOW, last)
        rows = list(store.query(query, (after, behind, *values, PAGE - len(found))))
        found += [_found(store, *row[1:]) for row in rows]
        after = rows[-1][0] if len(found) == PAGE else behind
        if monotonic() > until:
            break
    return Page(tuple(found), min(after, last), last)


def tallies(store: Contents, trace: str) -> list[Tally]:
    """Return what the edits of each intervention did to a trace."""
    query = (
        f"SELECT i.label, COUNT(*), COUNT(o.edit), TOTAL({CHANGED}) FROM edits e "
        "CROSS JOIN interventions i ON i.key = e.intervention LEFT JOIN outcomes o ON o.edit = e.key "
        "WHERE e.trace = ? GROUP BY i.label ORDER BY i.label"
    )
    return [Tally(label, n, asked, int(changed)) for label, n, asked, changed in store.query(query, (trace,))]


def edits_of_test(store: Contents, trace: str, label: str) -> list[StoredEdit]:
    """Return the edits of a trace by one intervention, in the order of their places."""
    query = (
        "SELECT e.key FROM edits e CROSS JOIN interventions i ON i.key = e.intervention "
        "WHERE e.trace = ? AND i.label = ? ORDER BY e.rowid"
    )
    found = store.edits([key for (key,) in store.query(query, (trace, label))])
    return sorted(found, key=lambda stored: stored.edit.position)


def there(store: Contents, table: Literal["traces", "edits"], key: str) -> bool:
    """Tell whether a trace or an edit has that key."""
    return any(store.query(f"SELECT 1 FROM {table} WHERE key = ?", (key,)))


def trace_of(store: Contents, edit: str) -> str:
    """Return the key of the trace that an edit changes."""
    ((key,),) = store.query("SELECT trace FROM edits WHERE key = ?", (edit,))
    return str(key)


def model_of(store: Contents, trace: str) -> str:
    """Return the name of the model that a trace is of."""
    query = "SELECT m.name FROM traces t JOIN models m ON m.fingerprint = t.model WHERE t.key = ?"
    ((name,),) = store.query(query, (trace,))
    return str(name)


def beside(store: Contents, question: Question) -> Iterator[Found]:
    """Yield the traces of a question in all its arms, by model, arm and sample."""
    query = (
        "SELECT t.key, q.body, m.name, q.arm, t.sample, t.body FROM questions q "
        "JOIN traces t ON t.question = q.key JOIN models m ON m.fingerprint = t.model "
        "WHERE q.task = ? AND q.id = ? ORDER BY m.n_params, m.name, q.arm, t.sample LIMIT ?"
    )
    for row in list(store.query(query, (question.task, question.id, BESIDE))):
        yield _found(store, *row)


def _conditions(wanted: Wanted) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield conditions on a trace, the cheap ones first, with their values."""
    steps = "json_array_length(t.body, '$.steps')"
    simple: list[tuple[str, object]] = [
        ("m.name = ?", wanted.model),
        ("q.task = ?", wanted.task),
        ("q.arm = ?", wanted.arm),
        ("instr(q.id, ?)", wanted.id),
        ("json_extract(t.body, '$.same_without') = ?", wanted.same_without),
        (f"{steps} >= ?", wanted.least),
        (f"{steps} <= ?", wanted.most),
    ]
    yield from ((sql, (value,)) for sql, value in simple if value is not None)
    if wanted.answer is not None:
        yield CONDITIONS[wanted.answer], ()
    yield from _on_edits(wanted)


def _on_edits(wanted: Wanted) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield conditions on the edits of a trace."""
    of_test, label = "", tuple[str, ...]()
    if wanted.test is not None:
        of_test = " AND e.intervention IN (SELECT key FROM interventions WHERE label = ?)"
        label = (wanted.test,)
    edits = f"SELECT 1 FROM edits e CROSS JOIN outcomes o ON o.edit = e.key WHERE e.trace = t.key{of_test}"
    if wanted.test is not None or wanted.changed is not None:
        changed = f" AND {CHANGED}" if wanted.changed else ""
        yield f"EXISTS ({edits}{changed})", label
    if wanted.changed is False:
        yield f"NOT EXISTS ({edits} AND {CHANGED})", label
    if wanted.fall is not None:
        yield f"EXISTS ({edits} AND {FALL} >= ?)", (*label, wanted.fall)


def _found(store: Contents, *row: str) -> Found:
    key, question, model, arm, sample, body = row
    trace = json.loads(body)
    tallied = tallies(store, key)
    return Found(
        key=key,
        question=ADAPTERS[Question].validate_json(question),
        model=model,
        arm=arm,
        sample=int(sample),
        steps=len(trace["steps"]),
        answer=trace["answer"]["text"],
        correct=trace["answer"]["correct"],
        same_without=trace["same_without"],
        hit_limit=trace["hit_limit"],
        changed=sum(one.changed for one in tallied),
        asked=sum(one.asked for one in tallied),
    )
