"""Drawing tokens: each sequence from its own seed, whatever is drawn beside it."""

import random
from collections import deque
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field

import torch

from cotfaith.models.engine import Draw, Drawn, Tokens
from cotfaith.models.local.continued import KEPT_SHARE, Continued
from cotfaith.models.local.passes import Passes
from cotfaith.models.local.ways import Way
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import Sampling

SOON = 256
"""Tokens that sequences have room for when they enter; beyond them some may have to wait again."""
NUCLEUS_CANDIDATES = 1024  # looked at first; the whole vocabulary only where they hold less than top_p


@dataclass
class Row:
    """One sequence while it is drawn."""

    draw: Draw
    closers: Set[int] = frozenset()
    """The tokens with which a stop string can end."""
    drawn: list[int] = field(default_factory=list)
    stopped: bool = False
    logprob: float = 0.0

    def __post_init__(self) -> None:
        self._random = random.Random(self.draw.seed)
        self._window = max(map(len, self.draw.stop), default=0) + 4

    @property
    def ended(self) -> bool:
        """Stopped, or out of room."""
        return self.stopped or len(self.drawn) >= self.draw.sampling.max_new_tokens

    @property
    def longest(self) -> int:
        """How many tokens it can become."""
        return len(self.draw.prompt) + self.draw.sampling.max_new_tokens

    @property
    def length(self) -> int:
        """How many tokens it has."""
        return len(self.draw.prompt) + len(self.drawn)

    def room(self, way: Way) -> int:
        """Return how many tokens it needs room for: soon, or ever where it cannot be put off."""
        return min(self.longest, self.length + SOON) if way is Way.SHARED else self.longest

    def uniform(self) -> float:
        """Return the next random number in [0, 1)."""
        return self._random.random()

    def take(self, token: int, logprob: float, ends: Set[int], vocabulary: Vocabulary) -> None:
        """Add a token; a stop string is looked for in the last few tokens, where it must end."""
        self.drawn.append(token)
        self.logprob += logprob
        self.stopped = token in ends
        if token in self.closers and not self.stopped:
            tail = vocabulary.decode(self.drawn[-self._window :])
            self.stopped = any(stop in tail for stop in self.draw.stop)


@dataclass(frozen=True)
class Sampler:
    """Draws tokens for many sequences beside each other."""

    passes: Passes
    ends: Set[int]
    """The tokens that end a sequence."""
    vocabulary: Vocabulary
    """Finds stop strings in what is drawn."""
    check: Callable[[torch.Tensor], None]
    """Raises an error for logits that are no numbers."""

    def sample(self, draws: Sequence[Draw]) -> list[Drawn]:
        """Draw tokens for each row, in the fastest way that is right for it."""
        rows = [Row(draw, self.vocabulary.closers(draw.stop)) for draw in draws]
        groups: dict[tuple[Way, int], list[Row]] = {}
        for row in sorted(rows, key=lambda row: (len(row.draw.prompt), row.draw.prompt)):
            way = self.passes.ways.of(row.longest)
            length = 0 if way in (Way.SHARED, Way.PADDED) else len(row.draw.prompt)
            groups.setdefault((way, length), []).append(row)
        for (way, _), group in groups.items():
            self._sample(group, way)
        return [Drawn(tuple(row.drawn), row.stopped, row.logprob) for row in rows]

    def _sample(self, rows: Sequence[Row], way: Way) -> None:
        """Draw as many rows at once as fit; where some have ended, others enter if beginnings are shared.

        Rows of the same prompt enter beside each other. What will be asked about is remembered. Where rows
        outgrow the memory, those that entered last wait again, and go on later from where they were.
        """
        waiting = deque(rows)
        followed = all(row.draw.followed for row in rows)
        going: list[Row] = []
        continued: Continued | None = None
        while waiting or going:
            if not going or (waiting and self._have_room(going, way)):
                entering = self._entering(going, waiting, way)
                if entering:
                    prompts = [self._sequence(row) for row in entering]
                    beside = continued if going else None
                    continued = self.passes.begin(prompts, way, beside=beside, remember=followed)
                    going += entering
            assert continued is not None
            self._take(going, continued.logits)
            staying = self._staying(going, way)
            put_off = [row for row in going if not row.ended][len(staying) :]
            waiting.extendleft(reversed(put_off))
            there = {id(row) for row in staying}
            continued.go_on(
                [i for i, row in enumerate(going) if id(row) in there],
                [self.entering(row, len(row.drawn) - 1) for row in staying],
            )
            going = staying

    def _have_room(self, rows: Sequence[Row], way: Way) -> bool:
        """Tell whether enough rows have ended for others to enter, which can where beginnings are shared."""
        if way is not Way.SHARED:
            return False
        return len(rows) <= KEPT_SHARE * self.passes.sequences_at_once(
            way, max(row.room(way) for row in rows)
        )

    def _entering(self, going: Sequence[Row], waiting: deque[Row], way: Way) -> list[Row]:
        """Take as many of the waiting rows, in their order, as fit beside those that are going."""
        entering: list[Row] = []
        longest = max((row.room(way) for row in going), default=0)
        while waiting:
            longest = max(longest, waiting[0].room(way))
            if len(going) + len(entering) >= self.passes.sequences_at_once(way, longest):
                break
            entering.append(waiting.popleft())
        return entering

    def _take(self, rows: Sequence[Row], logits: torch.Tensor) -> None:
        """Draw a token for each row."""
        self.check(logits)
        tokens = draw(logits, rows)
        logprobs = logits.log_softmax(-1)[range(len(rows)), tokens].tolist()
        for row, token, logprob in zip(rows, tokens, logprobs, strict=True):
            row.take(token, logprob, self.ends, self.vocabulary)

    def _staying(self, rows: Sequence[Row], way: Way) -> list[Row]:
        """Return the rows that go on: all that have not ended, or fewer where they outgrow the memory."""
        open_ones = [row for row in rows if not row.ended]
        if way is not Way.SHARED or not open_ones:
            return open_ones
        fitting = self.passes.sequences_at_once(way, 1 + max(row.length for row in open_ones))
        return open_ones if len(open_ones) <= fitting else open_ones[: max(1, int(KEPT_SHARE * fitting))]

    def _sequence(self, row: Row) -> Tokens:
        """Return what goes through the network for all tokens of a row so far."""
        return (*row.draw.prompt, *(self.entering(row, i) for i in range(len(row.drawn))))

    def entering(self, row: Row, place: int) -> int:
        """Return what goes through the network for the token that was drawn at a place."""
        return row.drawn[place]


