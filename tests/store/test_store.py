import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cotfaith.errors import InputError
from cotfaith.identity import key
from cotfaith.report.report import write_report
from cotfaith.schema import Answer, Edit, LeftOut, ModelInfo, NotApplicable, Outcome, Question, Trace
from cotfaith.store.database import SCHEMA_VERSION
from cotfaith.store.exporting import export_run
from cotfaith.store.frames import load_run
from cotfaith.store.store import Store
from tests.rows import sound
from tests.scripted import STUDY, Scripted, measure

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)  # with nulls, escapes and marks of direction
SHARE = st.floats(0, 1)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(TEXT, st.integers(-(2**53), 2**53), st.booleans())


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "run.sqlite")) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def as_before(folder: Path, version: int) -> None:
    """Write a run's records as the releases before 0.2 did."""
    with_whole_edits(folder)
    with closing(sqlite3.connect(folder / "run.sqlite")) as db:
        for table, name in (("traces", "key"), ("outcomes", "edit"), ("rotated", "key")):
            for at, text in db.execute(f"SELECT {name}, body FROM {table}").fetchall():
                body = json.loads(text)
                for answer in (body[name] for name in ("answer", "answer_without") if name in body):
                    probability = answer.pop("probability")
                    answer["mass"] = probability if answer["mass"] is None else answer["mass"]
                if "drawn_tokens" in body:
                    body["tokens"] = body.pop("drawn_tokens")
                db.execute(f"UPDATE {table} SET body = ? WHERE {name} = ?", (json.dumps(body), at))
        db.commit()
    lost = {3: ["DELETE FROM meta WHERE name = 'fact: cotfaith'"]}
    lost[2] = ["DROP TABLE unasked", "DELETE FROM meta WHERE name LIKE 'fact: %' OR name = 'finished'"]
    change(folder, *lost[version], f"UPDATE meta SET value = '{version}' WHERE name = 'schema'")


def with_whole_edits(folder: Path) -> None:
    """Write a run's edits as versions before 5 did: all that is shown, and no number of positions."""
    with closing(Store.open(folder)) as store:
        traces = list(store.query("SELECT key FROM traces"))
        found = [edit for (key,) in traces for edit in store.edits_of(key)]
    with closing(sqlite3.connect(folder / "run.sqlite")) as db:
        for stored in found:
            (text,) = db.execute("SELECT body FROM edits WHERE key = ?", (stored.key,)).fetchone()
            body = json.loads(text) | {"steps": stored.edit.steps}
            del body["first"], body["last"]
            db.execute("UPDATE edits SET body = ? WHERE key = ?", (json.dumps(body), stored.key))
        db.execute("ALTER TABLE intervened DROP COLUMN points")
        db.execute("ALTER TABLE questions DROP COLUMN arm")
        db.execute("DROP TABLE verdicts")
        db.execute("DROP TABLE replies")
        db.execute("UPDATE meta SET value = '4' WHERE name = 'schema'")
        db.commit()


def test_a_run_of_version_4_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("new", "old"):
        measure(monkeypatch, tmp_path / folder, Scripted(), "truncation", "mistake")
    with_whole_edits(tmp_path / "old")
    shown, before = (load_run(tmp_path / folder).outcomes for folder in ("old", "new"))
    assert shown.equals(before)
    fewer = replace(STUDY, points=2)
    assert measure(monkeypatch, tmp_path / "old", Scripted(), "truncation", "mistake", study=fewer) == 0


def test_a_run_of_version_5_has_no_arms_and_goes_on_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("new", "old"):
        measure(monkeypatch, tmp_path / folder, Scripted(), "truncation")
    change(
        tmp_path / "old",
        "ALTER TABLE questions DROP COLUMN arm",
        "DROP TABLE verdicts",
        "UPDATE questions SET body = json_remove(body, '$.arm')",
        "UPDATE meta SET value = '5' WHERE name = 'schema'",
    )
    shown, before = (load_run(tmp_path / folder) for folder in ("old", "new"))
    assert shown.outcomes.equals(before.outcomes)
    assert (shown.traces["cue"] == "").all()
    assert (shown.traces["arm"] == "none").all()
    assert shown.verdicts.empty
    cued = replace(STUDY, cue=("professor",))
    assert measure(monkeypatch, tmp_path / "old", Scripted(), "truncation", study=cued) > 0
    arms = load_run(tmp_path / "old").traces.groupby(["cue", "arm"]).size()
    assert arms.to_dict() == {("", "none"): 6} | {
        ("professor", arm): 6 for arm in ("incorrect", "correct", "sham")
    }


