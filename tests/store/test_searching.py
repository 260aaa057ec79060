"""Traces looked for page by page."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cotfaith.store import searching
from cotfaith.store.searching import Wanted, search
from cotfaith.store.store import Store
from tests.scripted import Scripted, measure


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    measure(monkeypatch, tmp_path, Scripted(), "truncation")
    return Store.open(tmp_path)


def test_pages_join_to_all_traces_and_none_comes_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PAGE", 2)
    monkeypatch.setattr(searching, "WINDOW", 3)
    keys, after = [], 0
    while after < 6:
        page = search(store, Wanted(), after)
        assert page.last == 6
        assert 1 <= len(page.found) <= 2
        keys += [one.key for one in page.found]
        after = page.looked_at
    assert keys == [key for (key,) in store.query("SELECT key FROM traces ORDER BY rowid")]
    assert search(store, Wanted(), 6).found == ()


def test_a_search_that_finds_nothing_stops_where_patience_ends(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "WINDOW", 2)
    assert search(store, Wanted(id="none"), patience=-1).looked_at == 2
    assert search(store, Wanted(id="none"), 2, patience=-1).looked_at == 4
    assert search(store, Wanted(id="none")).looked_at == 6


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("json_set(body, '$.answer.text', NULL, '$.answer.correct', json('false'))", Wanted(answer="unread")),
        ("json_set(body, '$.answer.correct', json('false'))", Wanted(answer="wrong")),
        ("json_set(body, '$.hit_limit', json('true'))", Wanted(answer="cut off")),
        ("json_set(body, '$.same_without', json('true'))", Wanted(same_without=True)),
        ('json_set(body, \'$.steps\', json(\'[" a", " b", " c"]\'))', Wanted(least=3, most=3)),
    ],
)
def test_the_one_trace_that_is_so_is_found(store: Store, change: str, wanted: Wanted) -> None:
    with closing(sqlite3.connect(store.folder / "run.sqlite")) as db:
        db.execute(f"UPDATE traces SET body = {change} WHERE rowid = 4")
        db.commit()
    ((key,),) = store.query("SELECT key FROM traces WHERE rowid = 4")
    assert [one.key for one in search(store, wanted).found] == [key]


def test_an_edit_inside_that_took_from_the_answer_is_found(store: Store) -> None:
    ((edit, key),) = store.query("SELECT key, trace FROM edits WHERE rowid = 5")
    with closing(sqlite3.connect(store.folder / "run.sqlite")) as db:
        shift = """json_set(body, '$.shift', json('{"own": -0.5, "own_then": -2.0}'))"""
        db.execute(f"UPDATE outcomes SET body = {shift} WHERE edit = ?", (edit,))
        db.commit()
    assert [one.key for one in search(store, Wanted(fall=1.5)).found] == [key]
    assert search(store, Wanted(fall=1.51)).found == ()
    assert search(store, Wanted(fall=1.0, test="sham")).found == ()


def test_edits_that_are_not_asked_yet_are_counted_apart(store: Store) -> None:
    ((key,),) = store.query("SELECT trace FROM edits WHERE rowid = 1")
    with closing(sqlite3.connect(store.folder / "run.sqlite")) as db:
        db.execute("DELETE FROM outcomes WHERE edit = (SELECT key FROM edits WHERE rowid = 1)")
        db.commit()
    (tally,) = searching.tallies(store, key)
    assert (tally.label, tally.edits, tally.asked, tally.changed) == ("truncation", 3, 2, 0)
    found = search(store, Wanted(changed=False)).found
    assert [one.key for one in found] == [key]
