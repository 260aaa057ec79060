"""Forward passes: sequences of tokens in, logits out, every beginning that sequences share computed once."""

import inspect
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import torch

from cotfaith.models.batches import Pack, Tokens, left_pad, pack, stacked
from cotfaith.models.cache import Fresh, Slots

log = logging.getLogger(__name__)

TOKENS_AT_ONCE = 8192
"""Tokens of packed rows in one forward pass."""

CHECKED_TOKENS = 12
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.3, torch.float16: 0.05}
"""By how much log-probabilities may differ when sequences share their beginnings."""


class Computed(NamedTuple):
    """Sequences that were run: the logits behind each, and in which row and places its tokens are cached."""

    sequences: Sequence[Tokens]
    logits: torch.Tensor
    cache: Any
    rows: Sequence[int]
    paths: Sequence[tuple[int, ...]]


class Continued(Protocol):
    """Sequences that are being continued."""

    logits: torch.Tensor
    """What follows each, (sequences, vocabulary)."""

    def step(self, tokens: Sequence[int]) -> None:
        """Append one token to each sequence."""

    def keep(self, sequences: Sequence[int]) -> None:
        """Drop the others."""


class Passes:
    """The forward passes of a TransformerBridge."""

    def __init__(self, native, bridge: Any, name: str, *, may_share: bool, batch_size: int) -> None:
        self.bridge = bridge
        self.native = native
        self._name = name
        self._may_share = may_share
        self._batch_size = batch_size

    @torch.inference_mode()
    def next_logits(self, sequences: Sequence[Tokens]) -> Iterator[tuple[Tokens, torch.Tensor]]:
        """Yield each distinct sequence with the logits of the token behind it."""
        for computed in self._computed(sequences):
            yield from zip(computed.sequences, computed.logits, strict=True)

    @torch.inference_mode()
    def begin(self, sequences: Sequence[Tokens]) -> Continued:
        """Run sequences, which may be equal, to be continued."""
        if not self.shares:
            return self._padded(sequences)
        wanted: dict[Tokens, list[int]] = {}
        for i, sequence in enumerate(sequences):
            wanted.setdefault(sequence, []).append(i)
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        logits, slots = torch.empty(0), None
        for computed in self._computed(list(wanted)):
            if slots is None:
                slots = Slots(computed.cache, lengths)
                logits = computed.logits.new_empty(len(sequences), computed.logits.shape[-1])
            copies = [(k, i) for k, sequence in enumerate(computed.sequences) for i in wanted[sequence]]
            found, targets = [k for k, _ in copies], [i for _, i in copies]
            logits[targets] = computed.logits[found]
            rows, paths = [computed.rows[k] for k in found], [computed.paths[k] for k in found]
            slots.fill(computed.cache, rows, paths, targets)
        assert slots is not None
        return _InSlots(self, logits, slots)

    @cached_property
    def shares(self) -> bool:
        """Whether sequences can share their beginnings: tried on a small trie, since not every model can."""
        if not self._may_share:
            return False
        common = tuple(range(2, 2 + CHECKED_TOKENS))
        sequences = [common[:k] + common[::-1][:k] for k in range(1, CHECKED_TOKENS, 2)]
        computed = self._run(list(pack(sequences)))
        alone = torch.cat([self._padded([sequence]).logits for sequence in computed.sequences])
        apart = float((computed.logits.log_softmax(-1) - alone.log_softmax(-1)).abs().max())
        if apart <= TOLERANCE[self.bridge.cfg.dtype]:
            return True
        log.warning("%s: shared beginnings change log-probabilities by %.2g; none are shared.", self._name, apart)
        return False

    @cached_property
    def _layers(self) -> int:
        return len(self._padded([(0,)]).cache.layers)

    @cached_property
    def bytes_per_token(self) -> int:
        """What is kept of one token: its keys and values in all layers."""
        cache = self._padded([(0,)]).cache
        return sum(s.numel() * s.element_size() for layer in cache.layers for s in (layer.keys, layer.values))

    def _computed(self, sequences: Sequence[Tokens]) -> Iterator[Computed]:
        """Run distinct sequences, a few at a time."""
        if not self.shares:
            for start in range(0, len(sequences), self._batch_size):
                batch = sequences[start : start + self._batch_size]
                padded = self._padded(batch)
                yield Computed(batch, padded.logits, padded.cache, (), ())
            return
        packs = sorted(pack(sequences), key=lambda one: len(one.tokens))
        while packs:
            several = max(1, TOKENS_AT_ONCE // len(packs[-1].tokens))
            yield self._run(packs[-several:])
            del packs[-several:]

    def _run(self, packs: Sequence[Pack]) -> Computed:
        ids, positions, sees = stacked(packs)
        ends = [(row, path) for row, one in enumerate(packs) for path in one.paths.values()]
        rows, paths = [row for row, _ in ends], [path for _, path in ends]
        read = sorted({path[-1] for path in paths})
        logits, cache = self.forward(ids, additive(sees), positions, Fresh(self._layers), read)
        place = {token: i for i, token in enumerate(read)}
        sequences = [sequence for one in packs for sequence in one.paths]
        return Computed(sequences, logits[rows, [place[path[-1]] for path in paths]], cache, rows, paths)

    def _padded(self, sequences: Sequence[Tokens]) -> "_Padded":
        """Run sequences beside each other, padded on the left."""
        ids, mask = left_pad(sequences)
        logits, cache = self.forward(ids, mask, _positions(mask), None)
        return _Padded(self, logits[:, -1], mask, cache)

    @torch.inference_mode()
    def forward(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Any,
        read: Sequence[int] = (-1,),
    ) -> tuple[torch.Tensor, Any]:
        """Return logits at the places that are read, (batch, places, vocabulary) in float32, and the cache.

        The mask covers what is cached and what is new: either 0 on padding, (batch, tokens), or what is added
        to the attention's scores, (batch, 1, new tokens, tokens).
        """
        device = self.bridge.cfg.device
        some = {"logits_to_keep": torch.tensor(read, device=device)} if self._reads_some else {}
        out = self.native(
            input_ids=ids.to(device),
            use_cache=True,
            past_key_values=cache,
            attention_mask=mask.to(device),
            position_ids=positions.to(device),
            **some,
        )
        logits, cache = out.logits, out.past_key_values
        return (logits if some else logits[:, list(read)]).float(), cache

    @cached_property
    def _reads_some(self) -> bool:
        """Whether the architecture can compute the logits of some places alone."""
        return "logits_to_keep" in inspect.signature(self.native.forward).parameters


@dataclass
class _InSlots:
    """Sequences of which each has its own room."""

    passes: Passes
    logits: torch.Tensor
    slots: Slots

    def step(self, tokens: Sequence[int]) -> None:
        """Append one token to each sequence."""
        ids, positions = torch.tensor(tokens)[:, None], self.slots.lengths[:, None]
        logits, _ = self.passes.forward(ids, additive(self.slots.sees()), positions, self.slots)
        self.logits = logits[:, -1]
        self.slots.lengths = self.slots.lengths + 1

    def keep(self, sequences: Sequence[int]) -> None:
        """Drop the others."""
        self.slots.keep(torch.tensor(sequences))


@dataclass
class _Padded:
    """Sequences that are padded on the left; 0 in the mask is padding."""

    passes: Passes
    logits: torch.Tensor
    mask: torch.Tensor
    cache: Any

    def step(self, tokens: Sequence[int]) -> None:
        """Append one token to each sequence."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
        ids, positions = torch.tensor(tokens)[:, None], _positions(self.mask)[:, -1:]
        logits, self.cache = self.passes.forward(ids, self.mask, positions, self.cache)
        self.logits = logits[:, -1]

    def keep(self, sequences: Sequence[int]) -> None:
        """Drop the others."""
        index = torch.tensor(sequences)
        self.mask = self.mask[index]
        self.cache.batch_select_indices(index.to(self.logits.device))


def additive(sees: torch.Tensor) -> torch.Tensor:
    """Return the mask that is added to attention scores, (batch, 1, new tokens, tokens)."""
    return torch.zeros(sees.shape).masked_fill(~sees, torch.finfo(torch.float32).min)[:, None]


def _positions(mask: torch.Tensor) -> torch.Tensor:
    """Return each real token's position: the number of real tokens before it."""
    return (mask.cumsum(-1) - 1).clamp(min=0)
