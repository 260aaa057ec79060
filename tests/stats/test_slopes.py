import numpy as np
import pandas as pd
import pytest

from cotfaith.stats.slopes import binomial_slopes
from cotfaith.truth.simulation import Design, by_size


def test_the_binomial_slope_is_that_of_r_geepack() -> None:
    # geepack 1.3.9, R 4.2.2: geeglm(y ~ x, id=q, family=binomial, corstr="independence") on these 18 answers gives
    # the slope 0.69314718056 with the robust standard error 0.433012701892.
    answers = ["001", "011", "101", "000", "010", "111"]
    rows = [
        {
            "task": "t",
            "model": f"m{i}",
            "n_params": 10 ** (4 + i),
            "question": f"q{q}",
            "same_without": a == "1",
            "correct": None,
        }
        for q, line in enumerate(answers)
        for i, a in enumerate(line)
    ]
    slope = binomial_slopes(pd.DataFrame(rows), {}).slope
    assert slope is not None
    assert slope.value == pytest.approx(0.69314718056)
    error = (slope.ci_high - slope.ci_low) / 2 / 2.570582  # Student's 97.5% quantile for 6 questions
    assert 0.433012701892 < error < 1.4 * 0.433012701892  # Mancl and DeRouen's is larger with so few


def test_samples_of_a_question_enter_as_one_share() -> None:
    rng = np.random.default_rng(0)
    shares = dict(zip((1e3, 1e4, 1e5), (0.3, 0.5, 0.7), strict=True))
    once = by_size(rng, Design(40, 4, 0.3), shares)
    first, second = (binomial_slopes(frame, {}).slope for frame in (once, pd.concat([once, once])))
    assert first is not None
    assert second is not None
    assert (first.value, first.ci_low) == pytest.approx((second.value, second.ci_low))
