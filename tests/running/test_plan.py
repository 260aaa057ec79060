"""Which interventions a run takes."""

import pytest

from cotfaith.plugins.registry import INTERVENTIONS
from cotfaith.running.plan import build_interventions


def test_without_a_name_a_run_takes_the_usual_ones_with_the_floor_of_each_procedure() -> None:
    specs = [one.spec for one in build_interventions([])]
    assert specs == ["filler", "mistake", "paraphrase", "sham", "truncation", "sham:variant=resume"]
    others = {name for name, cls in INTERVENTIONS.classes.items() if not cls.by_default}
    assert others == {"budget", "extend", "knockout", "patch", "transplant"}


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
        ("knockout", "sham:variant=inside"),
        ("patch:direction=denoise", "sham:variant=inside"),
        ("sham", None),
    ],
)
def test_the_floor_is_the_same_procedure_without_an_edit(spec: str, floor: str | None) -> None:
    assert INTERVENTIONS.build(spec).unedited == floor
