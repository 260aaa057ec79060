"""What is exported is what `load_run` gives, whatever the pieces."""

from pathlib import Path
from typing import Literal

import pandas as pd
import pytest

from cotfaith import load_run, open_run
from cotfaith.bench.synthetic import Design, write_run
from cotfaith.store import columns
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
