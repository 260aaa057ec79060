"""Paraphrasing: Lanham et al. 2023, section 2.4, https://arxiv.org/abs/2307.13702."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from cotfaith import (
    Edit,
    InputError,
    Intervention,
    NotApplicable,
    Passage,
    Rewrite,
    Rewritten,
    Source,
    Task,
    Tools,
    Trace,
    paraphrase_dialogue,
    rewritten,
    takes_rule,
)


@dataclass(frozen=True)
class Paraphrase(Intervention):
    """Say the first i steps in other words, for every i, and let the model resume from there.

    `source` says who rewrites: the helper `model`, which does not see the question, or the `rule` of a task
    that can rewrite its own steps. `auto` is the rule where the task has one, otherwise the model. `unit`
    says what the model is given: each beginning as a `whole`, as in the paper, or each `step` by itself, once
    for all beginnings that hold it, where a step that cannot be rewritten stays; `auto` takes steps of blocks
    of thinking, and else the whole.
    """

    source: Source = "auto"
    unit: Literal["auto", "whole", "step"] = "auto"

    plotted: ClassVar[Literal["same", "correct"]] = "correct"
    axis: ClassVar[str] = "Share of the reasoning paraphrased"
    unchanged_at: ClassVar[float | None] = 0.0

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield n edits for n steps; what could not be rewritten is told with its reason."""
        prefixes = [
            Passage(trace, trace.steps[:i])
            for trace in traces
            for i in tools.positions(len(trace.steps))
            if i > 0
        ]
        found = self._by_step(prefixes, tools) if self._steps_apart(tools) else self._written(prefixes, tools)
        for prefix, written in zip(prefixes, found, strict=True):
            trace, i = prefix.trace, len(prefix.steps)
            coords = {"steps_paraphrased": i}
            if written.fault:
                yield NotApplicable(trace, written.fault, coords)
            else:
                steps = tools.split(_lead(trace.steps[0]) + written.text.strip())
                yield Edit(trace, steps, i / len(trace.steps), resume=True, coords=coords)
        yield from (NotApplicable(trace, "no reasoning") for trace in traces if not trace.steps)

    @property
    def unedited(self) -> str:
        """The reasoning resumed from its prefixes as they are."""
        return "sham:variant=resume"

    def uses_helper(self, task: Task) -> bool:
        """Tell whether a model rewrites."""
        return not takes_rule(self.source, task.rewriter)

    def check(self, task: Task) -> None:
        """Refuse the rule source where the task has no rule."""
        if self.source == "rule" and task.rewriter is None:
            raise InputError(
                f"paraphrase: task {task.name()!r} cannot rewrite its own steps. Use source=model, "
                "and name a model that rewrites well with --helper."
            )

    def _steps_apart(self, tools: Tools) -> bool:
        """Tell whether the model rewrites each step by itself."""
        chosen = self.unit == "step" or (self.unit == "auto" and tools.thinking)
        return chosen and not takes_rule(self.source, tools.rewriter)

    def _written(self, passages: Sequence[Passage], tools: Tools) -> list[Rewritten]:
        return rewritten(passages, tools, self.source, partial(_reworded, tools), partial(_ask, tools))

    def _by_step(self, prefixes: Sequence[Passage], tools: Tools) -> list[Rewritten]:
        """Rewrite every step that a beginning holds, once, and join them."""
        longest: dict[tuple[str, int], Passage] = {}
        for prefix in prefixes:  # a trace's prefixes come in rising order
            longest[_name(prefix.trace)] = prefix
        steps = [Passage(whole.trace, (step,)) for whole in longest.values() for step in whole.steps]
        found = iter(self._written(steps, tools))
        by_trace = {name: [next(found) for _ in whole.steps] for name, whole in longest.items()}
        return [_joined(prefix, by_trace[_name(prefix.trace)][: len(prefix.steps)]) for prefix in prefixes]


def _name(trace: Trace) -> tuple[str, int]:
    return trace.question.id, trace.sample


def _joined(prefix: Passage, written: Sequence[Rewritten]) -> Rewritten:
    """Put rewritten steps in the places of the original ones; at least half must have been rewritten."""
    if 2 * sum(not one.fault for one in written) < len(written):
        return Rewritten(fault="most of its steps could not be rewritten")
    pairs = zip(prefix.steps, written, strict=True)
    return Rewritten("".join(old if new.fault else _lead(old) + new.text.strip() for old, new in pairs))


def _lead(step: str) -> str:
    """Return the white space with which a step begins."""
    return step[: len(step) - len(step.lstrip())]


def _ask(tools: Tools, prefix: Passage) -> Rewrite:
    room = 3 * tools.count_tokens(prefix.text) // 2 + 16
    return Rewrite(prefix.trace, paraphrase_dialogue(prefix.text), max_new_tokens=room)


def _reworded(tools: Tools, prefix: Passage, rng: random.Random) -> str | None:
    """Say each step in other words by the task's own rule; None where it knows one of them not."""
    assert tools.rewriter is not None
    steps = [tools.rewriter.paraphrase(step, rng) for step in prefix.steps]
    return None if None in steps else "".join(filter(None, steps))
