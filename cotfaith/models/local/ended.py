"""Sequences that have ended: what was computed of them is kept for sequences that begin with them."""

from collections.abc import Sequence

import torch

from cotfaith.models.engine import Tokens
from cotfaith.models.local.cache import Lead, Slots

FEW_TOKENS = 64
"""Tokens that a sequence may have behind an ended one: a closing question and an answer's prefix."""


class Ended:
    """Keys and values of sequences that have ended, as many as the memory holds."""

    def __init__(self, most: int) -> None:
        """Keep at most so many bytes."""
        self._most = most
        self._found: dict[Tokens, tuple[Lead, int]] = {}
        self._bytes = 0

    def add(self, sequences: Sequence[Tokens], cache: Lead) -> None:
        """Keep what was computed of sequences, a row each, if there is memory for it."""
        size = sum(s.numel() * s.element_size() for layer in cache.layers for s in (layer.keys, layer.values))
        if self._bytes + size <= self._most:
            self._bytes += size
            self._found.update({sequence: (cache, row) for row, sequence in enumerate(sequences)})

    def clear(self) -> None:
        """Forget all."""
        self._found.clear()
        self._bytes = 0

    def begins(self, sequence: Tokens) -> bool:
        """Tell whether this sequence is one of them with a few tokens more."""
        return self.beginning(sequence) is not None

    def beginning(self, sequence: Tokens) -> Tokens | None:
        """Return the longest one that this sequence begins with, if only a few tokens follow, or None."""
        if not self._found:
            return None
        shorter = (sequence[:n] for n in range(len(sequence) - 1, max(0, len(sequence) - FEW_TOKENS), -1))
        return next((tokens for tokens in shorter if tokens in self._found), None)

    def slots(self, sequences: Sequence[Tokens]) -> Slots:
        """Copy what is kept of sequences into slots."""
        lengths = torch.tensor([len(tokens) for tokens in sequences])
        slots = Slots(self._found[sequences[0]][0], lengths)
        by_cache: dict[int, list[int]] = {}
        for i, tokens in enumerate(sequences):
            by_cache.setdefault(id(self._found[tokens][0]), []).append(i)
        for several in by_cache.values():
            rows = [self._found[sequences[i]][1] for i in several]
            paths = [tuple(range(len(sequences[i]))) for i in several]
            slots.fill(self._found[sequences[several[0]]][0], rows, paths, several)
        return slots
