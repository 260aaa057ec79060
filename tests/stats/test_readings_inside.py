"""What is read inside, on outcomes worked out by hand."""

import math
from typing import Any

import pandas as pd
import pytest

from cotfaith.report import words_inside
from cotfaith.stats.inside import (
    CHANGED,
    DROP,
    EFFECT,
    ENTROPY,
    JENSEN_SHANNON,
    KL,
    REDUNDANCY,
    SWEEP,
    TOKENS_JS,
    TOKENS_KL,
    entropy,
    inside,
    inside_map,
    jensen_shannon,
    kl,
    summary,
)
from tests.stats.frames import CELL, only

TRACES = pd.DataFrame(
    [CELL | {"trace": "a", "reasoning": " own"}, CELL | {"trace": "b", "reasoning": " own"}]
)


def outcomes(*rows: tuple[str, int, str, bool], **more: Any) -> pd.DataFrame:
    """Return an outcome a (trace, step, layers, changed); each trace is a question of its own with 2 steps."""
    columns = CELL | {"intervention": "knockout:layers=each", "inside": True, "n_steps": 2, "shown": " own"}
    columns |= {"probs": [], "original_probs": []}
    columns |= {"tokens_kl": None, "tokens_js": None, "tokens_entropy": None}
    columns |= {"own": -1.0, "own_then": -3.0, "gap": None, "gap_then": None, "gap_other": None} | more
    frame = pd.DataFrame(
        [
            columns
            | {"trace": t, "question": t, "coords": {"step": s, "layers": layers}, "same": not changed}
            for t, s, layers, changed in rows
        ]
    )
    numbers = ("gap", "gap_then", "gap_other", "tokens_kl", "tokens_js", "tokens_entropy")
    return frame.astype(dict.fromkeys(numbers, float))


SWEPT = outcomes(
    ("a", 1, "all", False), ("a", 1, "0", False), ("a", 1, "1", False),
    ("a", 2, "all", False), ("a", 2, "0", False), ("a", 2, "1", True),
    ("b", 1, "all", False), ("b", 1, "0", True), ("b", 1, "1", True),
    ("b", 2, "all", True), ("b", 2, "0", False), ("b", 2, "1", True),
)  # fmt: skip


def test_layers_are_read_one_by_one_and_the_sweep_as_a_whole() -> None:
    table = inside(TRACES, SWEPT, [])
    shares = {
        layers: only(table, layers=layers, reading=CHANGED)["value"] for layers in ("all", "0", "1", SWEEP)
    }
    assert shares == {"all": 0.25, "0": 0.25, "1": 0.75, SWEEP: 0.5}
    assert only(table, layers=SWEEP, reading=CHANGED)["nobs"] == 8
    assert set(table.loc[table["reading"] == DROP, "value"]) == {2.0}


def test_a_step_is_redundant_that_some_layer_reads_and_all_at_once_do_not_need() -> None:
    found = only(inside(TRACES, SWEPT, []), reading=REDUNDANCY)
    assert (found["value"], found["nobs"], found["questions"]) == (0.5, 4, 2)


def test_it_is_told_how_many_layers_any_of_which_makes_a_step_redundant() -> None:
    (said,) = words_inside.inside(inside(TRACES, SWEPT, []))
    assert "in at least one of the 2, alone, and not in all at once" in said
    assert "0.500 [" in said


def test_one_group_of_layers_is_no_sweep() -> None:
    table = inside(TRACES, SWEPT[[c["layers"] in ("all", "1") for c in SWEPT["coords"]]], [])
    assert SWEEP not in set(table.loc[table["reading"] == CHANGED, "layers"])


@pytest.mark.parametrize(
    ("shown", "then", "effect"),
    [
        (" own", 4.0, 0.0),
        (" own", -2.0, 1.0),
        (" own", 1.0, 0.5),
        (" other", 4.0, 1.0),
        (" other", -2.0, 0.0),
    ],
)
def test_an_effect_is_the_share_of_the_way_to_the_other_text(shown: str, then: float, effect: float) -> None:
    frame = outcomes(("a", 1, "0", True), shown=shown, gap=4.0, gap_then=then, gap_other=-2.0)
    assert only(inside(TRACES, frame, []), reading=EFFECT)["value"] == pytest.approx(effect)


def test_an_effect_is_read_where_the_other_text_has_another_answer() -> None:
    moved = outcomes(("a", 1, "0", True), gap=4.0, gap_then=-2.0, gap_other=-2.0)
    alike = outcomes(("b", 1, "0", False))
    found = only(inside(TRACES, pd.concat([moved, alike]), []), reading=EFFECT)
    assert (found["value"], found["nobs"]) == (1.0, 1)


