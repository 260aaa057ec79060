"""What is exported is what `load_run` gives, whatever the pieces."""

from pathlib import Path
from typing import Literal

import pandas as pd
import pytest

from cotfaith import load_run, open_run
from cotfaith.bench.synthetic import Design, write_run
from cotfaith.schema import Answer, Edit, ModelInfo, Outcome, Question, Trace
from cotfaith.store import columns
from cotfaith.store.counts import count
from cotfaith.store.exporting import export_run
from cotfaith.store.store import Store

BY = ["trace", "intervention", "position"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("run")
    write_run(made, Design(questions=2, samples=3))
    return made


def in_order(outcomes: pd.DataFrame) -> pd.DataFrame:
    shown = outcomes.sort_values(BY, kind="stable", ignore_index=True).drop(columns="coords")
    lists = {name: shown[name].map(list) for name in ("probs", "original_probs", "attention")}
    return shown.assign(**lists)


def test_parquet_holds_the_outcomes_of_the_frames(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "TRACES_AT_ONCE", 5)
    written = {path.stem: path for path in export_run(folder, "parquet")}
    run = load_run(folder)
    found = pd.read_parquet(written["outcomes"])
    assert list(found.columns) == list(run.outcomes.columns)
    for frame in (found, run.outcomes):
        frame["target"] = frame["target"].astype("str")  # a text in both, where all are missing
    pd.testing.assert_frame_equal(in_order(found), in_order(run.outcomes), check_dtype=False)
    assert set(written) == set(vars(run))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_text_holds_every_row_once(folder: Path, kind: Literal["csv", "jsonl"]) -> None:
    written = {path.stem: path for path in export_run(folder, kind)}
    read = pd.read_csv if kind == "csv" else (lambda path: pd.read_json(path, lines=True))
    run = load_run(folder)
    for name in ("traces", "outcomes"):
        found = read(written[name])
        assert len(found) == len(getattr(run, name))
        assert found["trace"].value_counts().to_dict() == getattr(run, name)["trace"].value_counts().to_dict()


def test_a_run_without_reasoning_has_empty_tables(tmp_path: Path) -> None:
    Store.create(tmp_path, {"seed": 0}).close()
    written = {path.stem: path for path in export_run(tmp_path, "parquet")}
    found = pd.read_parquet(written["outcomes"])
    assert found.empty
    assert list(found.columns) == list(load_run(tmp_path).outcomes.columns)
    with open_run(tmp_path) as run:
        assert len(run.outcomes) == 0


def test_an_open_run_gives_relations(folder: Path) -> None:
    rows = load_run(folder).outcomes
    with open_run(folder) as run:
        assert len(run.outcomes) == len(rows)
        changed = run.outcomes.filter("NOT same").aggregate("model, count(*) AS n").df()
        assert (
            changed.set_index("model")["n"].to_dict()
            == (~rows["same"]).groupby(rows["model"]).sum().to_dict()
        )
        assert run.sql("SELECT max(sample) FROM traces").fetchall() == [(2,)]


def test_any_text_is_read_as_it_was_stored(tmp_path: Path) -> None:
    odd = ("\x00 null", ' "quoted" \\ back', " \u202e turned", " 🂡\r\n", "")
    question = Question("addition", "q", "What?")
    trace = Trace(question, 0, odd, 1, False, Answer("\x00"), Answer(None), same_without=False)
    store = Store.create(tmp_path, {"seed": 0})
    store.add_model(ModelInfo("m", "f", 1))
    store.add_questions({"q": question})
    store.add_traces([("t", "f", "q", trace)])
    store.add_intervention("i", "truncation", "truncation")
    store.add_edits("i", ["t"], {"e": ("t", Edit(trace, (odd[0], odd[3]), 0.5, coords={"\x00": "\x00"}))})
    store.add_outcomes([("e", Outcome(Answer('"'), same=False, resumed="\x00\n"))])
    store.close()
    with open_run(tmp_path) as run:
        assert run.outcomes.project("shown, resumed, answer, original_answer").fetchall() == [
            (odd[0] + odd[3], "\x00\n", '"', "\x00")
        ]
        assert run.traces.project("reasoning").fetchall() == [("".join(odd),)]
    assert count(Store.open(tmp_path), lambda task, shown, own: None).outcomes["coords"].tolist() == [
        {"\x00": "\x00"}
    ]
