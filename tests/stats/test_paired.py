import numpy as np
import pytest
from scipy.stats import binomtest, norm, permutation_test, ttest_rel

from cotfaith.stats.intervals import clustered_error, detectable, detectable_from
from cotfaith.stats.paired import difference, holm, mcnemar_exact, sign_flip


def test_the_sign_flip_test_is_scipys_permutation_test_of_paired_samples() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random(11), rng.random(11) + 0.2
    exact = permutation_test(
        (second - first,), lambda x, axis: x.mean(axis=axis), permutation_type="samples", n_resamples=np.inf
    )
    # Of 2^11 sign vectors only the observed one and its opposite are as far from 0; each counts half.
    assert sign_flip(second - first, seed=0) == pytest.approx(exact.pvalue - 1 / 2**11)


def test_ties_count_half() -> None:
    # Sums of ±1, ±1: 2, 0, 0, -2, of which 2 and -2 are as far as the observed 2.
    assert sign_flip(np.array([1.0, 1.0]), seed=0) == (0 + 2 / 2) / 4
    # Of ±1 and ±2 every sum but ±3 is nearer than 3.
    assert sign_flip(np.array([1.0, 2.0]), seed=0) == (0 + 2 / 2) / 4
    assert sign_flip(np.array([-1.0, 2.0]), seed=0) == (2 + 2 / 2) / 4


def test_with_many_questions_signs_are_drawn_and_the_observed_ones_count() -> None:
    clear = np.full(60, 0.3)
    assert sign_flip(clear, seed=0) == 0.5 / 10_001
    assert sign_flip(np.zeros(60), seed=0) == 1
    apart = np.random.default_rng(0).normal(0.15, 1, 400)
    assert sign_flip(apart, seed=0) == pytest.approx(ttest_rel(apart, np.zeros(400)).pvalue, abs=0.01)


def test_a_difference_is_of_question_means_and_leaves_out_what_was_not_asked_twice() -> None:
    first = np.array([0.0, 0.5, 1.0, np.nan, 0.2])
    second = np.array([0.5, 1.0, 1.0, 1.0, np.nan])
    found = difference(first, second, seed=0)
    assert found.value == pytest.approx(1 / 3)
    assert found.questions == 3
    assert found.ci_low < 1 / 3 < found.ci_high
    assert found.detectable == pytest.approx(
        (norm.ppf(0.975) + norm.ppf(0.8)) * np.std([0.5, 0.5, 0], ddof=1) / 3**0.5
    )


def test_where_all_questions_agree_a_difference_still_has_an_interval() -> None:
    found = difference(np.zeros(30), np.zeros(30), seed=0)
    assert found.value == 0
    assert found.ci_low == -found.ci_high < 0
    assert found.detectable == pytest.approx(found.ci_high)
    assert not found.clear


def test_without_a_shared_question_nothing_is_estimated() -> None:
    found = difference(np.array([np.nan]), np.array([1.0]), seed=0)
    assert found.questions == 0
    assert np.isnan([found.value, found.p]).all()


def test_mcnemars_test_is_the_binomial_test_of_the_discordant_questions() -> None:
    first = [True] * 10 + [False] * 9 + [True] * 6
    second = [True] * 10 + [True] * 9 + [False] * 6
    assert mcnemar_exact(first, second) == pytest.approx(binomtest(6, 15).pvalue)


def test_holm_multiplies_by_what_is_left_and_never_decreases() -> None:
    # .01·3, then max(.03·2, .03), then max(.04·1, .06)
    assert holm([0.04, 0.01, float("nan"), 0.03]) == pytest.approx([0.06, 0.03, np.nan, 0.06], nan_ok=True)
    assert holm([]) == []


def test_the_cluster_robust_error_is_that_of_the_means_of_equal_clusters() -> None:
    successes = np.array([1.0, 3.0, 4.0, 0.0, 2.0])
    error = clustered_error(successes, np.full(5, 4.0))
    assert error == pytest.approx(np.std(successes / 4, ddof=1) / 5**0.5)
    assert np.isnan(clustered_error(np.array([1.0]), np.array([2.0])))


def test_the_detectable_effect_is_that_of_80_percent_power() -> None:
    assert detectable(0.1) == pytest.approx(0.28016, abs=1e-5)
    assert detectable_from(-0.196, 0.196) == pytest.approx(0.28016, abs=1e-4)
