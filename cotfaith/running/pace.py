"""How much work is done before it is stored."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

BATCH_SECONDS = 10  # what a crash can lose
SMALLEST_BATCH, LARGEST_BATCH = 32, 1024

Item = TypeVar("Item")


class Pace:
    """Cuts work into batches that take some seconds each, as the ones before them did."""

    def __init__(self) -> None:
        self._size = SMALLEST_BATCH

    def batches(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        """Yield the items in order; the time of a batch runs until the next one is asked for."""
        left = list(items)
        while left:
            begun = time.monotonic()
            yield left[: self._size]
            del left[: self._size]
            took = time.monotonic() - begun
            if took < BATCH_SECONDS / 2 and left:
                self._size = min(2 * self._size, LARGEST_BATCH)
            elif took > BATCH_SECONDS:
                self._size = max(self._size // 2, SMALLEST_BATCH)
