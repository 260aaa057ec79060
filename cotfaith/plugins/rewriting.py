"""Rewriting parts of reasoning: by the helper model, or by a rule."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from cotfaith.dialogue.rewrites import checked
from cotfaith.plugins.intervention import Rewrite, Tools
from cotfaith.plugins.task import StepRewriter
from cotfaith.schema import Rewritten, Trace

Source = Literal["auto", "model", "rule"]
"""Who rewrites. `auto` is the task's own rule where it has one, otherwise the model."""
NO_RULE = "no rule applies to it"


@dataclass(frozen=True)
class Passage:
    """A part of a trace's reasoning."""

    trace: Trace
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        """The steps as text."""
        return "".join(self.steps)


def takes_rule(source: Source, rewriter: StepRewriter | None) -> bool:
    """Tell whether a rule rewrites; `rewriter` is the task's own, if it has one."""
    return source == "rule" or (source == "auto" and rewriter is not None)


def rewritten(
    passages: Sequence[Passage],
    tools: Tools,
    source: Source,
    rule: Callable[[Passage, random.Random], str | None],
    ask: Callable[[Passage], Rewrite],
) -> list[Rewritten]:
    """Rewrite passages, each with what is wrong with its rewrite.

    `rule` rewrites a passage exactly, or returns None where it does not apply to it; `ask` makes the request
    to the helper model, which writes as many at once as there are.
    """
    if takes_rule(source, tools.rewriter):
        texts = [rule(passage, tools.rng(passage.trace)) for passage in passages]
        found = [Rewritten(fault=NO_RULE) if text is None else Rewritten(text) for text in texts]
    else:
        found = tools.write([ask(passage) for passage in passages])
    return [checked(one, passage.text) for one, passage in zip(found, passages, strict=True)]
