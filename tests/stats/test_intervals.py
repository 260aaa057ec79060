import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from cotfaith.stats.intervals import cluster_bootstrap, proportion


def test_a_proportion_is_the_share_of_all_outcomes() -> None:
    estimate = proportion(np.array([1.0, 2.0, 0.0, 0.0]), np.array([2.0, 2.0, 4.0, 0.0]), seed=0)
    assert estimate.value == 3 / 8
    assert (estimate.nobs, estimate.questions) == (8, 3)
    assert 0 <= estimate.ci_low < 3 / 8 < estimate.ci_high <= 1


def test_the_interval_is_as_wide_as_the_cluster_standard_error_says() -> None:
    # With equal cluster sizes the cluster-robust standard error is the standard error of the cluster means.
    rng = np.random.default_rng(1)
    shares = rng.beta(2, 3, size=400)
    successes = rng.binomial(10, shares).astype(float)
    estimate = proportion(successes, np.full(400, 10.0), seed=0, draws=8000)
    error = (successes / 10).std() / np.sqrt(400)
    assert estimate.ci_high - estimate.ci_low == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_samples_of_one_question_are_not_independent_observations() -> None:
    alike = np.repeat([0.0, 100.0], 10)
    wide = proportion(alike, np.full(20, 100.0), seed=0)
    naive_low, naive_high = proportion_confint(1000, 2000)
    assert wide.ci_high - wide.ci_low > 5 * (naive_high - naive_low)


@pytest.mark.parametrize("every", [0.0, 1.0])
def test_where_all_agree_the_interval_is_wilsons_over_questions(every: float) -> None:
    estimate = proportion(np.full(12, 5 * every), np.full(12, 5.0), seed=0)
    low, high = proportion_confint(12 * every, 12, method="wilson")
    assert (estimate.value, estimate.nobs, estimate.questions) == (every, 60, 12)
    assert estimate.ci_low == pytest.approx(low)
    assert estimate.ci_high == pytest.approx(high)
    assert estimate.ci_high - estimate.ci_low > 0.2


def test_without_an_outcome_nothing_is_estimated() -> None:
    estimate = proportion(np.zeros(3), np.zeros(3), seed=0)
    assert np.isnan([estimate.value, estimate.ci_low, estimate.ci_high]).all()
    assert estimate.nobs == 0


def test_the_same_seed_gives_the_same_interval() -> None:
    counts = np.random.default_rng(0).random((30, 2))
    first, again, other = (cluster_bootstrap(counts, lambda s: s[:, 0] / s[:, 1], seed) for seed in (1, 1, 2))
    assert first == again
    assert first[1:] != other[1:]


def test_draws_in_which_a_statistic_is_undefined_are_left_out() -> None:
    counts = np.array([[1.0, 1.0], [0.0, 0.0]])
    with np.errstate(invalid="ignore"):
        value, low, high = cluster_bootstrap(counts, lambda s: s[:, 0] / s[:, 1], seed=0)
    assert (value, low, high) == (1, 1, 1)