def test_an_edit_is_stored_as_what_it_does_not_have_from_the_reasoning(tmp_path: Path) -> None:
    steps = tuple(f" Step {i} says much." for i in range(40))
    trace = Trace(Question("t", "q", "?"), 0, steps, 3, False, Answer("1"), Answer("2"), same_without=False)
    shown = {
        "cut": steps[:30],
        "all": steps,
        "none": (),
        "changed": (*steps[:9], " Wrong.", *steps[10:]),
        "resumed": (*steps[:9], " Wrong."),
        "again": (*steps, steps[-1]),
        "other": (" ... ...",),
    }
    store = Store.create(tmp_path, STUDY.fixed)
    store.add_questions({"q": trace.question})
    store.add_model(ModelInfo("m", "f", 1))
    store.add_traces([("t", "f", "q", trace)])
    store.add_intervention("i", "spec", "label")
    store.add_edits("i", ["t"], {name: ("t", Edit(trace, those, 0.5)) for name, those in shown.items()})
    assert {stored.key: stored.edit.steps for stored in store.edits_of("t")} == shown
    stored = dict(list(store.query("SELECT key, json_extract(body, '$.steps') FROM edits")))
    assert {name: json.loads(text) for name, text in stored.items()} == {
        "cut": [],
        "all": [],
        "none": [],
        "changed": [" Wrong."],
        "resumed": [" Wrong."],
        "again": [steps[-1]],
        "other": [" ... ..."],
    }
    store.close()


@pytest.mark.parametrize("version", [2, 3])
def test_a_run_of_a_release_before_is_read_and_not_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    for folder in ("new", "old"):
        measure(monkeypatch, tmp_path / folder, Scripted(), "truncation")
    as_before(tmp_path / "old", version)
    store = Store.open(tmp_path / "old")
    assert load_run(tmp_path / "old").outcomes.equals(load_run(tmp_path / "new").outcomes)
    assert store.meta("schema") == SCHEMA_VERSION
    assert store.facts()["questions of addition"].text == "the seed"
    write_report(store)
    store.close()
    assert export_run(tmp_path / "old", "csv")
    with pytest.raises(InputError, match=r"other circumstances:\n  cotfaith: 0\.1 there, 0\.3 now"):
        measure(monkeypatch, tmp_path / "old", Scripted(), "truncation")


def test_letters_keep_their_mass_and_words_their_probability_in_a_run_of_a_release_before(
    tmp_path: Path,
) -> None:
    question = Question("t", "q", "?", ("a", "b"))
    lettered = Answer("A", (0.7, 0.3), mass=0.9, correct=True)
    free = Answer("x", probability=0.25, completion=" x")
    trace = Trace(question, 0, (" b",), 3, False, lettered, free, same_without=False)
    store = Store.create(tmp_path, STUDY.fixed)
    store.add_questions({"q": question})
    store.add_model(ModelInfo("m", "f", 1))
    store.add_traces([("t", "f", "q", trace)])
    store.close()
    as_before(tmp_path, 3)
    store = Store.open(tmp_path)
    assert store.traces(["t"])[0].trace == trace
    store.close()


