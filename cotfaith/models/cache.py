"""What a model keeps of the tokens before: their keys and values."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 32
"""Places behind the longest sequence that are there before they are needed."""


class Fresh(DynamicCache):
    """What one pass computes, kept as it comes."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = [_FreshLayer() for _ in range(layers)]


class _FreshLayer(DynamicLayer):
    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.is_initialized = True
        self.keys, self.values = key_states, value_states
        return key_states, value_states


class Slots(DynamicCache):
    """Keys and values of sequences of different lengths, each with room behind it.

    A step writes behind each sequence's own last token, so that what is there is seldom copied and shorter
    sequences are not padded in front.
    """

    def __init__(self, like: Fresh, lengths: torch.Tensor) -> None:
        """Take the layers' shapes from what a pass computed, for sequences of these lengths."""
        super().__init__()
        self.lengths = lengths
        self.layers = [_SlotLayer(layer.keys, self) for layer in like.layers]

    def fill(
        self, source: Fresh, rows: Sequence[int], paths: Sequence[tuple[int, ...]], sequences: Sequence[int]
    ) -> None:
        """Copy what was computed along paths through the source's rows to these sequences."""
        tokens = max(map(len, paths))
        width = source.layers[0].keys.shape[-2]
        places = torch.tensor([(*path, *(path[-1],) * (tokens - len(path))) for path in paths])
        index = (places + width * torch.tensor(rows)[:, None]).flatten()
        targets = torch.tensor(sequences)
        for old, new in zip(source.layers, self.layers, strict=True):
            for there, here in ((old.keys, new.all_keys), (old.values, new.all_values)):
                by_token = there.transpose(1, 2).reshape(-1, here.shape[-1])
                here[targets, :tokens] = by_token[index].view(len(rows), tokens, -1)

    def keep(self, sequences: Sequence[int]) -> None:
        """Drop the other sequences."""
        self.lengths = self.lengths[list(sequences)]
        for layer in self.layers:
            layer.make_room(torch.tensor(sequences))

    def part(self, sequences: Sequence[int]) -> "Fresh":
        """Copy what is there of some sequences, a row each."""
        copied = Fresh(len(self.layers))
        for old, new in zip(self.layers, copied.layers, strict=True):
            new.update(old.of(old.all_keys, sequences), old.of(old.all_values, sequences))
        return copied

    def sees(self, tokens: int) -> torch.Tensor:
        """Return which places the next tokens of each see, (sequences, tokens, places): themselves too."""
        behind = self.lengths[:, None] + torch.arange(tokens)
        return torch.arange(int(self.lengths.max()) + tokens) <= behind[..., None]


class _SlotLayer(DynamicLayer):
    """One layer's keys and values, each (sequences, places, heads * head width)."""

    def __init__(self, like: torch.Tensor, slots: Slots) -> None:
        super().__init__()
        self.dtype, self.device, self.is_initialized = like.dtype, like.device, True
        self._slots, self._heads = slots, like.shape[1]
        places = int(slots.lengths.max()) + ROOM
        self.all_keys = like.new_zeros(len(slots.lengths), places, like.shape[1] * like.shape[3])
        self.all_values = torch.zeros_like(self.all_keys)
        self.keys = self.values = like

    def make_room(self, sequences: torch.Tensor, tokens: int = 0) -> None:
        """Copy what is there of these sequences to where there is room for so many tokens and more."""
        longest = int(self._slots.lengths.max())
        self.all_keys = _with_room(self.all_keys[:, :longest], sequences, tokens)
        self.all_values = _with_room(self.all_values[:, :longest], sequences, tokens)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write tokens behind each sequence's last one; return all places up to the longest's."""
        lengths = self._slots.lengths.to(key_states.device)
        new = torch.arange(key_states.shape[2], device=key_states.device)
        sequences = torch.arange(len(lengths), device=key_states.device)
        places = int(lengths.max()) + len(new)
        if places > self.all_keys.shape[1]:
            self.make_room(sequences, len(new))
        where = sequences[:, None], lengths[:, None] + new
        self.all_keys[where] = key_states.transpose(1, 2).flatten(2)
        self.all_values[where] = value_states.transpose(1, 2).flatten(2)
        self.keys, self.values = (
            self._by_head(self.all_keys[:, :places]),
            self._by_head(self.all_values[:, :places]),
        )
        return self.keys, self.values

    def of(self, states: torch.Tensor, sequences: Sequence[int]) -> torch.Tensor:
        """Copy the states of some sequences, by head."""
        return self._by_head(states[list(sequences)])

    def _by_head(self, states: torch.Tensor) -> torch.Tensor:
        sequences, places, _ = states.shape
        return states.view(sequences, places, self._heads, -1).transpose(1, 2)


def _with_room(states: torch.Tensor, sequences: torch.Tensor, tokens: int) -> torch.Tensor:
    longest = states.shape[1]
    larger = states.new_empty(len(sequences), longest + tokens + ROOM, states.shape[2])
    larger[:, longest:] = 0
    torch.index_select(states, 0, sequences.to(states.device), out=larger[:, :longest])
    return larger
