"""Which sequences of tokens are computed together."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

import torch

Tokens = tuple[int, ...]


def common_length(sequences: Sequence[Tokens]) -> int:
    """Count the tokens that all sequences begin with."""
    alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*sequences, strict=False))
    return sum(1 for _ in alike)


def sharing_batches(sequences: Iterable[Tokens], size: int) -> Iterator[list[Tokens]]:
    """Group sequences so that few tokens are computed: what a batch begins with is computed once.

    In sorted order, neighbours share most, and what the first and the last share, all do. A sequence starts a
    new batch where that costs fewer tokens than joining, padding included.
    """
    batch: list[Tokens] = []
    for sequence in sorted(sequences):
        grown = [*batch, sequence]
        if len(grown) > size or computed_tokens(grown) > computed_tokens(batch) + len(sequence):
            yield batch
            grown = [sequence]
        batch = grown
    if batch:
        yield batch


def computed_tokens(batch: Sequence[Tokens]) -> int:
    """Count the tokens that a sorted batch costs."""
    if not batch:
        return 0
    shared = common_length([batch[0], batch[-1]])
    return shared + len(batch) * (max(map(len, batch)) - shared)


def left_pad(sequences: Sequence[Tokens]) -> tuple[torch.Tensor, torch.Tensor]:
    """Align the last tokens: ids and a mask that is 0 on padding, both (batch, longest)."""
    longest = max(map(len, sequences))
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, sequence in enumerate(sequences):
        ids[i, longest - len(sequence) :] = torch.tensor(sequence)
        mask[i, longest - len(sequence) :] = 1
    return ids, mask
