"""The seam between asking and computing: an engine takes tokens and gives numbers, and knows no text."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from cotfaith.schema import Abilities, Divergence, ModelInfo, Sampling

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Draw:
    """A sequence to go on from, and how its next tokens are drawn."""

    prompt: Tokens
    sampling: Sampling
    seed: int = 0
    """Decides what is drawn, whatever is drawn beside it."""
    stop: tuple[str, ...] = ()
    """Ends with the token that completes one of these texts."""
    followed: bool = False
    """Whether something will be asked behind what is drawn, so that it is worth keeping what was computed."""


@dataclass(frozen=True)
class Drawn:
    """The tokens that were drawn, with the one that ended them."""

    tokens: Tokens = ()
    stopped: bool = False
    """Ended by the model or a stop string, not by the limit."""
    logprob: float | None = 0.0
    """Sum of their log-probabilities at temperature 1; None where it is not known."""


@dataclass(frozen=True)
class Hidden:
    """Tokens of a sequence to which some behind them cannot attend."""

    begin: int
    end: int
    """The place behind the last of them."""
    first: int
    """The first that cannot; never before `end`."""
    last: int | None = None
    """The place behind the last that cannot; None: no one to come can."""
    layers: tuple[int, ...] | None = None
    """In which layers; None: in all."""


@dataclass(frozen=True)
class Taken:
    """Tokens whose states before some layers are those that they have in another sequence."""

    begin: int
    end: int
    donor: Tokens
    """The other sequence; it is as long as `end`."""
    layers: tuple[int, ...]


Touch = tuple[Hidden | Taken, ...]
"""What is done inside while a sequence is computed."""


@dataclass(frozen=True)
class Touched:
    """A sequence, and what is done inside while it is computed."""

    tokens: Tokens
    touch: Touch = ()


class Engine(Protocol):
    """What runs a network: here, or elsewhere."""

    @property
    def info(self) -> ModelInfo:
        """Name, fingerprint of all that decides the numbers, and number of parameters."""

    @property
    def abilities(self) -> Abilities:
        """What it can do; known before any weights are loaded, and proven when they are."""

    @property
    def arithmetic(self) -> str:
        """How numbers are computed, for messages."""

    @property
    def advised(self) -> Mapping[str, float]:
        """How the model's makers say that text is drawn from it, by the names of `Sampling`."""

    @property
    def floor(self) -> float | None:
        """How far the probability of a token moves with what is computed beside it; None if not measured."""

    @property
    def told(self) -> str:
        """What a reader must know of how it computes; empty if nothing."""

    @property
    def at_once(self) -> int | None:
        """How many requests keep it busy, where it runs elsewhere; None here."""

    @property
    def context(self) -> int:
        """The longest sequence, in tokens."""

    @property
    def ends(self) -> Set[int]:
        """The tokens that end a sequence."""

    def prove(self, kept: Any | None) -> Any | None:
        """Refuse a model that is not the one of which this was kept; return what is to be kept of it.

        None where nothing has to be, since its weights are known.
        """

    def next_logprobs(self, wanted: Mapping[Tokens, Set[int]]) -> dict[tuple[Tokens, int], float]:
        """Return the log-probability of each wanted token behind its sequence."""

    def text_logprobs(self, texts: Sequence[Tokens], begins: Sequence[int]) -> list[list[float]]:
        """Return the log-probability of each token of each sequence, from its place in `begins` on."""

    def draw(self, rows: Sequence[Draw]) -> list[Drawn]:
        """Draw behind each sequence; one row's result does not depend on the others."""


@runtime_checkable
class InsideEngine(Protocol):
    """What can also be changed inside while it computes: an engine whose abilities hold `hooks`."""

    @property
    def layers(self) -> int:
        """How many layers there are; known before any weights are loaded."""

    def check_inside(self) -> None:
        """Raise InputError where what is done inside does not do what it should; found out by trial."""

    def next_logprobs_inside(self, wanted: Mapping[Touched, Set[int]]) -> dict[tuple[Touched, int], float]:
        """Return the log-probability of each wanted token behind its touched sequence."""

    def divergences_inside(
        self, pairs: Sequence[tuple[Touched, Touched]], temperature: float = 1
    ) -> list[Divergence]:
        """Return how far what follows the second sequence of each pair is from what follows the first."""

    def attention(self, asked: Sequence[tuple[Tokens, int, int]]) -> list[tuple[float, ...]]:
        """Return how much each sequence's last token attends to a part of its places, layer by layer."""

    def draw_inside(self, rows: Sequence[tuple[Draw, Touch]]) -> list[Drawn]:
        """Draw behind each sequence, which and whose continuation is computed as it is touched."""


def common_length(first: Tokens, second: Tokens) -> int:
    """Count the tokens that both sequences begin with."""
    length = min(len(first), len(second))
    if first[:length] == second[:length]:
        return length
    return next(i for i in range(length) if first[i] != second[i])
