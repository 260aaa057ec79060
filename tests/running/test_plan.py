"""Which interventions a run takes."""

import pytest

from cotfaith.plugins.registry import INTERVENTIONS
from cotfaith.running.plan import build_interventions


def test_without_a_name_a_run_takes_all_with_the_floor_of_each_procedure() -> None:
    specs = [one.spec for one in build_interventions([])]
    assert specs[: len(INTERVENTIONS.classes)] == list(INTERVENTIONS.classes)
    assert specs[len(INTERVENTIONS.classes) :] == ["sham:variant=resume"]


def test_what_is_named_is_taken_alone() -> None:
    assert [one.spec for one in build_interventions(["mistake", "mistake"])] == ["mistake"]


@pytest.mark.parametrize(
    ("spec", "floor"),
    [
        ("truncation", "sham"),
        ("filler", "sham"),
        ("mistake", "sham:variant=resume"),
        ("mistake:variant=substitute", "sham"),
        ("paraphrase", "sham:variant=resume"),
        ("sham", None),
    ],
)
def test_the_floor_is_the_same_procedure_without_an_edit(spec: str, floor: str | None) -> None:
    assert INTERVENTIONS.build(spec).unedited == floor
