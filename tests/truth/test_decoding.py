"""The linear probe, against values worked out by hand and by another library."""

import numpy as np
import pytest

from cotfaith.truth.decoding import UNTRAINED, decoded, explained, ridge


def test_a_probe_of_one_feature_is_worked_out_by_hand() -> None:
    states, values = np.array([[0.0], [2.0]]), np.array([10.0, 30.0])
    # Standardised: -1 and 1; weights 20 / (2 + 2) = 5 around 20.
    assert ridge(states, values, np.array([[2.0], [1.0], [4.0]]), penalty=2.0) == pytest.approx([25, 20, 35])


def test_without_a_penalty_it_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    states, values, others = rng.normal(size=(40, 3)), rng.normal(size=40), rng.normal(size=(5, 3))
    with_one = np.column_stack([np.ones(40), states])
    weights = np.linalg.lstsq(with_one, values, rcond=None)[0]
    expected = np.column_stack([np.ones(5), others]) @ weights
    assert ridge(states, values, others, penalty=1e-9) == pytest.approx(expected, abs=1e-6)


def test_variance_explained_is_none_of_the_mean_and_all_of_the_values() -> None:
    values = np.array([1.0, 2.0, 6.0])
    assert explained(values, values) == 1
    assert explained(values, np.full(3, 3.0)) == 0


def test_the_sum_is_decoded_from_untrained_weights_too() -> None:
    last = list(decoded(UNTRAINED))[-1]
    assert float(str(last["probe, variance explained"])) > 0.8
