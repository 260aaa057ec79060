"""What a model keeps of the tokens before: their keys and values."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 32
"""Places behind the longest sequence that are there before they are needed."""


class Lead(DynamicCache):
    """What leads to the tokens of a pass, a row each, and what the pass adds to it."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = [_LeadLayer() for _ in range(layers)]

    def keep(self, rows: Sequence[int], places: Sequence[Sequence[int]]) -> None:
        """Keep some places of some rows, aligned at their ends, and nothing else."""
        longest = max(map(len, places))
        padded = torch.tensor([[*(0,) * (longest - len(one)), *one] for one in places], dtype=torch.long)
        index = torch.tensor(rows)
        for layer in self.layers:
            layer.keep(index.to(layer.keys.device), padded.to(layer.keys.device))


class _LeadLayer(DynamicLayer):
    """One layer's keys and values, each (rows, heads, places, head width)."""

    keys: torch.Tensor
    values: torch.Tensor
    is_initialized: bool

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.is_initialized:
            key_states = torch.cat([self.keys, key_states], dim=-2)
            value_states = torch.cat([self.values, value_states], dim=-2)
        self.is_initialized = True
        self.keys, self.values = key_states, value_states
        return key_states, value_states

    def keep(self, rows: torch.Tensor, places: torch.Tensor) -> None:
        self.keys, self.values = self.keys[rows], self.values[rows]
        index = places[:, None, :, None].expand(-1, self.keys.shape[1], -1, self.keys.shape[3])
        self.keys, self.values = self.keys.gather(2, index), self.values.gather(2, index)


class Slots(DynamicCache):
    """Keys and values of sequences of different lengths, each with room behind it.

    A step writes behind each sequence's own last token, so that what is there is seldom copied and shorter
    sequences are not padded in front.
    """

    def __init__(self, like: Lead, lengths: torch.Tensor) -> None:
        """Take the layers' shapes from what a pass computed, for sequences of these lengths."""
        super().__init__()
        self.lengths = lengths
        self.layers = [_SlotLayer(layer.keys, self) for layer in like.layers]

    def fill(
        self, source: Lead, rows: Sequence[int], paths: Sequence[tuple[int, ...]], sequences: Sequence[int]
    ) -> None:
        """Copy what was computed along paths through the source's rows to these sequences."""
        tokens = max(map(len, paths))
        places = torch.tensor([(*path, *(path[-1],) * (tokens - len(path))) for path in paths])
        row, target = torch.tensor(rows), torch.tensor(sequences)
        for old, new in zip(source.layers, self.layers, strict=True):
            new.fill(old, row.to(new.device), places.to(new.device), target.to(new.device))

    def keep(self, sequences: Sequence[int]) -> None:
        """Drop the other sequences."""
        self.lengths = self.lengths[list(sequences)]
        for layer in self.layers:
            layer.make_room(torch.tensor(sequences))

    def append(self, other: "Slots") -> None:
        """Add other sequences."""
        self.lengths = torch.cat([self.lengths, other.lengths])
        places = int(self.lengths.max()) + ROOM
        for mine, new in zip(self.layers, other.layers, strict=True):
            mine.append(new, places)

    def part(self, sequences: Sequence[int]) -> Lead:
        """Copy what is there of some sequences, a row each."""
        copied = Lead(len(self.layers))
        for old, new in zip(self.layers, copied.layers, strict=True):
            new.update(old.all_keys[list(sequences)], old.all_values[list(sequences)])
        return copied

    def sees(self, tokens: int) -> torch.Tensor:
        """Return which places the next tokens of each see, (sequences, tokens, places): themselves too."""
        behind = self.lengths[:, None] + torch.arange(tokens)
        return torch.arange(int(self.lengths.max()) + tokens) <= behind[..., None]


class _SlotLayer(DynamicLayer):
    """One layer's keys and values, each (sequences, heads, places, head width)."""

    def __init__(self, like: torch.Tensor, slots: Slots) -> None:
        super().__init__()
        self.dtype, self.device, self.is_initialized = like.dtype, like.device, True
        self._slots = slots
        places = int(slots.lengths.max()) + ROOM
        self.all_keys = like.new_zeros(len(slots.lengths), like.shape[1], places, like.shape[3])
        self.all_values = torch.zeros_like(self.all_keys)
        self.keys = self.values = like

    def fill(
        self, source: DynamicLayer, rows: torch.Tensor, places: torch.Tensor, targets: torch.Tensor
    ) -> None:
        """Copy places, (targets, tokens), of another layer's rows to the beginnings of these sequences."""
        for there, here in ((source.keys, self.all_keys), (source.values, self.all_values)):
            copied = there.transpose(1, 2)[rows[:, None], places]
            here[targets, :, : places.shape[1]] = copied.transpose(1, 2)

    def make_room(self, sequences: torch.Tensor, tokens: int = 0) -> None:
        """Copy what is there of these sequences to where there is room for so many tokens and more."""
        longest = int(self._slots.lengths.max())
        self.all_keys = _with_room(self.all_keys[:, :, :longest], sequences, tokens)
        self.all_values = _with_room(self.all_values[:, :, :longest], sequences, tokens)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write tokens behind each sequence's last one; return all places up to the longest's."""
        lengths = self._slots.lengths.to(key_states.device)
        new = torch.arange(key_states.shape[2], device=key_states.device)
        sequences = torch.arange(len(lengths), device=key_states.device)
        places = int(lengths.max()) + len(new)
        if places > self.all_keys.shape[2]:
            self.make_room(sequences, len(new))
        where = sequences[:, None], slice(None), lengths[:, None] + new
        self.all_keys[where] = key_states.transpose(1, 2)
        self.all_values[where] = value_states.transpose(1, 2)
        self.keys, self.values = self.all_keys[:, :, :places], self.all_values[:, :, :places]
        return self.keys, self.values

    def append(self, other: "_SlotLayer", places: int) -> None:
        """Put another layer's sequences below these, with so many places each."""
        self.all_keys = _below(self.all_keys, other.all_keys, places)
        self.all_values = _below(self.all_values, other.all_values, places)


def _with_room(states: torch.Tensor, sequences: torch.Tensor, tokens: int) -> torch.Tensor:
    _, heads, longest, width = states.shape
    larger = states.new_empty(len(sequences), heads, longest + tokens + ROOM, width)
    larger[:, :, longest:] = 0
    larger[:, :, :longest] = states[sequences.to(states.device)]
    return larger


def _below(states: torch.Tensor, more: torch.Tensor, places: int) -> torch.Tensor:
    _, heads, _, width = states.shape
    both = states.new_zeros(len(states) + len(more), heads, places, width)
    for part, begin in ((states, 0), (more, len(states))):
        kept = min(places, part.shape[2])
        both[begin : begin + len(part), :, :kept] = part[:, :, :kept]
    return both
