"""The engine on a server: tokens are sent, numbers come back, and a canary says that one model sent them."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from cotfaith.canary import Canary, from_kept
from cotfaith.errors import InputError
from cotfaith.models.engine import Draw, Drawn, Tokens
from cotfaith.models.served import canary
from cotfaith.models.served.dialect import MOST_IDS
from cotfaith.models.served.probing import Probes, Proven
from cotfaith.models.served.server import Server
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import Abilities, ModelInfo

WINDOW = 4
"""Tokens beside the length of a stop string within which it is looked for."""


@dataclass(frozen=True)
class Known:
    """What is known of a served model before it is asked anything."""

    info: ModelInfo
    context: int
    ends: frozenset[int]
    advised: Mapping[str, float]
    told: str
    """What a reader must know of where it runs."""


class Connection(Protocol):
    """Where the server is; it may have to be started first."""

    @property
    def assumed(self) -> Abilities | None:
        """What it will be able to do, as it is started; None where it has to show that first."""

    def server(self) -> Server:
        """Return the server, which answers."""


class ServedEngine:
    """A causal language model on a server that speaks vLLM's dialect."""

    def __init__(self, source: str, connection: Connection, known: Known, vocabulary: Vocabulary) -> None:
        self._source = source
        self._connection = connection
        self._known = known
        self._vocabulary = vocabulary
        self._asked = canary.questions(vocabulary)
        self._before: Canary | None = None

    @property
    def info(self) -> ModelInfo:
        """Name, fingerprint of all that is known of it, and number of parameters."""
        return self._known.info

    @property
    def abilities(self) -> Abilities:
        """What the server has shown that it can do; of one that is still to be started, what it will."""
        assumed = self._connection.assumed
        return self._proven.abilities if assumed is None or "_proven" in vars(self) else assumed

    @property
    def arithmetic(self) -> str:
        """Where numbers are computed, for messages."""
        return "what its server computes"

    @property
    def advised(self) -> Mapping[str, float]:
        """How the model's makers say that text is drawn from it."""
        return self._known.advised

    @property
    def floor(self) -> float | None:
        """How far the probability of a token moves with what is computed beside it; None before any."""
        return self._proven.floor if "_proven" in vars(self) else None

    @property
    def told(self) -> str:
        """What a reader must know of where it runs, and of what the server cannot do."""
        return "; ".join([self._known.told, *self._proven.told])

    @property
    def at_once(self) -> int:
        """How many requests keep the server busy."""
        return self._server.wire.crowd.most

    @property
    def context(self) -> int:
        """The longest sequence, in tokens."""
        return self._known.context

    @property
    def ends(self) -> AbstractSet[int]:
        """The tokens that end a sequence."""
        return self._known.ends

    @cached_property
    def _server(self) -> Server:
        return self._connection.server()

    @cached_property
    def _proven(self) -> Proven:
        proven = Probes(self._source, self._server, self._vocabulary, self.ends).prove()
        self._before = proven.canary
        return proven

    def prove(self, kept: Any | None) -> Any | None:
        """Refuse a model that is not the one of which this canary was kept; return what is to be kept.

        None where no canary can be had, since the server tells no log-probabilities.
        """
        if not self._proven.abilities.logprobs:
            return None
        if kept is not None:
            self._before = from_kept(kept)
        self._refuse_other()
        assert self._before is not None
        return self._before.kept

    def next_logprobs(self, wanted: Mapping[Tokens, AbstractSet[int]]) -> dict[tuple[Tokens, int], float]:
        """Return the log-probability of each wanted token behind its sequence.

        Sequences of which the same tokens are wanted are sent together, those with equal beginnings beside
        each other.
        """
        if not wanted:
            return {}
        groups: dict[frozenset[int], list[Tokens]] = {}
        for sequence, tokens in sorted(wanted.items()):
            for ids in _parted(tokens):
                groups.setdefault(ids, []).append(sequence)
        self._need("logprobs")
        found = {}
        for ids, scores in self._server.scores_of(groups):
            for sequence, row in zip(groups[ids], scores, strict=True):
                found.update({(sequence, token): value for token, value in row.items()})
        self._refuse_other()
        return found

    def text_logprobs(self, texts: Sequence[Tokens], begins: Sequence[int]) -> list[list[float]]:
        """Return the log-probability of each token of each sequence, from its place in `begins` on."""
        if not texts:
            return []
        self._need("texts")
        found = self._texts(texts, begins)
        self._refuse_other()
        return found

    def draw(self, rows: Sequence[Draw]) -> list[Drawn]:
        """Draw behind each sequence, one request a row."""
        if not rows:
            return []
        for row in rows:
            self._refuse_sampling(row)
        found = self._server.drawn(rows, self.ends)
        drawn = [self._cut(row, *one) for row, one in zip(rows, found, strict=True)]
        if not self._proven.raw:
            drawn = self._scored(rows, drawn)
        self._refuse_other()
        return drawn

    def _need(self, ability: str) -> None:
        for does, otherwise in self._proven.abilities.lacking({ability}):
            raise InputError(f"model {self._source!r}: the server's is no model that {does}. {otherwise}")

    def _texts(self, texts: Sequence[Tokens], begins: Sequence[int]) -> list[list[float]]:
        """Score texts; nothing stands before a first token, which has no log-probability."""
        if any(begin == 0 and text for text, begin in zip(texts, begins, strict=True)):
            raise InputError(f"model {self._source!r}: a text with nothing before it cannot be scored.")
        scored = self._server.texts(texts, begins)
        return [[value for value, _ in one] for one in scored]

    def _refuse_sampling(self, row: Draw) -> None:
        """Refuse what the server would ignore or do otherwise."""
        sampling = row.sampling
        asked = {"top_p": sampling.top_p < 1, "top_k": sampling.top_k > 0, "min_p": sampling.min_p > 0}
        for name, used in asked.items():
            if used and sampling.temperature > 0 and name not in self._proven.narrows:
                neutral = {"top_p": "1", "top_k": "0", "min_p": "0"}[name]
                option = f"--{name.replace('_', '-')}"
                raise InputError(
                    f"model {self._source!r}: the server does not draw by {option}. Give {option} {neutral}."
                )

    def _cut(self, row: Draw, drawn: Drawn, logprobs: Sequence[float]) -> Drawn:
        """End what was drawn with the token that completes a stop string, whatever the server has done."""
        if row.stop:
            closers = self._vocabulary.closers(row.stop)
            window = max(map(len, row.stop)) + WINDOW
            for i, token in enumerate(drawn.tokens):
                if token in closers and token not in self.ends:
                    tail = self._vocabulary.decode(drawn.tokens[max(0, i + 1 - window) : i + 1])
                    if any(stop in tail for stop in row.stop):
                        return Drawn(drawn.tokens[: i + 1], stopped=True, logprob=sum(logprobs[: i + 1]))
        return drawn

    def _scored(self, rows: Sequence[Draw], drawn: Sequence[Drawn]) -> list[Drawn]:
        """Put the log-probabilities at temperature 1 in the place of those that the server tells."""
        if not self._proven.abilities.texts:
            return [Drawn(one.tokens, one.stopped, None) for one in drawn]
        whole = [row.prompt + one.tokens for row, one in zip(rows, drawn, strict=True)]
        scores = self._texts(whole, [len(row.prompt) for row in rows])
        return [Drawn(one.tokens, one.stopped, sum(each)) for one, each in zip(drawn, scores, strict=True)]

    def _refuse_other(self) -> None:
        """Refuse a model that is not the one that was proven."""
        if self._proven.abilities.logprobs:
            scores = self._server.scores(self._asked.sequences, self._asked.ids)
            now = canary.canary(self._asked, scores)
            canary.refuse_other(self._source, self._before or now, now)


def _parted(tokens: AbstractSet[int]) -> list[frozenset[int]]:
    """Part tokens into as many as are told of one sequence at once."""
    ordered = sorted(tokens)
    return [frozenset(ordered[i : i + MOST_IDS]) for i in range(0, len(ordered), MOST_IDS)]
