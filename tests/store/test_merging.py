"""Shards that were measured by themselves are, joined, the run that was not divided."""

from dataclasses import replace
from pathlib import Path

import pytest

from cotfaith.errors import InputError
from cotfaith.report.report import write_report
from cotfaith.running.options import command_line
from cotfaith.store.merging import merge
from cotfaith.store.store import Store
from tests.rows import rows, unequal
from tests.scripted import STUDY, Scripted, measure

SPECS = ("truncation", "mistake:source=rule", "filler")
WHOLE = replace(STUDY, questions=7)


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    folders = []
    for place in (1, 2, 3):
        study = replace(WHOLE, shard=f"{place}/3", out=tmp_path / "run")
        measure(monkeypatch, study.folder, Scripted(), *SPECS, study=study)
        folders.append(study.folder)
    return folders


def test_merged_shards_equal_the_run_that_was_not_divided(
    shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [folder.name for folder in shards] == ["run-shard1of3", "run-shard2of3", "run-shard3of3"]
    measure(monkeypatch, tmp_path / "whole", Scripted(), *SPECS, study=WHOLE)
    merged = merge(tmp_path / "run", shards)
    whole = rows(tmp_path / "whole")
    assert merged.missing == []
    assert unequal(rows(tmp_path / "run"), whole) == {"lost": [], "new": [], "other": []}
    for name in ("whole", "run"):
        store = Store.open(tmp_path / name)
        write_report(store)
        commands = store.meta("commands")
        (again,) = [command_line(c["study"], c["interventions"]) for c in commands]
        assert again.startswith("cotfaith run --model m --task addition:operands=2,digits=2 ")
        assert " --questions 7 --samples 2 " in again
        assert again.endswith(
            " --intervention truncation --intervention mistake:variant=resume,source=rule "
            "--intervention 'filler:kind=token,token= ...,step=5'"
        )
        store.close()
    for table in (tmp_path / "whole").glob("*.csv"):
        assert table.read_text() == (tmp_path / "run" / table.name).read_text(), table.name


def test_the_undivided_command_goes_on_from_merged_shards_and_measures_what_is_missing(
    shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert merge(tmp_path / "run", shards[:1]).missing == ["2/3", "3/3"]
    rest = Scripted()
    assert measure(monkeypatch, tmp_path / "run", rest, *SPECS, study=WHOLE) > 0
    assert merge(tmp_path / "run", shards).rows == 0
    again = Scripted()
    assert measure(monkeypatch, tmp_path / "run", again, *SPECS, study=WHOLE) == 0
    assert again.asked == 0


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (replace(WHOLE, shard="2/3", temperature=1.0), "temperature: 0.8 in {first}, 1.0 in {second}"),
        (replace(WHOLE, shard="2/4"), "shard: of 3 in {first}, of 4 in {second}"),
    ],
)
def test_shards_of_other_settings_are_refused_with_the_difference(
    shards: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    other: object,
    difference: str,
) -> None:
    assert isinstance(other, type(WHOLE))
    measure(monkeypatch, tmp_path / "other", Scripted(), study=other)
    with pytest.raises(InputError) as refused:
        merge(tmp_path / "run", [shards[0], tmp_path / "other"])
    assert str(refused.value).splitlines()[1:] == [
        "  " + difference.format(first=shards[0], second=tmp_path / "other")
    ]
    assert not (tmp_path / "run").exists()


def test_a_shard_that_was_stopped_or_is_being_measured_is_refused(
    shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = replace(WHOLE, samples=3, shard="2/3")
    with pytest.raises(KeyboardInterrupt):
        measure(monkeypatch, shards[1], Scripted(dies_after=1), study=study)
    with pytest.raises(InputError, match="run-shard2of3: this run was stopped"):
        merge(tmp_path / "run", shards)
    store = Store.create(shards[0], WHOLE.fixed)
    with pytest.raises(InputError, match=r"run-shard1of3: process \d+ is writing to this run"):
        merge(tmp_path / "run", shards)
    store.close()


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/3/5", ""])
def test_a_shard_that_is_none_is_refused(shard: str) -> None:
    with pytest.raises(InputError, match=r"expected I/N with I from 1 to N, e.g. 2/8"):
        _ = replace(STUDY, shard=shard).folder
