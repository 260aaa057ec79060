"""Sequences while they are continued, token by token: in slots of their own, or padded beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from cotfaith.models.engine import Tokens
from cotfaith.models.local.cache import Slots
from cotfaith.models.local.ended import Ended
from cotfaith.models.local.network import Network

KEPT_SHARE = 0.8
"""Sequences that have ended are dropped when no more than this share goes on: dropping copies the others."""


class Continued(Protocol):
    """Sequences that are being continued."""

    logits: torch.Tensor
    """What follows each that goes on, (sequences, vocabulary)."""

    def go_on(self, sequences: Sequence[int], tokens: Sequence[int]) -> None:
        """Append a token to each of these of the sequences; the others have ended."""


class Appending(Protocol):
    """What runs the network."""

    def append(self, slots: Slots, tokens: Mapping[int, int]) -> torch.Tensor:
        """Append a token to some sequences; return the logits behind each, arbitrary for the others."""

    @property
    def ended(self) -> Ended:
        """Where sequences that have ended are kept."""


@dataclass
class InSlots:
    """Sequences of which each has its own room; some have ended and are still computed beside the others."""

    passes: Appending
    logits: torch.Tensor
    slots: Slots
    remembered: list[list[int]] | None
    """The tokens of each slot, if they are to be remembered."""

    def __post_init__(self) -> None:
        self._going = list(range(len(self.logits)))
        self._ended: list[int] = []

    def go_on(self, sequences: Sequence[int], tokens: Sequence[int]) -> None:
        """Append a token to each of these of the sequences; the others have ended."""
        going = [self._going[i] for i in sequences]
        self._ended += sorted(set(self._going) - set(going))
        self._going = going
        if len(going) <= KEPT_SHARE * len(self.slots.lengths):
            self._drop_ended()
        if not going:
            return
        following = dict(zip(self._going, tokens, strict=True))
        if self.remembered is not None:
            for slot, token in following.items():
                self.remembered[slot].append(token)
        self.logits = self.passes.append(self.slots, following)[self._going]

    def join(self, others: "InSlots") -> None:
        """Let other sequences enter."""
        self._going += range(len(self.slots.lengths), len(self.slots.lengths) + len(others.slots.lengths))
        self.slots.append(others.slots)
        self.logits = torch.cat([self.logits, others.logits])
        if self.remembered is not None and others.remembered is not None:
            self.remembered += others.remembered

    def _drop_ended(self) -> None:
        if self.remembered is not None and self._ended:
            ended = [tuple(self.remembered[slot]) for slot in self._ended]
            self.passes.ended.add(ended, self.slots.part(self._ended))
            self.remembered = [self.remembered[slot] for slot in self._going]
        self._ended = []
        if self._going:
            self.slots.keep(self._going)
            self._going = list(range(len(self._going)))


@dataclass
class Padded:
    """Sequences that are padded on the left; 0 in the mask is padding."""

    network: Network
    logits: torch.Tensor
    mask: torch.Tensor
    cache: Any

    @torch.inference_mode()
    def go_on(self, sequences: Sequence[int], tokens: Sequence[int]) -> None:
        """Append a token to each of these of the sequences; the others have ended."""
        if not sequences:
            return
        if len(sequences) < len(self.mask):
            index = torch.tensor(sequences)
            self.mask = self.mask[index]
            self.cache.reorder_cache(index.to(self.logits.device))
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
        self.logits, self.cache = self.network.beside(torch.tensor(tokens)[:, None], self.mask, self.cache)


class Anew:
    """Sequences of one length that are run as a whole for every token, since nothing can be kept of them."""

    def __init__(self, network: Network, sequences: Sequence[Tokens]) -> None:
        self._network = network
        self._sequences = list(sequences)
        self.logits = network.whole(sequences)[:, -1]

    def go_on(self, sequences: Sequence[int], tokens: Sequence[int]) -> None:
        """Append a token to each of these of the sequences; the others have ended."""
        going = [self._sequences[i] for i in sequences]
        self._sequences = [(*begun, token) for begun, token in zip(going, tokens, strict=True)]
        if going:
            self.logits = self._network.whole(self._sequences)[:, -1]
