"""A model behind a chat alone: messages go there, texts come back, and no probability is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from cotfaith.canary import REPLIES, same_replies
from cotfaith.errors import InputError
from cotfaith.models.served.messages import WAYS, Asked, Way, chatting, messages, read_reply
from cotfaith.models.served.wire import RefusedError, Request, Wire
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import (
    Abilities,
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Generation,
    GenerationRequest,
    ModelInfo,
    Sampling,
    TextRequest,
    TextScore,
    Turn,
)

CHARACTERS = 4
"""What counts as a token where there is no tokenizer."""
BYTES = 1 << 6
"""What a token may take in an answer."""
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=48)
WARM = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=48)
NARROW = Sampling(temperature=1.0, top_p=1e-6, max_new_tokens=16)
SHOWN = 6
"""Characters of a reply that must come again behind its own beginning."""
BEGIN_WITH = "Begin your reply with: "
"""Asks for the beginning of a turn where none can be begun."""
LONGEST_BEGINNING = 120
"""Characters of what is asked for so; a reasoning is never."""
CUTS = (0.3, 0.5, 0.7)
PROBED = (
    "What is 12 + 34?",
    "Which months have 31 days?",
    "Count from one to twenty in words.",
    "Why is the sky blue?",
)


class ChatModel:
    """A model that is asked in messages: answers are written, and no probability is measured."""

    markers: tuple[str, ...] = ()
    advised: Mapping[str, float] = {}
    floor = None

    def __init__(
        self,
        source: str,
        wire: Wire,
        model: str,
        info: ModelInfo,
        vocabulary: Vocabulary | None,
        context: int,
    ) -> None:
        self.info = info
        self._source = source
        self._wire = wire
        self._model = model
        self._vocabulary = vocabulary
        self._context = context
        self._before: list[str] | None = None

    @property
    def at_once(self) -> int:
        """How many requests keep the server busy."""
        return self._wire.crowd.most

    @cached_property
    def abilities(self) -> Abilities:
        """Texts alone, and whether it was shown to go on within a turn."""
        first, second = (self._replies([_asking(PROBED[0])], WARM, self._way)[0] for _ in range(2))
        seeds = first.text == second.text
        return Abilities(logprobs=False, texts=False, prefill=self._way is not None, seeds=seeds)

    @property
    def told(self) -> str:
        """What a reader must know of how it is asked."""
        drawn = "" if self.abilities.seeds else "; it does not draw the same again from the same seed"
        if self._way is None:
            drawn += f"; no turn is begun for it: it is told to ({BEGIN_WITH.strip()} …)"
        if self._thinks:
            drawn += (
                "; before each reply, that without reasoning too, it thinks in a text apart, of which the "
                "server may tell a summary: it is not the reasoning that is measured here"
            )
        if self._way is WAYS[1]:
            drawn += "; what it adds to how text is drawn is not known"
        counted = "" if self._vocabulary else f"; a token is counted as {CHARACTERS} characters"
        return (
            "asked in messages on a server that tells no probabilities: those of answers, of edits and of "
            f"reasoning are not measured{counted}{drawn}"
        )

    def prove(self, kept: Any | None) -> Any | None:
        """Refuse a model whose greedy replies to fixed questions are not those that were kept."""
        if kept is not None:
            self._before = list(kept)
        self._refuse_other()
        return self._before

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Continue each dialogue within its last turn; equal requests are sent once."""
        if not requests:
            return []
        distinct = list(dict.fromkeys(requests))
        written = dict(zip(distinct, self._written(distinct), strict=True))
        self._refuse_other()
        return [written[request] for request in requests]

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        """Refuse: there are no probabilities."""
        if requests:
            raise InputError(f"model {self._source!r}: tells no probabilities. Try TASK:written=true.")
        return []

    def text_scores(self, requests: Sequence[TextRequest]) -> list[TextScore]:
        """Return scores of no tokens, which have no mean: nothing is measured."""
        return [TextScore(0.0, 0) for _ in requests]

    def written(self, dialogue: Dialogue) -> str:
        """Return the messages, one under the other."""
        return "\n".join(f"{one['role']}: {one['content']}" for one in messages(dialogue))

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text, or so many characters as one."""
        return self._vocabulary.count(text) if self._vocabulary else -(-len(text) // CHARACTERS)

    def first_tokens(self, text: str, n: int) -> str:
        """Return the beginning of a text that has at most n tokens."""
        return self._vocabulary.first(text, n) if self._vocabulary else text[: n * CHARACTERS]

    def refusals(self, dialogues: Sequence[Dialogue], room: int) -> list[str]:
        """Say of each dialogue that is too long that it is."""
        lengths = [self.count_tokens(self.written(dialogue)) for dialogue in dialogues]
        return [
            f"longer than the model's context of {self._context} tokens" if n + room > self._context else ""
            for n in lengths
        ]

    @cached_property
    def _way(self) -> Way | None:
        """How it was shown to go on within a turn; None where it does not, however it is told."""
        return next((way for way in WAYS if self._goes_on(way)), None)

    @cached_property
    def _thinks(self) -> bool:
        """Whether it thinks beside its replies, as far as the server tells."""
        return self._replies([_asking(PROBED[0])], GREEDY, self._way)[0].thought

    @cached_property
    def _narrows(self) -> bool:
        """Whether it draws from a nucleus, as it is shown where that holds one token."""
        ((likely,), (drawn,)) = (
            self._replies([_asking(PROBED[1])], replace(NARROW, temperature=t), self._way) for t in (0.0, 1.0)
        )
        return likely.text == drawn.text

    def _goes_on(self, way: Way) -> bool:
        """Tell whether behind the beginning of its own greedy reply comes how that went on."""
        try:
            wholes = self._replies([_asking(question) for question in PROBED], GREEDY, way)
            begun = list(_begun(wholes))
            asked = [(*_asking(question), Turn("assistant", text)) for question, text, _ in begun]
            found = self._replies(asked, GREEDY, way)
        except RefusedError:
            return False
        shown = [
            not more.thought and more.text.strip().startswith(rest.strip()[:SHOWN])
            for more, (_, _, rest) in zip(found, begun, strict=True)
        ]
        return sum(shown) > len(shown) / 2

    def _written(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Have dialogues continued, each by its own sampling and seed."""
        way = self._way
        asked = [
            request if way else replace(request, dialogue=self._told_to_begin(request.dialogue))
            for request in requests
        ]
        for request in requests:
            if request.sampling.top_k or request.sampling.min_p:
                raise InputError(f"model {self._source!r}: a chat is not drawn by --top-k or --min-p.")
            if request.sampling.top_p < 1 and request.sampling.temperature > 0 and not self._narrows:
                raise InputError(
                    f"model {self._source!r}: the server does not draw by --top-p. Give --top-p 1."
                )
        bodies = [
            chatting(self._model, r.dialogue, r.sampling, r.seed, r.stop, way or WAYS[1]) for r in asked
        ]
        found = self._ask(bodies, [request.sampling.max_new_tokens for request in requests])
        return [self._generation(request, one) for request, one in zip(requests, found, strict=True)]

    def _told_to_begin(self, dialogue: Dialogue) -> Dialogue:
        """Ask for the beginning of the last turn in the one before it."""
        *before, asking, begun = dialogue
        if len(begun.text) > LONGEST_BEGINNING:
            raise InputError(f"model {self._source!r}: does not go on within a turn that was begun for it.")
        told = f"{asking.text}\n\n{BEGIN_WITH}{begun.text.strip()}" if begun.text.strip() else asking.text
        return (*before, replace(asking, text=told))

    def _generation(self, request: GenerationRequest, reply: Asked) -> Generation:
        """Return what follows on what was begun, cut before a stop string, whatever the server has done."""
        begun = request.dialogue[-1].text.strip()
        if self._way is None:
            reply = replace(reply, text=reply.text.lstrip().removeprefix(begun))
        cut = min((at for stop in request.stop if (at := reply.text.find(stop)) >= 0), default=None)
        text = reply.text[:cut]
        tokens = reply.tokens if cut is None and reply.tokens is not None else self.count_tokens(text)
        return Generation(text, tokens, hit_limit=reply.hit_limit and cut is None, logprob=None)

    def _replies(self, dialogues: Sequence[Dialogue], sampling: Sampling, way: Way | None) -> list[Asked]:
        bodies = [chatting(self._model, dialogue, sampling, 0, (), way or WAYS[1]) for dialogue in dialogues]
        return self._ask(bodies, [sampling.max_new_tokens] * len(bodies))

    def _ask(self, bodies: Sequence[dict[str, Any]], longest: Sequence[int]) -> list[Asked]:
        requests = [
            Request("/chat/completions", body, (1 << 16) + BYTES * n, 600.0 + n)
            for body, n in zip(bodies, longest, strict=True)
        ]
        found = self._wire.ask(requests, read_reply)
        for one in found:
            if isinstance(one, RefusedError):
                raise one
        return [one for one in found if isinstance(one, Asked)]

    def _refuse_other(self) -> None:
        """Refuse a model whose greedy replies to fixed questions are other ones than before."""
        now = [
            one.text for one in self._replies([_asking(question) for question in PROBED], GREEDY, self._way)
        ]
        before = self._before = self._before or now
        same = same_replies(before, now)
        if same < REPLIES:
            raise InputError(
                f"model {self._source!r}: another model answers there than before ({same:.0%} of its replies "
                "to fixed questions are the same). What was measured before is kept, and nothing since."
            )


def _begun(wholes: Sequence[Asked]) -> Iterator[tuple[str, str, str]]:
    """Yield questions, the beginnings of the replies to them, and how these go on."""
    for question, whole in zip(PROBED, wholes, strict=True):
        for cut in CUTS:
            text = whole.text[: int(len(whole.text) * cut)].rstrip()
            rest = whole.text[len(text) :]
            if min(len(text), len(rest.strip())) >= SHOWN:
                yield question, text, rest


def _asking(question: str) -> Dialogue:
    return (Turn("human", question),)
