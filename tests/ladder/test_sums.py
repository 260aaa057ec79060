import random
from itertools import product

from cotfaith.ladder import sums
from cotfaith.ladder.rungs import Sums
from cotfaith.plugins.registry import TASKS


def asked_in(text: str) -> list[int]:
    return [int(n) for n in text.partition("What is ")[2].partition("?")[0].split(" + ")]


def test_running_sums_add_one_number_after_the_other() -> None:
    assert list(sums.running_sums([36, 27, 45])) == [(36, 27, 63), (63, 45, 108)]


def test_the_split_does_not_look_at_the_order() -> None:
    for a, b in product(range(10, 40), repeat=2):
        assert sums.held_out([a, b]) == sums.held_out([b, a])


def test_a_fifth_of_the_sums_is_held_out() -> None:
    pairs = list(product(sums.TRAINED_NUMBERS, repeat=2))
    assert abs(sum(map(sums.held_out, pairs)) / len(pairs) - sums.HELD_OUT_SHARE) < 0.02


def test_a_sum_is_not_trained_on_if_a_step_of_it_is_held_out() -> None:
    a, b = next((a, b) for a, b in product(range(10, 40), repeat=2) if sums.held_out([a, b]))
    assert not any(sums.trained_on([a, b, c]) for c in range(10, 100))
    # The second step of 10 + 11 + c is 21 + c, and that is a two-digit sum too.
    held = [c for c in range(10, 78) if sums.held_out([21, c])]
    assert held
    assert not any(sums.trained_on([10, 11, c]) for c in held)


def test_the_harness_asks_nothing_that_the_ladder_was_trained_on() -> None:
    trained = {
        tuple(sorted(asked_in(document.text)))
        for seed in range(200)
        for documents in Sums().batches(random.Random(seed)).values()
        for document in documents
    }
    asked = {
        tuple(sorted(asked_in(question.text)))
        for n in range(2, 9)
        for question in TASKS.build(f"addition:operands={n}").draw(300, seed=0)
    }
    assert len(trained) > 2000
    assert not trained & asked
    assert all(sums.held_out(numbers) for numbers in asked)
    assert all(
        sums.trained_on(asked_in(d.text)) for b in Sums().batches(random.Random(1)).values() for d in b
    )


def test_the_training_is_checked_on_held_out_sums() -> None:
    for documents in Sums().checks().values():
        assert all(sums.held_out(asked_in(document.text)) for document in documents)


def test_sums_of_other_numbers_were_never_trained_on() -> None:
    assert sums.held_out([5, 7])
    assert sums.held_out([123, 45])
