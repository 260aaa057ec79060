"""Tokens with what is done to them inside, as one number each, so that equal ones are computed once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from cotfaith.models.engine import Draw, Hidden, Taken, Tokens, Touch, Touched

Layers = tuple[int, ...] | None
"""Which layers; None: all."""


class Span(NamedTuple):
    """Places, counted from the beginning of a sequence, that are hidden in layers."""

    begin: int
    end: int
    layers: Layers


class Symbol(NamedTuple):
    """A token, and what is done while it is computed."""

    token: int
    depth: int = 0
    """Its place; 0 where nothing is done at that very place."""
    hidden: tuple[Span, ...] = ()
    """What it cannot attend to."""
    taken: tuple[tuple[Layers, int], ...] = ()
    """Before which layers its state is that of which donor."""
    kept: int | None = None
    """The donor as which its states are remembered."""


@dataclass
class Donor:
    """A sequence from which states are taken."""

    tokens: Tokens
    begin: int
    """From which place on they are."""
    layers: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class TouchedDraw(Draw):
    """A draw behind a sequence of symbols."""

    touch: Touch = ()


class Symbols:
    """The symbols of some sequences: tokens with which nothing is done are themselves."""

    def __init__(self, vocabulary: int) -> None:
        self._vocabulary = vocabulary
        self._numbers: dict[Symbol, int] = {}
        self._symbols: list[Symbol] = []
        self._donor_numbers: dict[Tokens, int] = {}
        self.donors: list[Donor] = []

    def of(self, sequence: Touched) -> Tokens:
        """Return a sequence in symbols."""
        if not sequence.touch:
            return sequence.tokens
        return tuple(self.following(t, depth, sequence.touch) for depth, t in enumerate(sequence.tokens))

    def draw(self, draw: Draw, touch: Touch) -> TouchedDraw:
        """Return a draw whose prompt is in symbols; nothing of it is remembered."""
        prompt = self.of(Touched(draw.prompt, touch))
        return TouchedDraw(prompt, draw.sampling, draw.seed, draw.stop, touch=touch)

    def following(self, token: int, depth: int, touch: Touch) -> int:
        """Return the symbol of a token at a place of a sequence that is touched so."""
        hidden = tuple(
            Span(one.begin, one.end, one.layers)
            for one in touch
            if isinstance(one, Hidden) and one.first <= depth and (one.last is None or depth < one.last)
        )
        taken = tuple(
            (one.layers, self._donor(one))
            for one in touch
            if isinstance(one, Taken) and one.begin <= depth < one.end
        )
        if not hidden and not taken:
            return token
        return self._number(Symbol(token, depth if taken else 0, hidden, taken))

    def donor_sequences(self) -> Iterator[Tokens]:
        """Yield the donors in symbols, by which their states are remembered."""
        for number, donor in enumerate(self.donors):
            marked = range(donor.begin, len(donor.tokens))
            yield tuple(
                self._number(Symbol(token, depth, kept=number)) if depth in marked else token
                for depth, token in enumerate(donor.tokens)
            )

    def found(self, numbers: torch.Tensor) -> tuple[list[Symbol], torch.Tensor]:
        """Return the distinct symbols of a tensor, and for each place which of them it is."""
        distinct, which = torch.unique(numbers, return_inverse=True)
        n = self._vocabulary
        return [self._symbols[k - n] if k >= n else Symbol(k) for k in distinct.tolist()], which

    def _number(self, symbol: Symbol) -> int:
        if symbol not in self._numbers:
            self._numbers[symbol] = self._vocabulary + len(self._symbols)
            self._symbols.append(symbol)
        return self._numbers[symbol]

    def _donor(self, taken: Taken) -> int:
        number = self._donor_numbers.setdefault(taken.donor, len(self.donors))
        if number == len(self.donors):
            self.donors.append(Donor(taken.donor, taken.begin))
        donor = self.donors[number]
        donor.begin = min(donor.begin, taken.begin)
        donor.layers.update(taken.layers)
        return number
