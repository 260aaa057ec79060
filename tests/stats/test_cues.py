"""Following, articulation, agreement, mediation and monitorability, against values worked out by hand."""

import numpy as np
import pytest

from cotfaith.stats import cues
from cotfaith.stats.agreement import agreement
from cotfaith.stats.cues import Pairs, mention_at, natural_pairs, pairs_of, retained_of
from cotfaith.stats.mediation import floor, mediation
from cotfaith.stats.monitoring import chance_level, monitorability

# Four questions of four choices, one draw each; h is B. The first follows, the second goes to C by itself, the
# third stays, the fourth was B already and is in no pair.
ONE_EACH = pairs_of([["A"], ["A"], ["A"], ["B"]], [["B"], ["C"], ["A"], ["B"]], ["B"] * 4, [4] * 4)


def many(followed: int, elsewhere: int, stayed: int, n: int = 4) -> Pairs:
    """Return one pair a question: so many of each kind."""
    kinds = [(1, 0)] * followed + [(0, 1)] * elsewhere + [(0, 0)] * stayed
    p, q = np.array(kinds, dtype=float).T
    return Pairs(np.ones(len(kinds)), p, q, np.full(len(kinds), float(n)))


def test_pairs_are_those_that_are_read_and_do_not_begin_with_the_cue() -> None:
    assert ONE_EACH.pairs.tolist() == [1, 1, 1, 0]
    assert ONE_EACH.followed.tolist() == [1, 0, 0, 0]
    assert ONE_EACH.elsewhere.tolist() == [0, 1, 0, 0]
    unread = pairs_of([["A", None, "B"]], [["B", None]], ["B"], [4])
    assert (unread.pairs[0], unread.followed[0]) == (1, 1)


def test_every_draw_is_paired_with_every_other() -> None:
    # Without: A, A, B; with: B, C. Pairs: (A, B) and (A, C), twice each.
    found = pairs_of([["A", "A", "B"]], [["B", "C"]], ["B"], [4])
    assert (found.pairs[0], found.followed[0], found.elsewhere[0]) == (4, 2, 2)
    # Two draws of one arm, both orders: from A to A twice, from A to B twice; B to A begins with h.
    own = natural_pairs([["A", "A", "B"], ["C"]], ["B", "B"], [4, 4])
    assert own.pairs.tolist() == [4, 0]
    assert own.followed.tolist() == [2, 0]


def test_excess_and_alpha_take_off_what_goes_to_any_one_other_answer_by_itself() -> None:
    # p = 10/20, q = 4/20, n = 4: excess .5 − .2/2 = .4, α = 1 − .2/(2 · .5) = .8.
    pairs = many(10, 4, 6)
    assert cues.followed(pairs).estimate.value == pytest.approx(0.5)
    assert cues.elsewhere(pairs).estimate.value == pytest.approx(0.2)
    assert cues.excess(pairs).estimate.value == pytest.approx(0.4)
    alpha = cues.alpha(pairs).estimate
    assert alpha.value == pytest.approx(0.8)
    assert 0 < alpha.ci_low < 0.8 < alpha.ci_high <= 1
    assert (alpha.nobs, alpha.questions) == (20, 20)


def test_questions_of_different_numbers_of_choices_count_by_their_own() -> None:
    # Σ q/(n−2) = 1/1 + 1/3, Σ p = 4: α = 1 − (4/3)/4 = 2/3; the question with two choices is left out of both.
    pairs = Pairs(
        np.ones(7), np.array([1, 1, 1, 1, 0, 0, 1.0]), np.array([0, 0, 0, 0, 1, 1, 0.0]),
        np.array([3, 3, 5, 5, 3, 5, 2.0]),
    )  # fmt: skip
    assert cues.alpha(pairs).estimate.value == pytest.approx(2 / 3)
    assert cues.excess(pairs).estimate.value == pytest.approx((4 - 4 / 3) / 6)


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        (many(0, 4, 6), cues.NEVER),
        (many(1, 4, 6), cues.NOT_ABOVE),
        (many(2, 4, 6), cues.NOT_ABOVE),
        (many(5, 0, 5, n=2), cues.TWO),
        (Pairs(np.ones(3), np.ones(3), np.zeros(3), np.full(3, np.nan)), cues.OPEN),
        (Pairs(np.zeros(3), np.zeros(3), np.zeros(3), np.full(3, 4.0)), cues.NO_PAIR),
    ],
)
def test_where_alpha_is_undefined_the_reason_stands_there_and_never_a_zero(pairs: Pairs, why: str) -> None:
    for found in (cues.alpha(pairs), cues.normalised(cues.Retained(pairs.followed, pairs.followed), pairs)):
        assert found.undefined == why
        assert np.isnan(found.estimate.value)


def test_f_is_a_share_of_what_is_retained_and_f_star_is_capped() -> None:
    u, h = [["A"]] * 20, [["B"]] * 10 + [["C"]] * 4 + [["A"]] * 6
    said = [[True]] * 6 + [[False]] * 4 + [[True]] * 10
    kept = retained_of(u, h, said, ["B"] * 20)
    assert (kept.retained.sum(), kept.verbalised.sum()) == (10, 6)
    assert cues.faithful(kept).estimate.value == pytest.approx(0.6)
    assert cues.normalised(kept, many(10, 4, 6)).estimate.value == pytest.approx(0.75)
    all_said = retained_of(u, h, [[True]] * 20, ["B"] * 20)
    assert cues.normalised(all_said, many(10, 4, 6)).estimate.value == 1.0


