"""Which tokens are computed together: sequences that begin alike are packed so that each is computed once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

Tokens = tuple[int, ...]

ROW = 256
"""Tokens of a packed row, or twice the longest sequence: more would share more, but each attends to all."""


@dataclass
class Pack:
    """The distinct tokens of several sequences, a trie laid out as one row in which parents come first."""

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    """The place of the token before each; -1 for a first token."""
    paths: dict[Tokens, tuple[int, ...]] = field(default_factory=dict)
    """The places of each sequence's tokens."""

    def grow(self, sequence: Tokens, path: tuple[int, ...]) -> tuple[int, ...]:
        """Add a sequence that begins with the tokens along the path; return its own path."""
        new = range(len(self.tokens), len(self.tokens) + len(sequence) - len(path))
        self.tokens += sequence[len(path) :]
        self.parents += [path[-1] if path else -1, *new][: len(new)]
        self.paths[sequence] = (*path, *new)
        return self.paths[sequence]

    def sees(self) -> np.ndarray:
        """Return which tokens each sees, (tokens, tokens): itself and those before it in its sequences."""
        seen = np.eye(len(self.tokens), dtype=bool)
        for place, parent in enumerate(self.parents):
            if parent >= 0:
                seen[place] |= seen[parent]
        return seen


def pack(sequences: Iterable[Tokens], size: int = ROW) -> Iterator[Pack]:
    """Pack distinct sequences into tries of at most `size` tokens, or of twice their longest sequence.

    In sorted order neighbours share most; a trie is closed when the next sequence would outgrow it.
    """
    current = Pack()
    last: Tokens = ()
    path: tuple[int, ...] = ()
    for sequence in sorted(set(sequences)):
        shared = common_length(last, sequence)
        new = len(sequence) - shared
        if current.tokens and len(current.tokens) + new > max(size, 2 * len(sequence)):
            yield current
            current, shared = Pack(), 0
        path = current.grow(sequence, path[:shared])
        last = sequence
    if current.tokens:
        yield current


def common_length(first: Tokens, second: Tokens) -> int:
    """Count the tokens that both sequences begin with."""
    length = min(len(first), len(second))
    if first[:length] == second[:length]:
        return length
    return next(i for i in range(length) if first[i] != second[i])


def stacked(packs: Sequence[Pack]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return ids and positions, (packs, longest), and what each token sees, (packs, longest, longest).

    Rows are filled up with tokens that see themselves alone.
    """
    longest = max(len(one.tokens) for one in packs)
    ids = np.zeros((len(packs), longest), dtype=np.int64)
    sees = np.broadcast_to(np.eye(longest, dtype=bool), (len(packs), longest, longest)).copy()
    for row, one in enumerate(packs):
        n = len(one.tokens)
        ids[row, :n] = one.tokens
        sees[row, :n, :n] = one.sees()
    positions = sees.sum(-1) - 1
    return torch.from_numpy(ids), torch.from_numpy(positions), torch.from_numpy(sees)


def left_pad(sequences: Sequence[Tokens]) -> tuple[torch.Tensor, torch.Tensor]:
    """Align the last tokens: ids and a mask that is 0 on padding, both (batch, longest)."""
    longest = max(map(len, sequences))
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, sequence in enumerate(sequences):
        ids[i, longest - len(sequence) :] = torch.tensor(sequence)
        mask[i, longest - len(sequence) :] = 1
    return ids, mask
