"""Drawing tokens: each sequence from its own seed, whatever is drawn beside it."""

import random
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field

import torch

from cotfaith.models.batches import Tokens
from cotfaith.schema import GenerationRequest

NUCLEUS_CANDIDATES = 1024  # looked at first; the whole vocabulary only where they hold less than top_p


@dataclass
class Row:
    """One sequence while it is sampled."""

    request: GenerationRequest
    prompt: Tokens
    closers: Set[int] = frozenset()
    """The tokens with which a stop string can end."""
    drawn: list[int] = field(default_factory=list)
    room: int = 0
    stopped: bool = False
    logprob: float = 0.0

    def __post_init__(self) -> None:
        self._random = random.Random(self.request.seed)
        self._window = max(map(len, self.request.stop), default=0) + 4

    @property
    def ended(self) -> bool:
        """Stopped, or out of room."""
        return self.stopped or len(self.drawn) >= self.room

    def uniform(self) -> float:
        """Return the next random number in [0, 1)."""
        return self._random.random()

    def take(
        self, token: int, logprob: float, ends: Set[int], decode: Callable[[Sequence[int]], str]
    ) -> None:
        """Add a token; a stop string is looked for in the last few tokens, where it must end."""
        self.drawn.append(token)
        self.logprob += logprob
        self.stopped = token in ends
        if token in self.closers and not self.stopped:
            tail = decode(self.drawn[-self._window :])
            self.stopped = any(stop in tail for stop in self.request.stop)


def draw(logits: torch.Tensor, rows: Sequence[Row]) -> list[int]:
    """Draw a token a row, (rows, vocabulary) → rows, by inverting the nucleus's distribution function.

    The tokens of the nucleus are laid out by token id, so that two nearly equal probabilities that swap
    their order in another batch do not change what is drawn.
    """
    temperature = torch.tensor([row.request.sampling.temperature for row in rows], device=logits.device)
    top_p = torch.tensor([row.request.sampling.top_p for row in rows], device=logits.device)
    uniform = torch.tensor([row.uniform() for row in rows], dtype=torch.float64, device=logits.device)
    scaled = logits / torch.where(temperature > 0, temperature, 1.0)[:, None]
    norm = scaled.logsumexp(-1, keepdim=True)
    for size in (min(NUCLEUS_CANDIDATES, logits.shape[-1]), logits.shape[-1]):
        values, ids = scaled.topk(size, dim=-1)
        probs = (values - norm).exp()
        cumulative = probs.cumsum(-1)
        if bool((cumulative[:, -1] >= top_p).all()):
            break
    inside = cumulative - probs < top_p[:, None]
    inside[:, 0] = True
    probs = probs * inside
    ids, order = ids.sort(dim=-1)
    distribution = probs.gather(-1, order).double().cumsum(-1)
    place = (distribution <= uniform[:, None] * distribution[:, -1:]).sum(-1, keepdim=True)
    drawn = ids.gather(-1, place.clamp(max=ids.shape[-1] - 1))[:, 0]
    return torch.where(temperature > 0, drawn, logits.argmax(-1)).tolist()