def test_a_draw_without_a_verdict_is_not_retained() -> None:
    kept = retained_of([["A", "C", "B"]], [["B", "B", "C"]], [[True, None, True]], ["B"])
    assert (kept.retained[0], kept.verbalised[0]) == (2, 2)


def test_what_was_never_answered_without_the_cue_is_read_by_itself() -> None:
    draws = [["A", "A"], ["A", "B"]]
    pairs = pairs_of(draws, [["B", "A"], ["B", "B"]], ["B", "B"], [4, 4])
    found = cues.restricted(pairs, draws, ["B", "B"]).estimate
    assert (found.value, found.questions) == (0.5, 1)


@pytest.mark.parametrize(
    ("k", "mentions", "draws", "chance"),
    [(1, 3, 10, 0.3), (2, 3, 10, 8 / 15), (10, 1, 10, 1.0), (3, 0, 5, 0.0)],
)
def test_mention_at_k(k: int, mentions: int, draws: int, chance: float) -> None:
    # 1 − C(7, 2)/C(10, 2) = 1 − 21/45 = 8/15.
    assert mention_at(k, mentions, draws) == pytest.approx(chance)


def test_mention_at_more_than_were_drawn_is_undefined() -> None:
    assert np.isnan(mention_at(6, 1, 5))


def test_agreement_kappa_and_ac1() -> None:
    # 10 items: 6 both yes, 1 both no, 2 yes-no, 1 no-yes. p_o = .7; yes .8 and .7.
    # κ: p_e = .56 + .06 = .62, (.7 − .62)/.38. AC1: π = .75, p_e = .375, (.7 − .375)/.625.
    first = [True] * 6 + [False] + [True] * 2 + [False]
    second = [True] * 6 + [False] + [False] * 2 + [True]
    found = agreement(first, second, list("abcdefghij"))
    assert found.agree.estimate.value == pytest.approx(0.7)
    assert found.kappa.estimate.value == pytest.approx(0.08 / 0.38)
    assert found.ac1.estimate.value == pytest.approx(0.325 / 0.625)
    assert found.yes == pytest.approx((0.8, 0.7))
    assert found.kappa.estimate.ci_low < 0.08 / 0.38 < found.kappa.estimate.ci_high


def test_kappa_is_undefined_where_both_always_say_yes_and_ac1_is_one() -> None:
    found = agreement([True] * 5, [True] * 5, list("abcde"))
    assert found.kappa.undefined == "both say the same of every item"
    assert found.ac1.estimate.value == 1


def test_effects_of_prompt_and_reasoning_add_up() -> None:
    y = {(0, 0): 0.1, (0, 1): 0.3, (1, 0): 0.6, (1, 1): 0.9}
    rng = np.random.default_rng(0)
    found = mediation({place: value + rng.normal(0, 0.01, 40) for place, value in y.items()})
    values = [found.total, found.direct, found.indirect, found.total_indirect, found.interaction]
    assert [one.value for one in values] == pytest.approx([0.8, 0.5, 0.2, 0.3, 0.1], abs=0.01)
    assert found.total.value == pytest.approx(
        found.direct.value + found.indirect.value + found.interaction.value
    )
    assert found.share.estimate.value == pytest.approx(0.25, abs=0.02)


def test_a_share_of_no_effect_is_not_told_and_questions_without_a_cell_are_left_out() -> None:
    rng = np.random.default_rng(0)
    cells = {place: rng.normal(0.3, 0.1, 20) for place in ((0, 0), (0, 1), (1, 0), (1, 1))}
    cells[1, 0][:5] = np.nan
    found = mediation(cells)
    assert found.total.questions == 15
    assert found.share.undefined == "the total effect is not clear of 0"


def test_two_halves_of_the_draws_without_a_cue_are_the_floor() -> None:
    found = floor([[0.2, 0.4, 0.2], [0.3, 0.3], [0.9]])
    assert found.value == pytest.approx(0.1)
    assert found.questions == 2


def test_monitorability_against_its_own_chance_level() -> None:
    # Without: 10 traces, 1 answers h, 2 flagged. With: 10, of which 6 answer h and 4 are flagged of these; of
    # the other 4 one is. TE = .5, s = 5/6; TPR = (4/6)/(5/6) = .8; TNR = √(.8 · .75).
    x = np.array([0] * 10 + [1] * 10, dtype=float)
    y = np.array([1] + [0] * 9 + [1] * 6 + [0] * 4, dtype=float)
    z = np.array([1, 1] + [0] * 8 + [1] * 4 + [0] * 2 + [1] + [0] * 3, dtype=float)
    found = monitorability(x, y, z, [str(i) for i in range(20)])
    assert found.tpr == pytest.approx(0.8)
    assert found.tnr == pytest.approx((0.8 * 0.75) ** 0.5)
    assert found.value == pytest.approx(0.8 * 0.6**0.5)
    assert found.fires == pytest.approx(7 / 20)
    assert found.chance == pytest.approx(0.35 / (5 / 6) * 0.65)
    assert found.draws == (10, 10)


def test_without_an_effect_there_is_nothing_to_monitor() -> None:
    x, y, z = (np.array(v, dtype=float) for v in ([0, 0, 1, 1], [1, 0, 0, 1], [0, 0, 1, 1]))
    assert monitorability(x, y, z, list("abcd")).undefined.startswith("the cue has no effect")


def test_an_empty_arm_counts_one_and_chance_is_no_fixed_number() -> None:
    x, y, z = (np.array(v, dtype=float) for v in ([0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]))
    assert monitorability(x, y, z, list("abcd")).value == 1.0
    assert chance_level(0.5, 1.0) == 0.25
    assert chance_level(0.5, 0.5) == 0.5
