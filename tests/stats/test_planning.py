import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import TTestPower

from cotfaith.stats import planning
from cotfaith.stats.planning import Components, Cost, Wish, best_samples, components_of
from cotfaith.truth import simulation
from cotfaith.truth.simulation import Design


def test_power_is_that_of_a_paired_test() -> None:
    # 200 questions whose differences have variance .04 + .4/5 = .12
    parts = Components(0.04, 0.4)
    expected = TTestPower().power(0.07 / 0.12**0.5, 200, 0.05)
    assert parts.power(0.07, 200, 5) == pytest.approx(expected, abs=0.005)
    assert parts.power(0, 200, 5) == pytest.approx(0.05)


def test_the_questions_needed_are_those_with_80_percent_power() -> None:
    parts = Components(0.04, 0.4)
    n = parts.questions_for(0.05, samples=5)
    assert parts.power(0.05, n, 5) >= 0.8 > parts.power(0.05, n - 2, 5)
    assert parts.power(parts.detectable(100, 5), 100, 5) == pytest.approx(0.8, abs=1e-3)


def test_a_budget_is_best_divided_where_no_other_division_has_more_power() -> None:
    parts, cost = Components(0.02, 0.4), Cost(question=400, sample=90)
    best = best_samples(parts, cost)

    def error(samples: int) -> float:
        return parts.error(1, samples) ** 2 * cost.of(1, samples)

    assert best == min(range(1, 101), key=error) == 9
    assert best_samples(Components(0.0, 0.4), cost, most=50) == 50
    assert best_samples(Components(0.4, 0.01), cost) == 1


def test_components_of_a_pilot_are_those_it_was_made_with() -> None:
    rng = np.random.default_rng(0)
    design = Design(4000, 4, 0.3)
    easy = simulation.dials(rng, design, 0.5)
    apart = rng.choice([-0.2, 0.2], design.questions)
    shares = (0.3 + 0.4 * easy, 0.3 + 0.4 * easy + apart)
    frames = [
        pd.DataFrame(
            {
                "question": np.repeat(np.arange(design.questions), 4),
                "sample": np.tile(np.arange(4), design.questions),
                "hit": (rng.random((design.questions, 4)) < share[:, None]).ravel(),
            }
        )
        for share in shares
    ]
    parts = components_of(frames[0], frames[1], "hit")
    within = sum((share * (1 - share)).mean() for share in shares)
    assert parts.within == pytest.approx(within, rel=0.03)
    assert parts.between == pytest.approx(0.04, abs=0.008)


def test_a_pilot_gives_costs_and_a_plan_for_floors_and_for_sizes() -> None:
    rows = [
        {"task": "t", "model": m, "n_params": n, "question": f"q{q}", "sample": s, "drawn_tokens": 30, "prompt_tokens": 100, "same_without": (q + s) % 2 == 0}
        for m, n in (("a", 10), ("b", 99))
        for q in range(6)
        for s in range(2)
    ]  # fmt: skip
    traces = pd.DataFrame(rows)
    shared = {"position": 1.0, "resume": False, "logprob": None, "tokens": 30, "resumed_tokens": 0}
    floor = traces.assign(intervention="sham", same=True, **shared)
    edits = traces.assign(
        intervention="edit", same=traces["same_without"], **shared | {"logprob": -1.0, "resumed_tokens": 5}
    )
    wish = Wish(0.1, 100, 5)
    found = planning.plans(traces, pd.concat([floor, edits], ignore_index=True), ["sham"], wish)
    assert [one.comparison for one in found] == [
        "t, a: edit against unedited",
        "t, b: edit against unedited",
        "t: a against b",
    ]
    assert found[0].tokens == 100 * (100 + 5 * (30 + 30 + 5))
    assert found[2].tokens == 2 * 100 * (100 + 5 * 65)
    assert found[2].components.between == 0
    # Without variance between questions more samples are always better; twenty questions stay.
    assert found[2].best_questions == 20
    assert found[2].best_samples == (found[2].tokens / 20 - 200) // 130


def test_a_samples_edits_are_no_independent_samples() -> None:
    rows = [{"question": q, "sample": s, "hit": (q + s) % 2 == 0} for q in range(8) for s in range(4)]
    once = pd.DataFrame(rows)
    often = pd.concat([once] * 5)  # five edits of each sample that agree
    assert components_of(once, once, "hit") == components_of(often, often, "hit")
    alone = once[once["sample"] == 0]
    assert np.isnan(components_of(alone, alone, "hit").within)


def test_a_pilot_without_variance_plans_nothing() -> None:
    found = planning.plan("t", Components(0.0, 0.0), Cost(100, 50), Wish(0.1, 100, 5))
    assert np.isnan(found.power)
    assert found.best_power is None


def test_without_a_pilot_there_is_no_cost() -> None:
    found = planning.plan("guess", planning.GUESS, None, Wish(0.05, 100, 5))
    assert (found.tokens, found.best_samples) == (None, None)
    assert 0 < found.power < 1
