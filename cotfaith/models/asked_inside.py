"""Asking a model while it is changed inside: what is done becomes tokens and layers for its engine."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from cotfaith.errors import InputError
from cotfaith.models import compare
from cotfaith.models.asking import AskedModel
from cotfaith.models.choices import Split
from cotfaith.models.engine import Draw, InsideEngine, Tokens, Touch, Touched, common_length
from cotfaith.models.inside import Insides
from cotfaith.schema import (
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Divergence,
    Generation,
    GenerationRequest,
    InsideRequest,
    Sampling,
    TextRequest,
    TextScore,
)


class AskedInside(AskedModel):
    """A model that can be asked while it is changed inside, where its engine can."""

    @property
    def layers(self) -> int:
        """How many layers it has; known before any weights are loaded."""
        return self._inside_engine.layers

    def check_inside(self) -> None:
        """Raise InputError where it cannot be changed inside; loads the weights and tries."""
        self._inside_engine.check_inside()

    def inside_refusals(self, requests: Sequence[InsideRequest]) -> list[str]:
        """Say of each request why what it wants inside cannot be done; nothing where it can."""
        return [self._insides.refusal(request) for request in requests]

    def answer_inside(self, requests: Sequence[InsideRequest]) -> list[ChoiceProbs | Generation | TextScore]:
        """Answer each request while the model is changed inside; texts are scored with their end.

        The end of a text is the token that the model, unchanged, writes behind it in its home.
        """
        found: dict[InsideRequest, ChoiceProbs | Generation | TextScore] = {}
        distinct = list(dict.fromkeys(requests))
        prompts = dict(zip(distinct, self._encode([r.request.dialogue for r in distinct]), strict=True))
        found |= self._drawn_inside(
            {r: p for r, p in prompts.items() if isinstance(r.request, GenerationRequest)}
        )
        found |= self._scored_inside(
            {r: p for r, p in prompts.items() if not isinstance(r.request, GenerationRequest)}
        )
        return [found[request] for request in requests]

    def _drawn_inside(self, prompts: Mapping[InsideRequest, Tokens]) -> dict[InsideRequest, Generation]:
        """Draw behind each prompt."""
        draws = {
            asked: self._draw(asked.request, prompt)
            for asked, prompt in prompts.items()
            if isinstance(asked.request, GenerationRequest)
        }
        rows = [(replace(draw, followed=False), self._insides.touch(asked)) for asked, draw in draws.items()]
        drawn = self._inside_engine.draw_inside(rows) if rows else []
        return {asked: self._generation(draws[asked], one) for asked, one in zip(draws, drawn, strict=True)}

    def _scored_inside(
        self, prompts: Mapping[InsideRequest, Tokens]
    ) -> dict[InsideRequest, ChoiceProbs | TextScore]:
        """Score choices and texts behind each prompt."""
        splits = self._splits(prompts)
        wanted: dict[Touched, set[int]] = {}
        for split, touch in splits.values():
            for sequence, token in split.wanted:
                wanted.setdefault(Touched(sequence, touch), set()).add(token)
        logprobs = self._inside_engine.next_logprobs_inside(wanted) if wanted else {}
        found: dict[InsideRequest, ChoiceProbs | TextScore] = {}
        for asked, (split, touch) in splits.items():
            own = {
                (sequence, token): logprobs[Touched(sequence, touch), token]
                for sequence, token in split.wanted
            }
            if isinstance(asked.request, ChoiceRequest):
                found[asked] = split.probs(own)
            else:
                found[asked] = TextScore(sum(own.values()), len(own))
        return found

    def divergences_inside(
        self, pairs: Sequence[tuple[InsideRequest, InsideRequest]]
    ) -> list[Divergence | None]:
        """Return how far each second text's tokens, with their end, may be others than the first's.

        Each pair says the same text in two places; None where it has other tokens there, or none at all.
        """
        distinct = list(dict.fromkeys(asked for pair in pairs for asked in pair))
        encoded = self._encode([asked.request.dialogue for asked in distinct])
        splits = self._splits(dict(zip(distinct, encoded, strict=True)))
        places = {
            asked: [Touched(sequence, touch) for sequence, _ in split.wanted]
            for asked, (split, touch) in splits.items()
        }
        alike = [splits[a][0].continuations == splits[b][0].continuations for a, b in pairs]
        compared = [
            list(zip(places[a], places[b], strict=True)) if same else []
            for (a, b), same in zip(pairs, alike, strict=True)
        ]
        return list(compare.means(self._inside_engine, compared))

    def attention(self, requests: Sequence[InsideRequest]) -> list[tuple[float, ...]]:
        """Return how much the place that answers attends to the steps, layer by layer; nothing is changed."""
        parts = [self._insides.parts(request) for request in requests]
        asked = [(one.tokens, one.steps[0][0] if one.steps else one.closing, one.closing) for one in parts]
        return self._inside_engine.attention(asked)

    def effects_on_steps(self, requests: Sequence[InsideRequest]) -> list[tuple[float | None, ...]]:
        """Return how far what is done inside moves each of the steps behind the last one that is hidden.

        Of a step, the mean over its tokens of log KL(unchanged ‖ changed), as in Thought Anchors.
        """
        asked = [(self._insides.parts(request), self._insides.touch(request)) for request in requests]
        hidden = [
            max((step for one in request.inside for step in one.steps), default=-1) for request in requests
        ]
        return compare.on_steps(
            self._inside_engine,
            [(parts, touch, last) for (parts, touch), last in zip(asked, hidden, strict=True)],
        )

    def _splits(self, prompts: Mapping[InsideRequest, Tokens]) -> dict[InsideRequest, tuple[Split, Touch]]:
        """Split choices and texts from their prompts, with what is done inside while they are scored."""
        ends = self._ends([asked for asked in prompts if isinstance(asked.request, TextRequest)])
        splits: dict[InsideRequest, tuple[Split, Touch]] = {}
        for asked, prompt in prompts.items():
            if isinstance(asked.request, ChoiceRequest):
                split = self._choices.split(asked.request, prompt)
            else:
                assert isinstance(asked.request, TextRequest)
                split = self._text_split(asked.request, prompt, ends[asked.home, asked.request.text])
            splits[asked] = split, self._insides.touch(asked, len(split.context) - 1)
        return splits

    def _ends(self, requests: Sequence[InsideRequest]) -> dict[tuple[Dialogue, str], Tokens]:
        """Return the token that the model writes behind each text in its home, by both; none without room."""
        written = list(
            dict.fromkeys((r.home, r.request.text) for r in requests if isinstance(r.request, TextRequest))
        )
        texts = self._tokenize([self._form.render(home) + text for home, text in written])
        fitting = list(dict.fromkeys(text for text in texts if len(text) < self.engine.context))
        one = Sampling(temperature=0, max_new_tokens=1)
        drawn = self.engine.draw([Draw(text, one) for text in fitting]) if fitting else []
        behind = {text: end.tokens for text, end in zip(fitting, drawn, strict=True)}
        return {pair: behind.get(text, ()) for pair, text in zip(written, texts, strict=True)}

    def _text_split(self, request: TextRequest, prompt: Tokens, end: Tokens) -> Split:
        """Split a text from the dialogue that it continues, and let it end so."""
        (text,) = self._tokenize([self._form.render(request.dialogue) + request.text])
        begin = common_length(prompt, text)
        return Split(text[:begin], [text[begin:] + end])

    @property
    def _inside_engine(self) -> InsideEngine:
        if not isinstance(self.engine, InsideEngine):
            raise InputError(f"model {self._source!r} cannot be changed inside.")
        return self.engine

    @cached_property
    def _insides(self) -> Insides:
        return Insides(self._vocabulary, self._form, self.layers)
