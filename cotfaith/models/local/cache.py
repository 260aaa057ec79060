"""What a model keeps of the tokens before: their keys and values."""

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 32
"""Places behind the longest sequence that are written to before they are needed."""
GROWTH = 4
"""Sequences that outgrow their room get this part of it more."""


class Lead(DynamicCache):
    """What leads to the tokens of a pass, a row each, and what the pass adds to it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer_class_to_replicate = _LeadLayer

    def keep(self, rows: Sequence[int], places: Sequence[Sequence[int]]) -> None:
        """Keep some places of some rows, aligned at their ends, and nothing else."""
        longest = max(map(len, places))
        padded = torch.tensor([[*(0,) * (longest - len(one)), *one] for one in places], dtype=torch.long)
        staying = int((padded == torch.arange(longest)).all(0).cumprod(0).sum())
        for layer in self.layers:
            layer.keep(torch.tensor(rows), padded[:, staying:].to(layer.keys.device), staying)


class _LeadLayer(DynamicLayer):
    """One layer's keys and values, each (rows, heads, places, head width), maybe with room behind them."""

    keys: torch.Tensor
    values: torch.Tensor
    is_initialized: bool

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write tokens behind those that are there; return all."""
        if not self.is_initialized:
            self.all_keys, self.all_values = key_states, value_states
            self.keys, self.values, self.is_initialized = key_states, value_states, True
            return key_states, value_states
        there = self.keys.shape[2]
        self.all_keys = _behind(self.all_keys, there, key_states)
        self.all_values = _behind(self.all_values, there, value_states)
        self._show(there + key_states.shape[2])
        return self.keys, self.values

    def keep(self, rows: torch.Tensor, moved: torch.Tensor, staying: int) -> None:
        """Keep rows: their first `staying` places as they are, and behind these the places in `moved`."""
        if len(rows) < len(self.all_keys):
            self.all_keys, self.all_values = self.all_keys[rows], self.all_values[rows]
        places = staying + moved.shape[1]
        index = moved[:, None, :, None].expand(-1, self.keys.shape[1], -1, self.keys.shape[3])
        for states in (self.all_keys, self.all_values):
            states[:, :, staying:places] = states.gather(2, index)
        self._show(places)

    def _show(self, places: int) -> None:
        self.keys, self.values = self.all_keys[:, :, :places], self.all_values[:, :, :places]


def _behind(states: torch.Tensor, there: int, new: torch.Tensor) -> torch.Tensor:
    """Write new places behind those that are there; without room for them, take twice as much as needed."""
    places = there + new.shape[2]
    if places > states.shape[2]:
        larger = new.new_empty(*new.shape[:2], 2 * places, new.shape[3])
        larger[:, :, :there] = states[:, :, :there]
        states = larger
    states[:, :, there:places] = new
    return states


class Slots(DynamicCache):
    """Keys and values of sequences of different lengths, each with room behind it.

    A step writes behind each sequence's own last token, so that what is there is seldom copied and shorter
    sequences are not padded in front. Room is taken once and touched where it is needed.
    """

    def __init__(self, like: Lead, lengths: torch.Tensor) -> None:
        """Take the layers' shapes from what a pass computed, for sequences of these lengths.

        Room is taken as sequences grow and others enter.
        """
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

    @torch.inference_mode()
    def keep(self, sequences: Sequence[int]) -> None:
        """Drop the other sequences."""
        self.lengths = self.lengths[list(sequences)]
        for layer in self.layers:
            layer.keep(torch.tensor(sequences))

    @torch.inference_mode()
    def append(self, other: "Slots") -> None:
        """Add other sequences."""
        there = len(self.lengths)
        self.lengths = torch.cat([self.lengths, other.lengths])
        for mine, new in zip(self.layers, other.layers, strict=True):
            mine.append(new, there)

    def part(self, sequences: Sequence[int]) -> Lead:
        """Copy what is there of some sequences, a row each."""
        longest = int(self.lengths[list(sequences)].max())
        copied = Lead()
        for place, layer in enumerate(self.layers):
            states = (layer.all_keys, layer.all_values)
            copied.update(*(s[list(sequences), :, :longest] for s in states), place)
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
        self._slots = weakref.proxy(slots)  # no cycle, so that the memory is given back at once
        self._ready = 0
        self.all_keys = like.new_empty(0, like.shape[1], 0, like.shape[3])
        self.all_values = torch.empty_like(self.all_keys)
        self.keys = self.values = like

    def fill(
        self, source: DynamicLayer, rows: torch.Tensor, places: torch.Tensor, targets: torch.Tensor
    ) -> None:
        """Copy places, (targets, tokens), of another layer's rows to the beginnings of these sequences."""
        self._make_ready(len(self._slots.lengths), places.shape[1])
        for there, here in ((source.keys, self.all_keys), (source.values, self.all_values)):
            copied = there.transpose(1, 2)[rows[:, None], places]
            here[targets, :, : places.shape[1]] = copied.transpose(1, 2)

    def keep(self, sequences: torch.Tensor) -> None:
        """Move these sequences to the beginning."""
        for states in (self.all_keys, self.all_values):
            ready = states[:, :, : self._ready]
            ready[: len(sequences)] = ready[sequences.to(states.device)]

    def append(self, other: "_SlotLayer", there: int) -> None:
        """Copy another layer's sequences behind those that are there."""
        self._make_ready(there + len(other._slots.lengths), other._ready)
        for old, states in ((other.all_keys, self.all_keys), (other.all_values, self.all_values)):
            new = old[: len(other._slots.lengths), :, : other._ready]
            states[there : there + len(new), :, : other._ready] = new

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write tokens behind each sequence's last one; return all places up to the longest's."""
        lengths = self._slots.lengths.to(key_states.device)
        new = torch.arange(key_states.shape[2], device=key_states.device)
        sequences = torch.arange(len(lengths), device=key_states.device)
        places = int(lengths.max()) + len(new)
        self._make_ready(len(lengths), places)
        where = sequences[:, None], slice(None), lengths[:, None] + new
        self.all_keys[where] = key_states.transpose(1, 2)
        self.all_values[where] = value_states.transpose(1, 2)
        there = slice(len(lengths)), slice(None), slice(places)
        self.keys, self.values = self.all_keys[there], self.all_values[there]
        return self.keys, self.values

    def _make_ready(self, sequences: int, places: int) -> None:
        """Take room for so many sequences and places, and for some more places if there are too few.

        New places are set to 0 as they are needed: even what the mask hides must not be NaN.
        """
        if sequences > self.all_keys.shape[0] or places > self.all_keys.shape[2]:
            self.all_keys = self._larger(self.all_keys, sequences, places)
            self.all_values = self._larger(self.all_values, sequences, places)
        if places > self._ready:
            for states in (self.all_keys, self.all_values):
                states[:, :, self._ready : places + ROOM] = 0
            self._ready = min(places + ROOM, self.all_keys.shape[2])

    def _larger(self, states: torch.Tensor, sequences: int, places: int) -> torch.Tensor:
        """Copy states to where there is room, and more of it than is needed in the places."""
        rows, heads, there, width = states.shape
        wanted = there if places <= there else places + max(ROOM, places // GROWTH)
        larger = states.new_empty(max(rows, sequences), heads, wanted, width)
        larger[:rows, :, : self._ready] = states[:, :, : self._ready]
        larger[rows:, :, : self._ready] = 0
        return larger
