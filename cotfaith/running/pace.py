"""How much work is done before it is stored."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

BATCH_SECONDS = 10  # what a crash can lose
SMALLEST_BATCH, LARGEST_BATCH = 32, 1024
FAR_SECONDS, FAR_LARGEST = 60, 8192  # where a server would stand idle while a batch's last texts are drawn
FAR_SMALLEST = 4  # times as many as keep a server busy

Item = TypeVar("Item")


class Pace:
    """Cuts work into batches that take some seconds each, as the ones before them did."""

    def __init__(self, at_once: int | None = None) -> None:
        """Take as many as keep a server busy, where one is asked."""
        self._smallest = FAR_SMALLEST * at_once if at_once else SMALLEST_BATCH
        self._largest = max(FAR_LARGEST, self._smallest) if at_once else LARGEST_BATCH
        self._seconds = FAR_SECONDS if at_once else BATCH_SECONDS
        self._size = self._smallest

    def batches(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        """Yield the items in order; the time of a batch runs until the next one is asked for."""
        left = list(items)
        while left:
            begun = time.monotonic()
            yield left[: self._size]
            del left[: self._size]
            took = time.monotonic() - begun
            if took < self._seconds / 2 and left:
                self._size = min(2 * self._size, self._largest)
            elif took > self._seconds:
                self._size = max(self._size // 2, self._smallest)
