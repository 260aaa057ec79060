import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from cotfaith.stats.sizes import by_ease, by_size


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


def many(shares: tuple[float, ...], questions: int = 40, seed: int = 0) -> pd.DataFrame:
    """Return models of 10^3, 10^4, ... parameters, each with the shares' mean of the same answers."""
    rng = np.random.default_rng(seed)
    models = {("t", f"m{i}", 10 ** (3 + i)): share for i, share in enumerate(shares)}
    return traces({name: list(rng.binomial(4, share, questions)) for name, share in models.items()})


def test_the_slope_is_the_change_for_ten_times_the_parameters() -> None:
    # Shares 2/8, 4/8 and 6/8 at 10^3, 10^4 and 10^5 lie on a line of slope 1/4.
    frame = traces({("t", "s", 1_000): [1, 1], ("t", "m", 10_000): [2, 2], ("t", "l", 100_000): [3, 3]})
    (found,) = by_size(frame, {})
    assert found.shares == (("s", 0.25), ("m", 0.5), ("l", 0.75))
    assert found.trend is not None
    assert found.trend.value == pytest.approx(0.25)


def test_the_interval_resamples_questions_with_all_their_models() -> None:
    # Every question has the slope 1/4, though the questions differ much: paired, nothing is left to vary.
    frame = traces({("t", "s", 1_000): [0, 2], ("t", "m", 10_000): [1, 3], ("t", "l", 100_000): [2, 4]})
    (found,) = by_size(frame, {})
    assert found.trend is not None
    unseen = proportion_confint(0, 2, method="wilson")[1]  # what two questions that agree cannot exclude
    assert (found.trend.ci_low, found.trend.ci_high) == pytest.approx((0.25 - unseen / 2, 1 / 2))


def test_two_sizes_make_no_trend() -> None:
    (found,) = by_size(traces({("t", "s", 1_000): [1, 3], ("t", "l", 10_000): [2, 4]}), {})
    assert (found.trend, found.slope, found.turn) == (None, None, None)
    ((smaller, larger, apart),) = found.neighbours
    assert (smaller, larger, apart.value) == ("s", "l", 0.25)
    assert by_size(traces({("t", "s", 1_000): [1, 3]}), {}) == []


def test_ease_is_the_accuracy_over_all_models() -> None:
    frame = traces(
        {
            ("hard", "s", 1_000): [1, 1],
            ("easy", "s", 1_000): [3, 4],
            ("easy", "l", 9_000): [4, 4],
            ("hard", "l", 9_000): [0, 0],
        }
    )
    small, large = by_ease(frame)
    assert small.of == "s"
    assert small.shares == (("hard", 0.25), ("easy", 0.875))
    assert small.value == pytest.approx(0.625)
    assert small.ci_low < 0.625 < small.ci_high
    assert (large.value, large.ci_high) == (1, 1)


def test_one_task_has_no_ease() -> None:
    assert by_ease(traces({("t", "s", 1_000): [1]})) == []


def test_where_a_size_always_gives_the_same_answer_there_is_no_finite_slope() -> None:
    frame = traces({("t", "s", 1_000): [0] * 9, ("t", "m", 10_000): [4] * 9, ("t", "l", 100_000): [4] * 9})
    (found,) = by_size(frame, {})
    assert found.slope is None
    assert found.trend is not None


def test_accuracy_and_letter_bias_are_covariates_where_they_are_known_and_vary() -> None:
    frame = many((0.2, 0.4, 0.6, 0.8))
    rng = np.random.default_rng(1)
    frame = frame.assign(correct=rng.random(len(frame)) < 0.6)
    bias = {("t", f"m{i}"): b for i, b in enumerate((0.1, 0.4, 0.2, 0.3))}
    (found,) = by_size(frame, bias)
    assert found.covariates == ("accuracy", "letter_bias")
    (found,) = by_size(frame, {})
    assert found.covariates == ("accuracy",)
    assert found.slope is not None
    assert found.adjusted is not None
    assert found.adjusted.value == pytest.approx(found.slope.value, abs=0.3)  # accuracy here is unrelated
    (found,) = by_size(frame.assign(correct=None), {})
    assert (found.covariates, found.adjusted) == ((), None)


@pytest.mark.parametrize(
    ("shares", "kind", "clear"),
    [
        ((0.8, 0.3, 0.4, 0.9), "dip", True),
        ((0.1, 0.2, 0.8, 0.3), "peak", True),
        ((0.1, 0.3, 0.6, 0.9), None, False),
        ((0.9, 0.45, 0.55), "dip", False),
    ],
)
def test_a_turn_is_a_middle_size_beyond_both_ends(
    shares: tuple[float, ...], kind: str | None, clear: bool
) -> None:
    (found,) = by_size(many(shares), {})
    assert (found.turn.kind if found.turn else None) == kind
    assert (found.turn is not None and found.turn.p < 0.05) is clear


def test_tasks_share_the_error_by_holms_rule() -> None:
    frames = [many((0.4, 0.5, 0.55), questions=25, seed=s).assign(task=f"t{s}") for s in range(3)]
    found = by_size(pd.concat(frames), {})
    raw = [one.slope.p for one in found if one.slope]
    corrected = [one.slope.p_holm for one in found if one.slope]
    assert min(corrected) == pytest.approx(min(1, 3 * min(raw)))
    assert all(after >= before for before, after in zip(raw, corrected, strict=True))
