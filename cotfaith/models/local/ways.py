"""Which way of running sequences together gives what each gives by itself: tried, not believed."""

import logging
import math
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import torch

from cotfaith.errors import InputError
from cotfaith.models.engine import Tokens
from cotfaith.models.local.network import Network

log = logging.getLogger(__name__)


class Way(Enum):
    """How sequences are run together, the fastest first; each with what it is called in a warning."""

    SHARED = "with their beginnings shared"
    PADDED = "beside each other, padded to one length"
    EQUAL = "beside others of the same length"
    WHOLE = "beside others of the same length, anew for every token"


FIRST = 128
"""Up to this length sequences are tried at first, and twice as long ones when longer ones are asked."""

LIKELIEST = 20
"""Tokens behind a sequence whose log-probabilities are compared."""

CROWD, CROWD_TOKENS = 6, 40
LEAST = 1e-4
"""How far apart log-probabilities may be in the mean, however exact the machine."""
FLOORS = 2
"""How many times farther apart than the floor they may be."""

SUSPECT = re.compile(r"window|chunk|local|slid|position|length|context|seq", re.IGNORECASE)
"""Names of numbers in a configuration at which something may change with a sequence's length."""


Attempt = Callable[[Sequence[Tokens]], Iterable[tuple[Tokens, torch.Tensor]]]
"""A way of running sequences, as it is tried: gives the logits behind each, and before its last token."""


class Floor(NamedTuple):
    """How far apart the numbers of a sequence are that is computed alone, in a crowd and as a beginning."""

    logprob: float
    """The mean difference of log-probabilities, of the likeliest tokens."""
    probability: float
    """The largest difference of a token's probability."""


