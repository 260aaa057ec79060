import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import t
from statsmodels.genmod.generalized_estimating_equations import GEE

from cotfaith.stats.slopes import binomial_slopes, slopes_of
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


def clustered(rng: np.random.Generator, questions: int = 12) -> pd.DataFrame:
    """Return several outcomes a (question, model), true or false."""
    counts = rng.integers(1, 6, size=(questions, 3))
    return pd.DataFrame(
        [
            {"question": f"q{q}", "n_params": 10.0 ** (4 + m), "share": float(rng.random() < 0.3 + 0.15 * m)}
            for q in range(questions)
            for m in range(3)
            for _ in range(counts[q, m])
        ]
    )


def by_statsmodels(frame: pd.DataFrame) -> tuple[float, float]:
    """Return the slope and its bias-reduced standard error, of outcomes that count once each."""
    design = np.column_stack([np.ones(len(frame)), np.log10(frame["n_params"])])
    groups = pd.factorize(frame["question"])[0]
    fit = GEE(frame["share"], design, groups=groups, family=sm.families.Binomial()).fit(
        cov_type="bias_reduced"
    )
    return float(fit.params.iloc[1]), float(fit.bse.iloc[1])


def test_outcomes_that_count_once_have_the_standard_error_of_statsmodels() -> None:
    frame = clustered(np.random.default_rng(1))
    slope = slopes_of(frame.assign(weight=1.0), ()).slope
    assert slope is not None
    value, error = by_statsmodels(frame)
    assert slope.value == pytest.approx(value, rel=1e-6)
    assert (slope.ci_high - slope.ci_low) / 2 / t.ppf(0.975, 11) == pytest.approx(error, rel=1e-6)


def test_a_share_with_its_weight_is_what_its_outcomes_are_one_by_one() -> None:
    frame = clustered(np.random.default_rng(2))
    cells = frame.groupby(["question", "n_params"], as_index=False).agg(
        share=("share", "mean"), weight=("share", "size")
    )
    slope = slopes_of(cells, ()).slope
    assert slope is not None
    value, error = by_statsmodels(frame)
    assert slope.value == pytest.approx(value, rel=1e-5)
    assert (slope.ci_high - slope.ci_low) / 2 / t.ppf(0.975, 11) == pytest.approx(error, rel=1e-5)
