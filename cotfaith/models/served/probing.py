"""What a server can do, each thing proven by its effect: that it answers without an error proves nothing."""

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

from cotfaith.canary import Canary
from cotfaith.errors import InputError
from cotfaith.models.engine import Draw, Drawn, Tokens
from cotfaith.models.served import canary, dialect
from cotfaith.models.served.server import Server
from cotfaith.models.served.wire import GoneError
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import Abilities, Sampling

NEAR = 0.3
"""How far a log-probability may be from the same one, had in another way, in half precision."""
FLAT = 32
"""Tokens that are drawn behind one sequence to see from how wide a distribution they come."""
SEVERAL = 3
"""Sequences behind which they are drawn."""
TIES = 0.05
"""The share of greedily drawn tokens that may be second, where two are nearly equal in half precision."""
UNLIKELY = 1e-6
"""A probability at which chance is no explanation."""
CROWD = 64
REPEATED = 4
LENGTH = 8
HOTTEST = 2.0
START_IT = "Start it with --generation-config vllm."
REPETITIVE = "1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1,"
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=LENGTH)
WILD = Sampling(temperature=HOTTEST, top_p=1.0, max_new_tokens=LENGTH)
NARROW = {
    "top_p": Sampling(HOTTEST, 1e-6, LENGTH),
    "top_k": Sampling(HOTTEST, 1.0, LENGTH, top_k=1),
    "min_p": Sampling(HOTTEST, 1.0, LENGTH, min_p=1.0),
}
"""Ways of asking for the likeliest token alone, by the field that does it."""

Found = TypeVar("Found")


def takes_tokens(server: Server) -> bool:
    """Tell whether a server takes ids of tokens and gives some back."""
    row = Draw((1, 2, 3), Sampling(temperature=0.0, top_p=1.0, max_new_tokens=1))
    try:
        server.drawn([row], frozenset())
    except GoneError:
        raise
    except InputError:
        return False
    return True


@dataclass(frozen=True)
class Proven:
    """What a server has shown that it can do."""

    abilities: Abilities
    raw: bool
    """Whether log-probabilities of what is drawn are those at temperature 1."""
    narrows: frozenset[str]
    """By which fields of `Sampling` it draws from fewer tokens."""
    floor: float | None
    """How far the probability of a token moves with what is computed beside it."""
    canary: Canary | None
    told: tuple[str, ...]
    """What a reader must know."""


