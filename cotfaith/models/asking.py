"""Asking: dialogues become tokens for an engine, and its numbers become answers. Nothing here computes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from cotfaith.dialogue.forms import Form
from cotfaith.errors import InputError
from cotfaith.models.choices import Choices
from cotfaith.models.engine import (
    Draw,
    Drawn,
    Engine,
    Tokens,
    common_length,
)
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import (
    Abilities,
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Generation,
    GenerationRequest,
    ModelInfo,
    TextRequest,
    TextScore,
    Turn,
)


class AskedModel:
    """A model that is asked in one form of dialogue, whatever the engine that runs it."""

    def __init__(self, source: str, engine: Engine, vocabulary: Vocabulary, form: Form) -> None:
        self.engine = engine
        self._source = source
        self._vocabulary = vocabulary
        self._form = form
        self._choices = Choices(vocabulary, form, source)

    @cached_property
    def info(self) -> ModelInfo:
        """The engine's, with the form among what decides the answers."""
        known = self.engine.info
        return replace(known, fingerprint=f"{known.fingerprint}-{self._form.name}")

    @property
    def abilities(self) -> Abilities:
        """What can be asked of it."""
        return self.engine.abilities

    @property
    def told(self) -> str:
        """What a reader must know of how it is asked; empty if nothing."""
        return "; ".join(filter(None, (self._form.told, self.engine.told)))

    @property
    def floor(self) -> float | None:
        """How far the probability of a token moves with what is computed beside it; None if not measured."""
        return self.engine.floor

    @property
    def at_once(self) -> int | None:
        """How many requests keep it busy, where it runs elsewhere; None here."""
        return self.engine.at_once

    @property
    def markers(self) -> tuple[str, ...]:
        """What begins and what ends its block of thinking; nothing where it reasons in none."""
        return self._form.never

    @property
    def advised(self) -> Mapping[str, float]:
        """How its makers say that text is drawn from it, by the names of `Sampling`, as far as they do."""
        return self.engine.advised

    def prove(self, kept: Any | None) -> Any | None:
        """Refuse a model that is not the one of which this was kept; return what is to be kept of it."""
        return self.engine.prove(kept)

    def written(self, dialogue: Dialogue) -> str:
        """Return the text that the model reads for a dialogue."""
        return self._form.render(dialogue)

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text by itself, without special tokens."""
        return self._vocabulary.count(text)

    def first_tokens(self, text: str, n: int) -> str:
        """Return the beginning of a text that has at most n of its tokens."""
        return self._vocabulary.first(text, n)

    def refusals(self, dialogues: Sequence[Dialogue], room: int) -> list[str]:
        """Say of each dialogue why it cannot be asked with so many tokens behind it; nothing if it can.

        A turn that holds marks of the dialogue's form would be read as several. What the assistant said must
        be what its tokens decode to; characters of a question may be normalised.
        """
        written = [self._rendered(dialogue) for dialogue in dialogues]
        encoded = self._tokenize([text or "" for text in written])
        decoded = self._vocabulary.decode_each(encoded) if encoded else []
        context = self.engine.context if dialogues else 0
        return [
            ("its chat template leaves out a part of a turn" if text is None else "")
            or self._misread(dialogue, read)
            or (
                f"longer than the model's context of {context} tokens" if len(tokens) + room > context else ""
            )
            for dialogue, text, tokens, read in zip(dialogues, written, encoded, decoded, strict=True)
        ]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Draw a continuation of each dialogue; equal requests are drawn once."""
        distinct = list(dict.fromkeys(requests))
        prompts = self._encode([request.dialogue for request in distinct])
        draws = {
            request: self._draw(request, prompt) for request, prompt in zip(distinct, prompts, strict=True)
        }
        able = [request for request, draw in draws.items() if draw.sampling.max_new_tokens > 0]
        drawn = dict(zip(able, self.engine.draw([draws[request] for request in able]), strict=True))
        written = {
            request: self._generation(draw, drawn.get(request, Drawn())) for request, draw in draws.items()
        }
        return [written[request] for request in requests]

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        """Score every choice exactly, also where it is several tokens or joins the token before it.

        Each choice is tokenized together with the dialogue; what the choices' tokens have in common is the
        context, and a choice's log-probability is the sum over the tokens that follow it. Every distinct
        sequence is computed once.
        """
        distinct = list(dict.fromkeys(requests))
        prompts = self._encode([request.dialogue for request in distinct])
        split = dict(zip(distinct, map(self._choices.split, distinct, prompts), strict=True))
        wanted: dict[Tokens, set[int]] = {}
        for one in split.values():
            for sequence, token in one.wanted:
                wanted.setdefault(sequence, set()).add(token)
        logprobs = self.engine.next_logprobs(wanted)
        answers = {request: split[request].probs(logprobs) for request in distinct}
        for request, answer in answers.items():
            if math.isnan(answer.probs[0]):
                raise InputError(
                    f"model {self._source!r} gives none of the choices {', '.join(request.choices)} any "
                    f"probability in {self.engine.arithmetic}. Try --dtype float32."
                )
        return [answers[request] for request in requests]

    def text_scores(self, requests: Sequence[TextRequest]) -> list[TextScore]:
        """Score texts token by token, each tokenized together with its dialogue.

        The tokens that the dialogue alone shares with dialogue and text joined are not scored.
        """
        distinct = list(dict.fromkeys(requests))
        prompts = self._encode([request.dialogue for request in distinct])
        texts = self._tokenize([self._form.render(r.dialogue) + r.text for r in distinct])
        begins = [common_length(prompt, text) for prompt, text in zip(prompts, texts, strict=True)]
        found = self.engine.text_logprobs(texts, begins)
        scores = {r: TextScore(sum(each), len(each)) for r, each in zip(distinct, found, strict=True)}
        return [scores[request] for request in requests]

    def _rendered(self, dialogue: Dialogue) -> str | None:
        """Write a dialogue, or return None where the form cannot."""
        try:
            return self._form.render(dialogue)
        except (
            ValueError
        ):  # transformers finds that a template did not write the turn that is to be continued
            return None

    def _tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        return self._vocabulary.tokenize(texts, special=not self._form.writes_special_tokens)

    def _encode(self, dialogues: Sequence[Dialogue]) -> list[Tokens]:
        encoded = self._tokenize([self._form.render(dialogue) for dialogue in dialogues])
        for dialogue, tokens in zip(dialogues, encoded, strict=True):
            if len(tokens) >= self.engine.context:
                raise InputError(
                    f"model {self._source!r} holds {self.engine.context} tokens, but the prompt that begins "
                    f"{dialogue[0].text!r:.80} has {len(tokens)}. Leave the question out."
                )
        return encoded

    def _misread(self, dialogue: Dialogue, decoded: str) -> str:
        for turn in dialogue:
            found = [mark for mark in self._marks(turn) if mark in self._form.spoken(turn)]
            if found:
                return f"holds {found[0].strip()!r}, which the model reads as a mark between turns"
            if turn.role == "assistant" and self._form.spoken(turn) not in decoded:
                return "its tokens decode to another text than the reasoning"
        return ""

    def _marks(self, turn: Turn) -> tuple[str, ...]:
        """Return the marks that would end a turn: in what is asked, also the form's own lines."""
        always = (*self._form.never, *self._vocabulary.special_texts)
        return always if turn.role == "assistant" else (*always, *self._form.marks)

    def _draw(self, request: GenerationRequest, prompt: Tokens) -> Draw:
        left = self.engine.context - len(prompt) - request.reserve
        room = min(request.sampling.max_new_tokens, left)
        sampling = replace(request.sampling, max_new_tokens=room)
        stop = self._form.stops(request.dialogue) or request.stop
        return Draw(prompt, sampling, request.seed, stop, followed=request.reserve > 0)

    def _generation(self, draw: Draw, drawn: Drawn) -> Generation:
        """Decode behind the prompt's last token, since some tokenizers drop the space of a first token."""
        tokens = [token for token in drawn.tokens if token not in self.engine.ends]
        before = self._vocabulary.decode(draw.prompt[-1:])
        text = self._vocabulary.decode([*draw.prompt[-1:], *tokens]).removeprefix(before)
        cut = min((at for stop in draw.stop if (at := text.find(stop)) >= 0), default=None)
        text = text[:cut]
        n = len(tokens) if cut is None else self._vocabulary.count(text)
        ends = [end for end in draw.stop if end in self._form.never]
        closed = not ends or cut is not None or ends[0] in self._vocabulary.decode(drawn.tokens)
        return Generation(text, n, hit_limit=not drawn.stopped, logprob=drawn.logprob, closed=closed)
