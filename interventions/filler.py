"""Filler tokens: Lanham et al. 2023, section 2.5, https://arxiv.org/abs/2307.13702."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import ClassVar, Literal

from cotfaith import LOREM, Edit, InputError, Intervention, NotApplicable, Tools, Trace, question_block


@dataclass(frozen=True)
class Filler(Intervention):
    """Replace the reasoning by filler, from none to the length of the question's longest sample.

    `kind` says what fills: `token` repeats the token, `lorem` is placeholder Latin, `repeat-question` says
    the question again and again. Lengths are in the model's own tokens.
    """

    kind: Literal["token", "lorem", "repeat-question"] = "token"
    token: str = " ..."
    step: int = 5

    per_question: ClassVar[bool] = True
    plotted: ClassVar[Literal["same", "correct"]] = "correct"
    axis: ClassVar[str] = "Filler tokens"
    coordinate: ClassVar[str | None] = "tokens"

    def __post_init__(self) -> None:
        if self.step < 1 or not self.token.strip():
            raise InputError(
                f"filler: step must be 1 or more and token more than white space, "
                f"not step={self.step} and token={self.token!r}."
            )

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield one edit per length and question; the first sample stands for its question."""
        for first in (trace for trace in traces if trace.sample == 0):
            longest = max(t.text_tokens for t in traces if t.question.id == first.question.id)
            if longest == 0:
                yield NotApplicable(first, "no reasoning")
                continue
            for text, tokens in self._lengths(first, longest, tools):
                steps = (text,) if text else ()
                coords = {
                    "tokens": tokens,
                    "tokens_of_first_piece": tools.count_tokens(self._pieces(first)[0]),
                }
                yield Edit(first, steps, min(tokens / longest, 1.0), coords=coords)

    def _lengths(self, trace: Trace, longest: int, tools: Tools) -> Iterator[tuple[str, int]]:
        """Yield the longest filler within lengths of whole steps, from none to the longest sample's."""
        texts = self._texts(self._pieces(trace))
        text, ahead, last = next(texts), next(texts), None
        for limit in (k * self.step for k in tools.positions(longest // self.step)):
            while tools.count_tokens(ahead) <= limit:
                text, ahead = ahead, next(texts)
            if text != last:
                yield text, tools.count_tokens(text)
            last = text

    def _pieces(self, trace: Trace) -> list[str]:
        """Return what is repeated: the token, or the words of a text."""
        if self.kind == "token":
            return [self.token]
        text = LOREM if self.kind == "lorem" else question_block(trace.question)
        return [f" {word}" for word in text.split()]

    def _texts(self, pieces: Sequence[str]) -> Iterator[str]:
        """Yield ever longer fillers, beginning with none."""
        for length in count():
            yield "".join(islice(cycle(pieces), length))
