"""Letter bias worked out by hand on a few answers."""

from typing import Any

import pandas as pd
import pytest

from cotfaith.stats.letter_bias import letter_bias

CELL = {"model": "m", "n_params": 10, "task": "t"}
MEASURES = ("same content", "same letter", "accuracy in other orders", "letter bias")


def bias(*answers: str) -> dict[str, Any]:
    """Return the biases of a model that answers two questions of three choices so, in three orders each.

    The first letter is the answer in the original order, the next ones those of rotations 1 and 2.
    """
    traces = pd.DataFrame(
        [
            CELL | {"question": f"q{i}", "sample": 0, "answer_without": a[0], "correct_without": True}
            for i, a in enumerate(answers)
        ]
    )
    rotated = pd.DataFrame(
        [
            CELL
            | {
                "question": f"q{i}",
                "rotation": r,
                "n_choices": 3,
                "answer": a[r],
                "original_letter": "ABC"[("ABC".index(a[r]) + r) % 3],
                "correct": False,
            }
            for i, a in enumerate(answers)
            for r in (1, 2)
        ]
    )
    table = letter_bias(traces, rotated)
    return {row["measure"]: row for row in table.to_dict("records")}


def test_a_model_that_follows_the_letter_has_all_the_bias() -> None:
    found = bias("AAA", "AAA")
    assert [found[name]["value"] for name in MEASURES] == pytest.approx([0, 1, 0, 2 / 3])


def test_a_model_that_follows_the_content_has_none() -> None:
    # The first choice stands last after one rotation, in the middle after two.
    found = bias("ACB", "BAC")
    assert [found[name]["value"] for name in MEASURES] == [1, 0, 0, 0]


def test_by_chance_each_questions_answers_move_on_together() -> None:
    # Two questions of three equal letters each: in 1 of 3 cases they meet in one letter, which is a bias of
    # 2/3, and otherwise they fill two of three letters, which is a bias of 1/3.
    chance = bias("AAA", "BBB")["letter bias by chance"]
    assert chance["value"] == pytest.approx(2 / 3 / 3 + 1 / 3 * 2 / 3, abs=0.02)
    assert (chance["ci_low"], chance["ci_high"]) == pytest.approx((1 / 3, 2 / 3))
    # Answers by content are spread evenly wherever they begin.
    assert bias("ACB", "BAC")["letter bias by chance"]["value"] == 0