def test_a_share_is_tested_against_the_floor_with_all_layers_counted() -> None:
    names = [f"q{i}" for i in range(12)]
    traces = pd.DataFrame([CELL | {"trace": name, "reasoning": " own"} for name in names])
    edits = outcomes(*((name, 1, layer, layer == "1") for name in names for layer in ("0", "1")))
    floor = outcomes(*((name, 1, "all", False) for name in names), intervention="sham:variant=inside")
    table = inside(traces, pd.concat([edits, floor]), ["sham:variant=inside"])
    assert only(table, layers="1", reading=CHANGED)["p_holm"] < 0.01
    assert only(table, layers="0", reading=CHANGED)["p_holm"] == 1.0
    floor = floor.assign(same=False)
    table = inside(traces, pd.concat([edits, floor]), ["sham:variant=inside"])
    assert only(table, layers="1", reading=CHANGED)["p_holm"] == 1.0


def test_cells_of_the_map_stand_from_the_end_and_of_long_reasoning_in_tenths() -> None:
    cells = inside_map(TRACES, SWEPT, [])
    assert only(cells, layers="1", at=1)["value"] == 1.0
    assert only(cells, layers="1", at=2)["value"] == 0.5
    long = outcomes(("a", 1, "all", True), ("a", 13, "all", False), ("a", 26, "all", False)).assign(
        n_steps=26
    )
    cells = inside_map(TRACES, long, [])
    assert list(cells["at"]) == [1, 5, 10]
    assert set(cells["unit"]) == {"tenth of the reasoning"}


def test_a_run_without_edits_inside_has_nothing_read_inside() -> None:
    for table in (
        inside(TRACES, SWEPT.assign(inside=False), []),
        inside_map(TRACES, SWEPT.assign(inside=False), []),
    ):
        assert table.empty


def test_divergences_are_those_worked_out_by_hand() -> None:
    assert kl([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert kl([1.0, 0.0], [0.5, 0.5]) == pytest.approx(math.log(2))
    assert kl([0.5, 0.5], [1.0, 0.0]) == pytest.approx(353.5, abs=0.1)  # what is ruled out has e^-708
    assert jensen_shannon([1.0, 0.0], [0.0, 1.0]) == pytest.approx(math.log(2))
    assert jensen_shannon([0.3, 0.7], [0.3, 0.7]) == 0


def test_divergences_are_read_of_lettered_questions_alone() -> None:
    lettered, free = outcomes(("a", 1, "all", True)), outcomes(("b", 1, "all", True))
    lettered = lettered.assign(original_probs=[[1.0, 0.0]], probs=[[0.5, 0.5]])
    table = inside(TRACES, pd.concat([lettered, free]), [])
    assert only(table, reading=KL)["value"] == pytest.approx(math.log(2))
    assert only(table, reading=JENSEN_SHANNON)["nobs"] == 1
    assert KL not in set(inside(TRACES, free, [])["reading"])


def test_written_answers_have_the_divergence_of_their_tokens() -> None:
    frame = outcomes(("a", 0, "all", True), tokens_kl=2.0, tokens_js=0.5, tokens_entropy=0.01)
    table = inside(TRACES, pd.concat([frame, outcomes(("b", 0, "1", True))]), [])
    read = {
        reading: only(table, layers="all", reading=reading) for reading in (TOKENS_KL, TOKENS_JS, ENTROPY)
    }
    assert [one["value"] for one in read.values()] == [2.0, 0.5, 0.01]
    assert only(table, reading=TOKENS_KL)["nobs"] == 1


def test_the_entropy_of_the_own_answer_stands_beside_its_divergence() -> None:
    assert entropy([0.5, 0.25, 0.25]) == pytest.approx(1.5 * math.log(2))
    assert entropy([1.0, 0.0]) == 0
    lettered = outcomes(("a", 1, "all", True)).assign(original_probs=[[0.5, 0.5]], probs=[[1.0, 0.0]])
    assert only(inside(TRACES, lettered, []), reading=ENTROPY)["value"] == pytest.approx(math.log(2))


def test_layers_stand_in_their_order_and_many_of_them_are_shown_as_a_sweep() -> None:
    names = [*map(str, range(12)), "all"]
    table = inside(TRACES, outcomes(*(("a", 1, name, name == "7") for name in names)), [])
    changed = table[table["reading"] == CHANGED]
    assert list(changed["layers"]) == [SWEEP, *names]
    assert set(summary(table)["layers"]) == {SWEEP, "all"}
    few = inside(TRACES, SWEPT, [])
    assert summary(few).equals(few)