class Ways:
    """Which way is right for sequences of a length."""

    def __init__(self, network: Network, config: Any, context: int, attempts: Mapping[Way, Attempt]) -> None:
        self._network = network
        self._config = config
        self._context = context
        self._attempts = attempts
        self._right_up_to = dict.fromkeys(attempts, 0)
        self._ends: set[Way] = set()
        self._failed = "computes no numbers"
        self._truth = lru_cache(2)(self._computed_alone)

    def of(self, length: int) -> Way:
        """Return the fastest way that is right for sequences of up to so many tokens."""
        with self._network.on_trial():
            return next((way for way in self._attempts if self._reaches(way, length)), Way.WHOLE)

    @cached_property
    def floor(self) -> Floor:
        """How far apart this machine's numbers are for a sequence alone, in a crowd and as a beginning."""
        alone, others = self._in_company
        moved = max(float((some.softmax(-1) - alone.softmax(-1)).abs().max()) for some in others)
        return Floor(max(apart(some, alone) for some in others), moved)

    @cached_property
    def tolerance(self) -> float:
        """By how much log-probabilities may differ in the mean from those of a sequence by itself.

        Logits are rounded to the format of the weights, so that nothing finer than that can be told.
        """
        alone, _ = self._in_company
        rounding = torch.finfo(self._network.dtype).eps / 2
        spacing = rounding * float(alone.topk(min(LIKELIEST, alone.shape[-1])).values.abs().mean())
        return max(LEAST, FLOORS * self.floor.logprob, spacing)

    @cached_property
    def _in_company(self) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Return logits behind sequences alone; in a crowd; and with tokens behind, which they do not see."""
        sequences = [self.tokens(seed, CROWD_TOKENS) for seed in range(CROWD)]
        longer = [(*sequence, *sequence[:4]) for sequence in sequences]
        alone = torch.cat([self._network.whole([sequence])[:, 0] for sequence in sequences])
        crowd, begun = self._network.whole(sequences), self._network.whole(longer, [CROWD_TOKENS - 1])
        return alone, (crowd[:, 0], begun[:, 0])

    def _reaches(self, way: Way, length: int) -> bool:
        """Tell whether a way is right up to a length, and try it on longer sequences as such are asked."""
        while self._right_up_to[way] < length and way not in self._ends:
            proven = self._right_up_to[way]
            longer = max(FIRST, 2 * proven)
            longer = min(longer, self._context) if proven < self._context else longer
            far = self._tried(way, longer)
            if far <= self.tolerance:
                self._right_up_to[way] = longer
            else:
                self._end(way, proven, longer, far)
        return length <= self._right_up_to[way]

    def _end(self, way: Way, proven: int, wrong: int, far: float) -> None:
        """Find up to which length a way is right, and say so."""
        self._refuse_memory(wrong)
        self._ends.add(way)
        between = sorted((n for n in self._suspects if proven < n < wrong), reverse=True)
        found = (n for n in between if self._tried(way, n) <= self.tolerance)
        self._right_up_to[way] = limit = next(found, proven)
        others = f"sequences of more than {limit} tokens are" if limit else "sequences are"
        what = self._failed if math.isinf(far) else f"changes log-probabilities by {far:.2g}"
        log.warning("Running sequences of %d tokens %s %s; %s not run so.", wrong, way.value, what, others)

    def _tried(self, way: Way, length: int) -> float:
        """Return how far apart a way's log-probabilities are from the truth; infinitely where it fails."""
        true = self._truth(length)
        try:
            found = list(self._attempts[way](self._trial(length)))
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # noqa: BLE001 networks of other kinds fail in ways of their own
            self._failed = f"fails ({type(error).__name__}: {str(error).strip().partition(chr(10))[0]:.120})"
            return math.inf
        return apart(torch.stack([logits for _, logits in found]), torch.stack([true[k] for k, _ in found]))

    def _computed_alone(self, length: int) -> dict[Tokens, torch.Tensor]:
        """Return what an attempt must give."""
        alone = [(one, self._network.whole([one], (-2, -1))[0]) for one in self._trial(length)]
        return {one[: len(one) - 1 + i]: logits[i] for one, logits in alone for i in (0, 1)}

    def _refuse_memory(self, length: int) -> None:
        """Refuse a network that gives a sequence other numbers after a longer one than after a short one."""
        short, sequence, longer = self.tokens(2, 8), self.tokens(1, 3 * length // 4), self.tokens(0, length)
        asked = (short, sequence, longer, sequence)
        _, first, _, again = (self._network.whole([one])[0] for one in asked)
        moved = apart(again, first)
        if self.tolerance < moved < math.inf:
            raise InputError(
                "this model gives a sequence other numbers when it has run another one before "
                f"(log-probabilities {moved:.2g} apart), so that no answer of it means anything. "
                "Try another version of transformers."
            )

    def _trial(self, length: int) -> list[Tokens]:
        """Return sequences that begin alike, the last of this length; at first also another such one."""
        common = self.tokens(length, length // 2)
        lengths = (len(common) + 2, length, *[length] * (length == FIRST))
        branches = [self.tokens(length + seed, size - len(common)) for seed, size in enumerate(lengths, 1)]
        last = self._network.vocabulary - 1
        return [(*common, last - i, *branch[1:]) for i, branch in enumerate(branches)]

    def tokens(self, seed: int, n: int) -> Tokens:
        """Return so many tokens of the network's vocabulary, the same for each seed."""
        return tuple(random.Random(seed).choices(range(self._network.vocabulary), k=n))

    @cached_property
    def _suspects(self) -> set[int]:
        """The lengths at which, by its configuration, something may change."""
        return {n for n in _numbers(self._config.to_dict()) if FIRST // 8 <= n < self._context}


def _numbers(value: object, named: bool = False) -> Iterator[int]:
    """Yield the numbers of a configuration, also in its parts, whose name says that they may be lengths."""
    if isinstance(value, Mapping):
        for name, inside in value.items():
            yield from _numbers(inside, named or SUSPECT.search(str(name)) is not None)
    elif isinstance(value, (list, tuple)):
        for inside in value:
            yield from _numbers(inside, named)
    elif named and isinstance(value, int) and not isinstance(value, bool):
        yield value


def apart(found: torch.Tensor, true: torch.Tensor) -> float:
    """Return the mean difference of the likeliest tokens' log-probabilities, (rows, vocabulary) each."""
    alone = true.log_softmax(-1)
    likeliest = alone.topk(min(LIKELIEST, alone.shape[-1]), dim=-1).indices
    difference = (found.log_softmax(-1) - alone).gather(-1, likeliest)
    return float(difference.abs().mean().nan_to_num(torch.inf))
