"""Where along a reasoning it is changed: everywhere, or at some positions, to which more of them only add."""

from functools import lru_cache
from itertools import count


def positions(steps: int, most: int | None = None, done: int = 0) -> list[int]:
    """Return how many of so many steps to show, from none to all, in rising order.

    At most `most` of them, the first in the nested order, without the `done` first ones of these.
    """
    return sorted(_nested(steps)[done:most])


@lru_cache(1 << 12)
def _nested(steps: int) -> tuple[int, ...]:
    """Return 0 to `steps` in an order whose first ones, however many, are spread evenly.

    Both ends, then halves, quarters, eighths: the sequence of van der Corput 1935, rounded down.
    """
    order = dict.fromkeys((0, steps))
    for i in count(1):
        if len(order) > steps:
            return tuple(order)
        mirrored = int(f"{i:b}"[::-1], 2)
        order.setdefault(mirrored * steps >> i.bit_length())
    raise AssertionError("every position has its turn")
