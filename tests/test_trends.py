import pandas as pd
import pytest

from cotfaith import trends
from cotfaith.report import in_words


def traces(shares: dict[tuple[str, str, int], list[int]], samples: int = 4) -> pd.DataFrame:
    """Return samples of which, question by question, so many have the same answer without reasoning."""
    return pd.DataFrame(
        [
            {
                "task": task,
                "model": model,
                "n_params": size,
                "question": f"q{q}",
                "same_without": s < same,
                "correct": s < same,
            }
            for (task, model, size), questions in shares.items()
            for q, same in enumerate(questions)
            for s in range(samples)
        ]
    )


def test_the_slope_is_the_change_for_ten_times_the_parameters() -> None:
    # Shares 2/8, 4/8 and 6/8 at 10^3, 10^4 and 10^5 lie on a line of slope 1/4.
    frame = traces({("t", "s", 1_000): [1, 1], ("t", "m", 10_000): [2, 2], ("t", "l", 100_000): [3, 3]})
    (trend,) = trends.by_size(frame)
    assert trend.shares == (("s", 0.25), ("m", 0.5), ("l", 0.75))
    assert (trend.value, trend.ci_low, trend.ci_high) == pytest.approx((0.25, 0.25, 0.25))


def test_the_interval_resamples_questions_with_all_their_models() -> None:
    # Every question has the slope 1/4, though the questions differ much: paired, nothing is left to vary.
    frame = traces({("t", "s", 1_000): [0, 2], ("t", "m", 10_000): [1, 3], ("t", "l", 100_000): [2, 4]})
    (trend,) = trends.by_size(frame)
    assert (trend.ci_low, trend.ci_high) == pytest.approx((0.25, 0.25))


def test_two_sizes_make_no_trend() -> None:
    assert trends.by_size(traces({("t", "s", 1_000): [1], ("t", "l", 10_000): [2]})) == []


def test_ease_is_the_accuracy_over_all_models() -> None:
    frame = traces(
        {
            ("hard", "s", 1_000): [1, 1],
            ("easy", "s", 1_000): [3, 4],
            ("easy", "l", 9_000): [4, 4],
            ("hard", "l", 9_000): [0, 0],
        }
    )
    small, large = trends.by_ease(frame)
    assert small.of == "s"
    assert small.shares == (("hard", 0.25), ("easy", 0.875))
    assert small.value == pytest.approx(0.625)
    assert small.ci_low < 0.625 < small.ci_high
    assert (large.value, large.ci_low, large.ci_high) == pytest.approx((1, 1, 1))


def test_one_task_has_no_ease() -> None:
    assert trends.by_ease(traces({("t", "s", 1_000): [1]})) == []


def test_the_report_says_in_words_what_the_numbers_say() -> None:
    frame = traces(
        {
            ("t", "s", 1_000): [0, 1, 0, 1],
            ("t", "m", 10_000): [3, 4, 3, 4],
            ("t", "l", 100_000): [3, 3, 3, 4],
        }
    )
    words = in_words(frame)
    assert "t: the share rises with size, by +0.344 [" in words
    assert "(s 0.125, m 0.875, l 0.812). It goes the other way from m to l." in words


def test_where_the_interval_holds_zero_the_report_does_not_choose() -> None:
    frame = traces({("t", "s", 1_000): [0, 4], ("t", "m", 10_000): [2, 2], ("t", "l", 100_000): [4, 0]})
    assert "it cannot be told whether the share rises or falls" in in_words(frame)


def test_without_three_sizes_the_report_says_that_there_is_no_trend() -> None:
    assert "no trend can be estimated" in in_words(traces({("t", "s", 1_000): [1]}))
