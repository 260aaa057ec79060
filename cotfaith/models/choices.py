"""Choices as tokens: what each has in common with the dialogue before it, and how it goes on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cotfaith.dialogue.forms import Form
from cotfaith.errors import InputError
from cotfaith.models.engine import Tokens, common_length
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import ChoiceProbs, ChoiceRequest

IN_STEP = 4
"""How many tokens before a choice's first must be the same in the last turn alone and the whole dialogue."""


@dataclass(frozen=True)
class Split:
    """A request's context, and the tokens of each choice behind it."""

    context: Tokens
    continuations: Sequence[Tokens]

    @property
    def wanted(self) -> Iterator[tuple[Tokens, int]]:
        """Yield each sequence with the token whose log-probability behind it is needed."""
        for continuation in self.continuations:
            for j, token in enumerate(continuation):
                yield self.context + continuation[:j], token

    def probs(self, logprobs: Mapping[tuple[Tokens, int], float]) -> ChoiceProbs:
        """Sum each choice's log-probabilities, and normalise over the choices."""
        sums = np.array(
            [
                sum(logprobs[self.context + tokens[:j], token] for j, token in enumerate(tokens))
                for tokens in self.continuations
            ]
        )
        with np.errstate(invalid="ignore"):
            shares = np.exp(sums - sums.max())
            return ChoiceProbs(tuple((shares / shares.sum()).tolist()), float(np.exp(sums).sum()))


class Choices:
    """Splits requests into a context and the tokens of each choice behind it."""

    def __init__(self, vocabulary: Vocabulary, form: Form, source: str) -> None:
        self._vocabulary = vocabulary
        self._form = form
        self._source = source
        self._tails: dict[tuple[str, tuple[str, ...]], tuple[Tokens, list[Tokens]]] = {}

    def split(self, request: ChoiceRequest, prompt: Tokens) -> Split:
        """Split a request whose dialogue has these tokens; refuse choices that are no tokens of their own.

        A choice changes only the end, so the last turn is tokenized with each choice, if by itself it ends in
        the same tokens as the prompt. Otherwise the whole dialogue is.
        """
        text = self._form.render(request.dialogue)
        last = len(request.dialogue[-1].text)
        tail, whole = self._tail(text[-last:] if last else "", request.choices)
        shared = min(common_length(tail, one) for one in whole)
        step = min(shared, IN_STEP)
        behind = len(tail) - shared
        if step == 0 or prompt[-behind - step :] != tail[shared - step :]:
            texts = [text + choice for choice in request.choices]
            whole = self._vocabulary.tokenize(texts, special=not self._form.writes_special_tokens)
            shared = min(common_length(prompt, one) for one in whole)
            behind = len(prompt) - shared
        return self._checked(request, prompt[: len(prompt) - behind], [one[shared:] for one in whole])

    def _tail(self, text: str, choices: tuple[str, ...]) -> tuple[Tokens, list[Tokens]]:
        """Tokenize the end of a dialogue by itself and with each choice."""
        if (text, choices) not in self._tails:
            tail, *whole = self._vocabulary.tokenize([text, *(text + choice for choice in choices)])
            self._tails[text, choices] = tail, whole
        return self._tails[text, choices]

    def _checked(self, request: ChoiceRequest, context: Tokens, tokens: Sequence[Tokens]) -> Split:
        """Refuse a tokenizer that gives two choices the same tokens, or one the unknown token."""
        first: dict[Tokens, str] = {}
        for choice, written in zip(request.choices, tokens, strict=True):
            if first.setdefault(written, choice) != choice or self._vocabulary.unknown in written:
                raise InputError(
                    f"model {self._source!r}: its tokenizer has no tokens of its own for the choice "
                    f"{choice!r}, so that its probability cannot be read. Let the answer "
                    "be written: TASK:written=true."
                )
        return Split(context, tokens)
