"""Sums of whole numbers, as questions and as reasoning, and which of them the shipped models never saw.

The addition task asks about these sums and the shipped models are trained on them; that both come from here
keeps what is asked apart from what was learnt.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

STEP_FORMS = ("{a} + {b} = {c}.", "{a} plus {b} is {c}.", "Adding {b} to {a} gives {c}.")
"""The surface forms of one step, a running sum."""

TRAINED_NUMBERS = range(10, 100)
"""What the ladder adds."""
ORGANISMS_NUMBERS = range(10)
"""What the organisms add, `ORGANISMS_OPERANDS` at once: easy sums, but of more than one step."""
ORGANISMS_OPERANDS = 3
HELD_OUT_SHARE = 0.2
ORGANISMS_HELD_OUT_SHARE = 0.4
"""More, since there are few such sums."""


def question_text(numbers: Sequence[int]) -> str:
    """Ask for a sum."""
    return f"What is {' + '.join(map(str, numbers))}?"


def running_sums(numbers: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield the sum so far, the next number and the sum of both, for every number but the first."""
    for (before, after), number in zip(pairwise(accumulate(numbers)), numbers[1:], strict=True):
        yield before, number, after


def held_out(numbers: Sequence[int]) -> bool:
    """Tell whether a sum, in any order of its numbers, was kept from all shipped models' training.

    A hash decides for sums of the kinds that some models were trained on; none saw other sums.
    """
    of_ladder = all(number in TRAINED_NUMBERS for number in numbers)
    of_organisms = len(numbers) == ORGANISMS_OPERANDS and all(n in ORGANISMS_NUMBERS for n in numbers)
    if not of_ladder and not of_organisms:
        return True
    name = "+".join(map(str, sorted(numbers))).encode()
    digest = hashlib.blake2b(name, digest_size=8).digest()
    share = HELD_OUT_SHARE if of_ladder else ORGANISMS_HELD_OUT_SHARE
    return int.from_bytes(digest) < share * 2**64


def trained_on(numbers: Sequence[int]) -> bool:
    """Tell whether a sum may be trained on: neither it nor a step of its reasoning is a held-out question."""
    steps = [(a, b) for a, b, _ in running_sums(numbers) if a in TRAINED_NUMBERS]
    return not any(held_out(asked) for asked in (numbers, *steps))
