"""Which tokens are computed together: what sequences begin with alike is laid out once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from cotfaith.models.engine import Tokens, common_length

FILLER = 64
"""Tokens of a sequence that only fills a row."""


@dataclass
class Chunk:
    """Some tokens of a trie in one row, behind the path that leads to the first of them; parents come first.

    Places are counted from the first token of that path.
    """

    before: int
    """How many tokens lead here."""
    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    """The place of the token before each; -1 for a first token."""
    ends: dict[Tokens, tuple[int, ...]] = field(default_factory=dict)
    """The places of all tokens of each sequence that ends here."""
    onward: tuple[int, ...] = ()
    """The places of the tokens that lead to the next chunk."""

    def sees(self) -> np.ndarray:
        """Return which places each token sees, (tokens, before + tokens): its own, and what leads to it."""
        seen = np.zeros((len(self.tokens), self.before + len(self.tokens)), dtype=bool)
        for i, parent in enumerate(self.parents):
            if parent >= self.before:
                seen[i] = seen[parent - self.before]
            else:
                seen[i, : parent + 1] = True
            seen[i, self.before + i] = True
        return seen


def chunks(sequences: Sequence[Tokens], size: int) -> Iterator[Chunk]:
    """Walk through the trie of distinct sorted sequences, depth first, and cut it into rows of `size` tokens.

    In that order all ancestors of a chunk's token are in the chunk or on the path to its first token, so that
    nothing else must be kept, and no token is computed twice.
    """
    chunk, path, last = Chunk(0), list[int](), Tokens()
    for sequence in sequences:
        shared = common_length(last, sequence)
        del path[shared:]
        for token in sequence[shared:]:
            if len(chunk.tokens) == size:
                chunk.onward = tuple(path)
                yield chunk
                chunk, path = Chunk(len(path)), list(range(len(path)))
            chunk.parents.append(path[-1] if path else -1)
            path.append(chunk.before + len(chunk.tokens))
            chunk.tokens.append(token)
        chunk.ends[sequence] = tuple(path)
        last = sequence
    if chunk.tokens:
        yield chunk


def parts(sequences: Sequence[Tokens], most: int) -> list[Sequence[Tokens]]:
    """Cut sequences into at most so many parts of equal size, in their order."""
    size = max(1, -(-len(sequences) // most))
    return [sequences[start : start + size] for start in range(0, len(sequences), size)]


def fillers(sequences: Sequence[Tokens], row: int) -> list[Tokens]:
    """Return sequences to put in front of these in a trie, so that it ends with a row, half of it others'."""
    *_, last = sequences
    common, own = last[: len(last) // 2], len({one[: k + 1] for one in sequences for k in range(len(one))})
    missing = -(-(own + row // 2) // row) * row - own
    sizes = [FILLER] * (missing // FILLER) + [missing % FILLER] * (missing % FILLER > 0)
    return [(*common, *(token,) * size) for token, size in enumerate(sizes)]


def alike(
    sequences: Iterable[Tokens], places: int, most: int, *, equal: bool = False
) -> Iterator[list[Tokens]]:
    """Yield sequences in batches of at most so many places, padding included; `equal` ones of one length."""
    batch: list[Tokens] = []
    for sequence in sorted(sequences, key=len):
        full = len(batch) == most or (len(batch) + 1) * len(sequence) > places
        if batch and (full or (equal and len(sequence) != len(batch[-1]))):
            yield batch
            batch = []
        batch.append(sequence)
    if batch:
        yield batch


def stacked(rows: Sequence[Chunk]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return ids and positions, (rows, longest), and what each token sees, (rows, longest, before + longest).

    What leads to each row is aligned at its end; rows are filled up with tokens that see themselves alone.
    """
    before, longest = max(row.before for row in rows), max(len(row.tokens) for row in rows)
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    sees = np.zeros((len(rows), longest, before + longest), dtype=bool)
    sees[:, range(longest), range(before, before + longest)] = True
    for i, row in enumerate(rows):
        n = len(row.tokens)
        ids[i, :n] = row.tokens
        sees[i, :n, before - row.before : before + n] = row.sees()
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
