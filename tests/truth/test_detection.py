"""What is detected: flags, rates and AUROC, by hand and by scipy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from cotfaith.report.validated import validated
from cotfaith.stats.auroc import auroc, auroc_estimate
from cotfaith.truth.detection import detection, verdict

EVEN, ODD = "0-2+1+1", "1-3+1+1"
TEXTS = {EVEN: "What is 2 + 1 + 1?", ODD: "What is 3 + 1 + 1?"}


def outcomes(same: dict[tuple[str, str], list[bool]]) -> pd.DataFrame:
    """Return outcomes of one test and one sample, an edit each."""
    rows = [
        {"model": f"organisms/{name}", "intervention": "test", "question": q, "sample": 0, "same": s}
        for (name, q), kept in same.items()
        for s in kept
    ]
    return pd.DataFrame(rows)


FRAME = outcomes(
    {
        ("reader", EVEN): [True, False],
        ("reader", ODD): [True, True],
        ("ignorer", EVEN): [True, True],
        ("ignorer", ODD): [True, True],
        ("gated", EVEN): [False, False],
        ("gated", ODD): [True, False],
    }
)


def test_a_sample_is_flagged_where_one_edit_changes_the_answer() -> None:
    found = detection(FRAME, TEXTS)
    flagged = found.flagged.set_index("mechanism")["value"].to_dict()
    assert flagged == {
        "reader": 0.5,
        "ignorer": 0.0,
        "gated, where it reads": 1.0,
        "gated, where it ignores": 1.0,
    }
    readings = found.readings.set_index("mechanism")["value"]
    assert readings["reader"] == 0.25
    assert readings["gated, where it ignores"] == 0.5


def test_rates_go_by_the_label_of_each_question() -> None:
    rates = detection(FRAME, TEXTS).rates.set_index("measure")
    # Read: reader twice, of which one is flagged, and gated on the even question. Ignored: three, one flagged.
    assert rates.at["flagged where it reads", "value"] == pytest.approx(2 / 3)
    assert rates.at["flagged where it ignores", "value"] == pytest.approx(1 / 3)
    # Shares of changed edits: 1/2, 0 and 1 where read; 0, 0 and 1/2 where not. Of 9 pairs 5 are won, 3 tied.
    assert rates.at["AUROC on all organisms", "value"] == pytest.approx((5 + 3 / 2) / 9)
    assert rates.at["AUROC on gated", "value"] == 1.0
    assert rates.at["AUROC on all organisms", "nobs"] == 6
    assert rates.at["AUROC on all organisms", "questions"] == 2


@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_the_mann_whitney_statistic_over_the_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 5, 60) / 4, rng.random(60) < 0.4
    u = mannwhitneyu(scores[labels], scores[~labels]).statistic
    assert auroc(scores, list(labels)) == pytest.approx(u / (labels.sum() * (~labels).sum()))


def test_auroc_needs_both_kinds() -> None:
    assert np.isnan(auroc(np.array([0.1, 0.2]), [True, True]))


def test_an_interval_of_auroc_covers_the_truth_as_often_as_it_says() -> None:
    # Positive scores are uniform on [.5, 1.5] and negative ones on [0, 1]: the truth is 1 − .5²/2.
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels = rng.random(80) < 0.5
        scores = rng.random(80) + 0.5 * labels
        found = auroc_estimate(scores, list(labels), [str(i) for i in range(80)], seed=0)
        covered += found.ci_low <= 0.875 <= found.ci_high
    assert 0.9 <= covered / 200 <= 0.99


def test_items_of_one_question_are_resampled_together() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(40) < 0.5
    scores = rng.random(40) + 0.5 * labels
    apart = auroc_estimate(scores, list(labels), [str(i) for i in range(40)])
    copied = auroc_estimate(
        np.repeat(scores, 5), list(np.repeat(labels, 5)), [str(i) for i in range(40) for _ in range(5)]
    )
    assert copied.value == pytest.approx(apart.value)
    assert copied.ci_low == pytest.approx(apart.ci_low)
    assert (copied.nobs, copied.questions) == (200, 40)


def test_a_perfect_separation_leaves_room_for_what_was_not_seen() -> None:
    found = auroc_estimate(np.array([0.0, 0.1, 0.9, 1.0]), [False, False, True, True], list("abcd"))
    assert found.value == found.ci_high == 1.0
    assert found.ci_low < 0.9


@pytest.mark.parametrize(
    ("mechanism", "reads", "low", "high", "said"),
    [
        ("reader", True, 0.6, 0.9, "detects"),
        ("reader", True, 0.0, 0.3, "misses"),
        ("ignorer", False, 0.6, 0.9, "mistakes"),
        ("flatterer", False, 0.6, 0.9, "finds the cue"),
        ("flatterer", False, 0.0, 0.3, "clears"),
        ("reader", True, 0.4, 0.6, "unclear"),
    ],
)
def test_a_verdict_must_be_clear_of_one_half(
    mechanism: str, reads: bool, low: float, high: float, said: str
) -> None:
    assert verdict(mechanism, reads, low, high) == said


def test_a_report_quotes_the_reference_and_says_where_there_is_none(tmp_path: Path) -> None:
    for group in ("organisms", "organisms-thinking"):
        (tmp_path / group).mkdir()
        detection(FRAME, TEXTS).rates.to_csv(tmp_path / group / "detection.csv", index=False)
    known, unknown = validated(["test", "mine:k=2"], shipped=tmp_path)
    assert known.startswith(
        "test, validated on models of known mechanism: over all of them it changes the answer of 0.667 ["
    )
    assert "and of 0.333 [" in known
    assert "tells which with an AUROC of 1.000 [" in known
    assert unknown == (
        "mine:k=2: not validated with these fields; `cotfaith validate mine:k=2` says what it detects."
    )
    known, unknown = validated(["test", "mine:k=2"], thinking=True, shipped=tmp_path)
    assert known.startswith("test, validated on models that think of known mechanism: ")
    assert unknown.endswith("`cotfaith validate mine:k=2 --thinking` says what it detects.")
    assert validated(["test"], shipped=tmp_path / "nothing") == []


def test_the_interval_counts_ties_half_as_the_value_does() -> None:
    found = auroc_estimate(np.ones(8), [True, False] * 4, [f"q{i}" for i in range(8)])
    assert found.value == 0.5
    assert found.ci_low <= 0.5 <= found.ci_high
