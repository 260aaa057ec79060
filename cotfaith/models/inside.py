"""What is done inside, from steps to tokens: which tokens are a step, the question, or read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from cotfaith.dialogue.forms import Form
from cotfaith.models.engine import Hidden, Taken, Tokens, Touch
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import Blocked, Dialogue, InsideRequest, Patched

REMEMBERED = 4096
"""Prompts whose parts are remembered."""

Places = tuple[int, int]
"""The first token of a part, and the one behind its last."""


class CannotError(Exception):
    """Why something cannot be done inside."""


@dataclass(frozen=True)
class Parts:
    """Where the parts of a prompt stand among its tokens."""

    tokens: Tokens
    question: Places
    steps: tuple[Places, ...]
    closing: int
    """The first token behind the reasoning."""


class Insides:
    """Finds the tokens of what is done inside."""

    def __init__(self, vocabulary: Vocabulary, form: Form, layers: int) -> None:
        self._vocabulary = vocabulary
        self._form = form
        self._layers = layers
        self._parts = lru_cache(REMEMBERED)(self._found)

    def refusal(self, request: InsideRequest) -> str:
        """Say why what a request wants inside cannot be done; nothing where it can."""
        try:
            self.touch(request)
        except CannotError as error:
            return str(error)
        return ""

    def parts(self, request: InsideRequest) -> Parts:
        """Return where the parts of a request's dialogue stand; CannotError where that cannot be told."""
        return self._parts(request.before, request.question, request.request.dialogue, request.steps)

    def touch(self, request: InsideRequest, answers: int | None = None) -> Touch:
        """Return what is done to the tokens of a request's dialogue; CannotError says why it cannot be.

        `answers` is the token that predicts the answer: the last one, if it is not said.
        """
        if not request.inside:
            return ()
        for one in request.inside:
            if one.layers is not None and any(layer >= self._layers for layer in one.layers):
                raise CannotError(
                    f"layer {max(one.layers)} of a model that has layers 0 to {self._layers - 1}"
                )
        where = request.before, request.question
        own = self.parts(request)
        answers = len(own.tokens) - 1 if answers is None else answers
        donors = iter(request.donors)
        done: list[Hidden | Taken] = []
        for one in request.inside:
            if isinstance(one, Blocked):
                done += _hidden(one, own, answers)
            else:
                done += _taken(one, own, self._parts(*where, next(donors), one.donor))
        return tuple(done)

    def _found(self, before: Dialogue, question: str, dialogue: Dialogue, steps: tuple[str, ...]) -> Parts:
        text, lead = self._form.render(dialogue), self._form.render(before)
        special = not self._form.writes_special_tokens
        (tokens,) = self._vocabulary.tokenize([text], special=special)
        begins = self._vocabulary.begins(text, tokens, special=special)
        if begins is None:
            raise CannotError("its tokenizer does not tell where in a text its tokens stand")
        if not text.startswith(lead + "".join(steps)):
            raise CannotError("its chat template does not write the reasoning as it is")
        asked = lead.find(question)
        if asked < 0:
            raise CannotError("its chat template does not write the question as it is")
        ends = [len(lead)]
        for step in steps:
            ends.append(ends[-1] + len(step))
        return Parts(
            tokens,
            _places(begins, asked, asked + len(question)),
            tuple(_places(begins, *step) for step in pairwise(ends)),
            _places(begins, ends[-1], len(text))[0],
        )


def _places(begins: Sequence[int], start: int, end: int) -> Places:
    """Return which tokens begin within a part of the text; those are all of it but what begins before."""
    first = next((i for i, begin in enumerate(begins) if begin >= start), len(begins))
    behind = next((i for i, begin in enumerate(begins) if begin >= end and i >= first), len(begins))
    return first, behind


def _hidden(blocked: Blocked, own: Parts, answers: int) -> Iterator[Hidden]:
    """Yield the hidden tokens of a blocked part, none of which is hidden from itself."""
    parts = [own.question] * blocked.question + [own.steps[step] for step in blocked.steps]
    reader = {"answer": answers, "closing": own.closing, "later": 0, "reasoning": 0}[blocked.readers]
    last = own.closing if blocked.readers == "reasoning" else None
    for begin, end in parts:
        if begin == end:
            raise CannotError("a step has no token of its own")
        first = max(reader, end)
        if last is None or first < last:
            yield Hidden(begin, end, first, last, blocked.layers)
    if not parts and blocked.layers is not None:  # hooks that change nothing
        yield Hidden(0, 0, own.closing, last, blocked.layers)


def _taken(patched: Patched, own: Parts, donor: Parts) -> Iterator[Taken]:
    for step in patched.steps:
        begin, end = own.steps[step]
        if donor.steps[step] != (begin, end):
            raise CannotError("the donor's steps have other numbers of tokens")
        if begin == end:
            raise CannotError("a step has no token of its own")
        yield Taken(begin, end, donor.tokens[:end], patched.layers)