@pytest.mark.parametrize(
    ("version", "reader"),
    [("1", "The commit 358f363 of cotfaith's repository reads it"), ("99", "A newer cotfaith reads it")],
)
def test_a_run_of_a_version_that_cannot_be_read_says_what_reads_it(
    tmp_path: Path, version: str, reader: str
) -> None:
    Store.create(tmp_path, STUDY.fixed).close()
    change(tmp_path, f"UPDATE meta SET value = '{version}' WHERE name = 'schema'")
    for enter in (Store.open, lambda folder: Store.create(folder, STUDY.fixed)):
        with pytest.raises(InputError, match=f"a store of version {version}; .* {reader}"):
            enter(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:3000],
        lambda content: b"\0" * 200 + content[200:],
        lambda content: content[:4096] + b"\xff" * (len(content) - 4096),
    ],
)
def test_a_store_that_is_broken_is_told(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    Store.create(tmp_path, STUDY.fixed).close()
    path = tmp_path / "run.sqlite"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"run.sqlite: (not a run of cotfaith|cannot be)"):
        Store.create(tmp_path, STUDY.fixed)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    from cotfaith.schema import Answer

    answers = st.builds(
        Answer,
        st.none() | TEXT,
        st.lists(SHARE, max_size=3).map(tuple),
        st.none() | SHARE,
        st.none() | SHARE,
        TEXT,
        st.none() | st.booleans(),
    )
    question = Question(
        "t", draw(TEXT), draw(TEXT), tuple(draw(st.lists(TEXT, max_size=3))), None, {}, {"a": draw(TEXT)}
    )
    steps = tuple(draw(st.lists(TEXT, max_size=3)))
    return Trace(
        question,
        draw(st.integers(0, 99)),
        steps,
        3,
        draw(st.booleans()),
        draw(answers),
        draw(answers),
        False,
        draw(st.none() | NUMBER),
    )


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    trace=traces(),
    steps=st.lists(TEXT, max_size=3),
    share=SHARE,
    coords=st.dictionaries(TEXT, SCALARS, max_size=2),
    reason=TEXT,
)
def test_what_is_stored_is_what_was_measured(
    tmp_path_factory: pytest.TempPathFactory,
    trace: Trace,
    steps: list[str],
    share: float,
    coords: dict[str, Any],
    reason: str,
) -> None:
    folder = tmp_path_factory.mktemp("store")
    store = Store.create(folder, STUDY.fixed)
    edit = Edit(trace, tuple(steps), share, resume=True, coords=coords)
    outcome = Outcome(trace.answer, same=True, resumed=reason, logprob=-share)
    store.add_questions({key(trace.question): trace.question})
    store.add_model(ModelInfo("m", "f", 1))
    store.add_traces([("t", "f", key(trace.question), trace)])
    store.add_intervention("i", "spec", "label")
    store.add_edits("i", ["t"], {"e": ("t", edit), "n": ("t", NotApplicable(trace, reason, coords))})
    store.add_outcomes([("e", outcome)])
    store.close()
    store = Store.open(folder)
    assert store.traces(["t"])[0].trace == trace
    (stored,) = store.edits_of("t")
    assert (stored.edit, stored.outcome) == (edit, outcome)
    assert store.refusals_of("t") == [("label", reason)]
    store.close()
    assert sound(folder)
    assert json.loads(json.dumps(coords)) == coords


def test_what_was_left_out_is_read_as_it_was_and_older_runs_know_of_bad_rows_alone(tmp_path: Path) -> None:
    store = Store.create(tmp_path, {})
    left_out = LeftOut(("bad",), ("twice",), ("other answer", "more"), ("README.txt",))
    store.add_source("new", "r.jsonl 1a2b", left_out)
    store.set_meta("source of old", "the hub")
    store.set_meta("bad rows of old", ["line 3"])
    assert store.sources() == {"new": ("r.jsonl 1a2b", left_out), "old": ("the hub", LeftOut(("line 3",)))}
    store.close()


def test_a_question_that_was_stored_without_accepted_answers_is_read(tmp_path: Path) -> None:
    store = Store.create(tmp_path, {})
    new, old = (Question("t", name, "?", gold="5", accepted=("five",)) for name in ("new", "old"))
    store.add_questions({"1": new, "2": old})
    store.close()
    change(tmp_path, "UPDATE questions SET body = json_remove(body, '$.accepted') WHERE id = 'old'")
    assert [list(found) for found in load_run(tmp_path).questions["accepted"]] == [["five"], []]