def draw(logits: torch.Tensor, rows: Sequence[Row]) -> list[int]:
    """Draw a token a row, (rows, vocabulary) → rows, by inverting the nucleus's distribution function.

    The tokens of the nucleus are laid out by token id, so that two nearly equal probabilities that swap
    their order in another batch do not change what is drawn.
    """
    temperature = torch.tensor([row.draw.sampling.temperature for row in rows], device=logits.device)
    uniform = torch.tensor([row.uniform() for row in rows], dtype=torch.float64, device=logits.device)
    scaled = logits / torch.where(temperature > 0, temperature, 1.0)[:, None]
    probs, ids = nucleus(scaled, [row.draw.sampling for row in rows])
    ids, order = ids.sort(dim=-1)
    distribution = probs.gather(-1, order).double().cumsum(-1)
    place = (distribution <= uniform[:, None] * distribution[:, -1:]).sum(-1, keepdim=True)
    drawn = ids.gather(-1, place.clamp(max=ids.shape[-1] - 1))[:, 0]
    return torch.where(temperature > 0, drawn, logits.argmax(-1)).tolist()


def nucleus(scaled: torch.Tensor, sampling: Sequence[Sampling]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the likeliest tokens and their probabilities, 0 outside of what is drawn from, (rows, tokens).

    As in transformers: the likeliest `top_k`, of these the fewest that hold `top_p` of what they hold
    together, and of these what is at least `min_p` times as likely as the likeliest.
    """
    top_k = torch.tensor([one.top_k or scaled.shape[-1] for one in sampling], device=scaled.device)
    top_p = torch.tensor([one.top_p for one in sampling], device=scaled.device)
    min_p = torch.tensor([one.min_p for one in sampling], device=scaled.device)
    norm = scaled.logsumexp(-1, keepdim=True)
    for size in (min(NUCLEUS_CANDIDATES, scaled.shape[-1]), scaled.shape[-1]):
        values, ids = scaled.topk(size, dim=-1)
        probs = (values - norm).exp()
        ranked = torch.arange(size, device=scaled.device) < top_k[:, None]
        cumulative = (probs * ranked).cumsum(-1)
        of_all = top_k >= scaled.shape[-1]
        if bool(torch.where(of_all, cumulative[:, -1] >= top_p, top_k <= size).all()):
            break
    held = torch.where(of_all, 1.0, cumulative[:, -1])
    inside = (
        ranked & (cumulative - probs < (top_p * held)[:, None]) & (probs >= min_p[:, None] * probs[:, :1])
    )
    inside[:, 0] = True
    return probs * inside, ids
