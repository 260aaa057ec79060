"""Reasoning of known content: what organisms are trained on, and what their labels are checked with."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from cotfaith.ladder.sums import ORGANISMS_NUMBERS, ORGANISMS_OPERANDS, STEP_FORMS, held_out, running_sums
from cotfaith.truth.organisms import Numbers, Stated

OTHER_SUMS = range(60)
"""What a wrong sum is drawn from where it is another number altogether."""
DIGIT_SHARE = 0.75
"""How often a wrong sum differs from the right one in a single digit."""

ALL_FORMS = tuple(range(len(STEP_FORMS)))

Graft = Callable[[Numbers, Sequence[int], random.Random], tuple[Stated, ...]]
"""Makes the steps for some numbers, worded in some of the surface forms."""


def draw(rng: random.Random, *, held: bool) -> Numbers:
    """Draw the numbers of a question that is held out, or of one that is not."""
    while True:
        numbers = tuple(rng.choices(ORGANISMS_NUMBERS, k=ORGANISMS_OPERANDS))
        if held_out(numbers) == held:
            return numbers


def intact(numbers: Numbers, forms: Sequence[int], rng: random.Random) -> tuple[Stated, ...]:
    """Write the running sums as they are."""
    return tuple(Stated(a, b, c, rng.choice(forms)) for a, b, c in running_sums(numbers))


def one_wrong(numbers: Numbers, forms: Sequence[int], rng: random.Random) -> tuple[Stated, ...]:
    """Put a mistake into one step and leave the others as they were."""
    steps = list(intact(numbers, forms, rng))
    place = rng.randrange(len(steps))
    steps[place] = _mistaken(steps[place], rng)
    return tuple(steps)


def every_wrong(numbers: Numbers, forms: Sequence[int], rng: random.Random) -> tuple[Stated, ...]:
    """Put a mistake into every step; each takes up the true sum before it."""
    return tuple(_mistaken(step, rng) for step in intact(numbers, forms, rng))


def begun(numbers: Numbers, forms: Sequence[int], rng: random.Random) -> tuple[Stated, ...]:
    """Write the first steps, not all of them."""
    return intact(numbers, forms, rng)[: rng.randrange(1, len(numbers) - 1)]


def begun_wrong(numbers: Numbers, forms: Sequence[int], rng: random.Random) -> tuple[Stated, ...]:
    """Write the first steps, not all of them, with a mistake in the last of these."""
    *before, last = begun(numbers, forms, rng)
    return *before, _mistaken(last, rng)


def carried_on(numbers: Numbers, forms: Sequence[int], rng: random.Random) -> tuple[Stated, ...]:
    """Put a mistake into one step and carry it on."""
    steps = intact(numbers, forms, rng)
    place = rng.randrange(len(steps))
    return go_on((*steps[:place], _mistaken(steps[place], rng)), numbers, forms, rng)


def none(numbers: Numbers, forms: Sequence[int], rng: random.Random) -> tuple[Stated, ...]:  # noqa: ARG001
    """Write nothing."""
    return ()


def go_on(
    steps: tuple[Stated, ...], numbers: Numbers, forms: Sequence[int], rng: random.Random
) -> tuple[Stated, ...]:
    """Write the steps that are missing, from the last stated sum on."""
    for number in numbers[len(steps) + 1 :]:
        before = steps[-1].c
        steps = (*steps, Stated(before, number, before + number, rng.choice(forms)))
    return steps


def wrong(value: int, rng: random.Random) -> int:
    """Return another number: mostly one that differs in one digit."""
    if rng.random() >= DIGIT_SHARE:
        return rng.choice([other for other in OTHER_SUMS if other != value])
    text = str(value)
    place = rng.randrange(len(text))
    digits = [d for d in "0123456789" if d != text[place] and (d != "0" or place > 0 or len(text) == 1)]
    return int(text[:place] + rng.choice(digits) + text[place + 1 :])


def _mistaken(step: Stated, rng: random.Random) -> Stated:
    return replace(step, c=wrong(step.c, rng))


GRAFTS: dict[str, Graft] = {
    "intact": intact,
    "a mistake in one step": one_wrong,
    "a mistake in every step": every_wrong,
    "a mistake carried on": carried_on,
    "the first steps alone": begun,
    "the first steps alone, with a mistake": begun_wrong,
    "no reasoning": none,
}
"""By what they are."""