class Probes:
    """Asks a server what shows whether it does what it is asked."""

    def __init__(self, source: str, server: Server, vocabulary: Vocabulary, ends: AbstractSet[int]) -> None:
        self._source = source
        self._server = server
        self._ends = ends
        self._asked = canary.questions(vocabulary)
        self._prompts = self._asked.sequences
        self._repetitive = vocabulary.tokenize([REPETITIVE])[0]
        self._told: list[str] = []

    def prove(self) -> Proven:
        """Ask everything; InputError where what is asked would be changed without a word."""
        greedy = self._greedy()
        logprobs = self._can(lambda: self._chosen(greedy), "tells no log-probabilities of chosen tokens")
        texts = self._can(lambda: self._texts(greedy), "tells no log-probabilities of given texts")
        seeds = self._seeds()
        narrows = self._narrows(greedy)
        if logprobs:
            self._refuse_narrowed()
        if texts:
            self._refuse_penalties()
        raw = logprobs and self._raw()
        floor, found = self._crowd() if logprobs else (None, None)
        abilities = Abilities(logprobs=logprobs, texts=texts, seeds=seeds)
        return Proven(abilities, raw, narrows, floor, found, tuple(self._told))

    def _greedy(self) -> list[Drawn]:
        """Go on greedily from every sequence."""
        return [drawn for drawn, _ in self._drawn([Draw(prompt, GREEDY) for prompt in self._prompts])]

    def _drawn(self, rows: Sequence[Draw]) -> list[tuple[Drawn, list[float]]]:
        return self._server.drawn(rows, self._ends)

    def _can(self, shown: Callable[[], str], otherwise: str) -> bool:
        """Tell whether something was shown; what speaks against it is told."""
        try:
            wrong = shown()
        except GoneError:
            raise
        except InputError as error:
            wrong = str(error)
        if wrong:
            self._told.append(f"the server {otherwise}: {wrong}")
        return not wrong

    def _chosen(self, greedy: Sequence[Drawn]) -> str:
        """Say what is wrong with the log-probabilities of chosen tokens."""
        first = [drawn.tokens[0] for drawn in greedy]
        ids = frozenset([*list(self._asked.ids)[: dialect.MOST_IDS - len(set(first))], *first])
        alone = self._server.ask(
            dialect.scoring(self._server.model, self._prompts, ids),
            lambda answer: dialect.read_drawn_token(answer, self._prompts),
        )
        for scores, token, (drawn, logprob) in zip(
            self._server.scores(self._prompts, ids), first, alone, strict=True
        ):
            if sum(map(math.exp, scores.values())) > 1 + NEAR / 10:
                return "together they are more than 1"
            if abs(scores[drawn] - logprob) > NEAR:
                return "the token that it draws has another one when it is asked for"
            if max(scores.values()) > scores[token] + NEAR:
                return "the token that it draws greedily is not the likeliest"
        return ""

    def _texts(self, greedy: Sequence[Drawn]) -> str:
        """Say what is wrong with the log-probabilities of given texts."""
        whole = [prompt + drawn.tokens for prompt, drawn in zip(self._prompts, greedy, strict=True)]
        scored = self._server.texts(whole, [len(prompt) for prompt in self._prompts])
        for one, drawn in zip(scored, greedy, strict=True):
            if abs(sum(value for value, _ in one) - (drawn.logprob or 0.0)) > NEAR * len(one):
                return "a text that was drawn has other ones when it is given"
        return ""

    def _seeds(self) -> bool:
        """Tell whether a seed decides what is drawn; InputError where all seeds draw the same."""
        rows = [Draw(prompt, WILD, seed) for seed, prompt in enumerate(self._prompts[:REPEATED])]
        others = [Draw(self._prompts[0], WILD, seed) for seed in range(100, 100 + 2 * REPEATED)]
        if len({drawn.tokens for drawn, _ in self._drawn(others)}) == 1:
            raise InputError(
                f"model {self._source!r}: the server draws the same text whatever the seed at a "
                f"temperature of {HOTTEST}, so that it does not draw as it is asked. {START_IT}"
            )
        alone = [self._drawn([row])[0][0].tokens for row in (*rows, *rows)]
        again = alone[:REPEATED] == alone[REPEATED:]
        if not again:
            self._told.append("the server does not draw the same again from the same seed: not reproducible")
            return False
        crowd = [Draw(prompt, WILD, seed) for seed in range(CROWD // 4) for prompt in self._prompts[:4]]
        beside = self._drawn([*rows, *crowd])
        equal = sum(one == drawn.tokens for one, (drawn, _) in zip(alone, beside, strict=False))
        if equal < REPEATED:
            self._told.append(f"of {REPEATED} texts, {equal} were the same alone and in a crowd")
        return True

    def _narrows(self, greedy: Sequence[Drawn]) -> frozenset[str]:
        """Return the fields with which it draws only what is likely: asked for the likeliest alone."""
        found = set()
        for name, sampling in NARROW.items():
            rows = [Draw(self._prompts[i], sampling, seed) for i in range(2) for seed in range(2)]
            drawn = self._can_draw(rows)
            if all(
                one is not None and one.tokens[0] == greedy[i // 2].tokens[0] for i, one in enumerate(drawn)
            ):
                found.add(name)
        return frozenset(found)

    def _can_draw(self, rows: Sequence[Draw]) -> list[Drawn | None]:
        try:
            return [drawn for drawn, _ in self._drawn(rows)]
        except GoneError:
            raise
        except InputError:
            return [None] * len(rows)

    def _refuse_narrowed(self) -> None:
        """Refuse a server that draws from fewer tokens than it is asked to, as a model's defaults may say.

        All draws lie among the likeliest few with a probability that is known: what these hold together.
        """
        try:
            listed = {prompt: self._listed(prompt) for prompt in self._prompts}
        except GoneError:
            raise
        except InputError:
            self._told.append("from how many tokens the server draws was not tested: it does not list them")
            return
        flattest = sorted(self._prompts, key=lambda prompt: listed[prompt][0][1])[:SEVERAL]
        chances = [self._within(prompt, listed[prompt]) for prompt in flattest]
        if math.prod(chances) < UNLIKELY:
            raise InputError(
                f"model {self._source!r}: the server draws from fewer tokens than it is asked to (all of "
                f"{FLAT * len(flattest)} draws are likely ones; the chance of that is "
                f"{math.prod(chances):.1g}), so that something else decides too. {START_IT}"
            )

    def _listed(self, prompt: Tokens) -> list[tuple[int, float]]:
        body = dialect.listing(self._server.model, prompt)
        return self._server.ask(body, lambda answer: dialect.read_listed(answer, prompt))

    def _within(self, prompt: Tokens, listed: Sequence[tuple[int, float]]) -> float:
        """Return the chance that so many draws are as likely as those that the server makes."""
        once = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=1)
        drawn = {one.tokens[0] for one, _ in self._drawn([Draw(prompt, once, s) for s in range(FLAT)])}
        ranks = {token: rank for rank, (token, _) in enumerate(listed)}
        if not drawn <= ranks.keys():
            return 1.0
        last = max(ranks[token] for token in drawn)
        held = sum(math.exp(logprob) for _, logprob in listed[: last + 1])
        return float(min(held, 1.0) ** FLAT)

    def _refuse_penalties(self) -> None:
        """Refuse a server that draws something else than the likeliest where it is asked to."""
        rows = [Draw(prompt, GREEDY) for prompt in (self._repetitive, *self._prompts)]
        whole = [row.prompt + drawn.tokens for row, (drawn, _) in zip(rows, self._drawn(rows), strict=True)]
        scored = self._server.texts(whole, [len(row.prompt) for row in rows])
        ranks = [rank for one in scored for _, rank in one]
        if None in ranks:
            self._told.append(
                "whether the server draws the likeliest tokens was not tested: it tells no ranks"
            )
        elif sum(rank != 1 for rank in ranks) > len(ranks) * TIES:
            raise InputError(
                f"model {self._source!r}: of {len(ranks)} tokens that the server draws as the likeliest, "
                f"{sum(rank != 1 for rank in ranks)} are not, so that something else decides too, as "
                f"penalties of repetition do. {START_IT}"
            )

    def _raw(self) -> bool:
        """Tell whether what is drawn at a high temperature has its log-probability at temperature 1."""
        once = Sampling(HOTTEST, 1.0, 1)
        drawn = self._drawn([Draw(self._prompts[0], once, seed) for seed in range(2 * REPEATED)])
        ids = frozenset(one.tokens[0] for one, _ in drawn)
        (scores,) = self._server.scores(self._prompts[:1], ids)
        raw = all(abs(told[0] - scores[one.tokens[0]]) <= NEAR for one, told in drawn)
        if not raw:
            self._told.append(
                "the server's log-probabilities of what is drawn are processed; texts are scored anew"
            )
        return raw

    def _crowd(self) -> tuple[float, Canary]:
        """Return how far probabilities move in a crowd, and the canary; refuse where two models answer."""
        asked, ids = self._asked, self._asked.ids
        alone = [self._server.scores([prompt], ids)[0] for prompt in self._prompts]
        times = max(1, CROWD // len(self._prompts))
        crowd = self._server.scores(list(self._prompts) * times, ids, prompts=1)
        first = canary.canary(asked, alone)
        for i in range(times):
            one = crowd[i * len(self._prompts) : (i + 1) * len(self._prompts)]
            canary.refuse_other(self._source, first, canary.canary(asked, one))
        moved = (
            abs(math.exp(row[token]) - math.exp(alone[i % len(alone)][token]))
            for i, row in enumerate(crowd)
            for token in ids
        )
        return max(moved), first
