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
    Source,
    Task,
    Tools,
    Trace,
    paraphrase_dialogue,
    rewritten,
    split_steps,
    takes_rule,
)


@dataclass(frozen=True)
class Paraphrase(Intervention):
    """Say the first i steps in other words, for every i, and let the model resume from there.

    `source` says who rewrites: the helper `model`, which does not see the question, or the `rule` of a task
    that can rewrite its own steps. `auto` is the rule where the task has one, otherwise the model.
    """

    source: Source = "auto"

    plotted: ClassVar[Literal["same", "correct"]] = "correct"
    axis: ClassVar[str] = "Share of the reasoning paraphrased"
    unchanged_at: ClassVar[float | None] = 0.0

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield n edits for n steps; what could not be rewritten is told with its reason."""
        prefixes = [
            Passage(trace, trace.steps[:i]) for trace in traces for i in range(1, len(trace.steps) + 1)
        ]
        found = rewritten(prefixes, tools, self.source, partial(_reworded, tools), partial(_ask, tools))
        for prefix, written in zip(prefixes, found, strict=True):
            trace, i = prefix.trace, len(prefix.steps)
            coords = {"steps_paraphrased": i}
            if written.fault:
                yield NotApplicable(trace, written.fault, coords)
            else:
                first = trace.steps[0]
                lead = first[: len(first) - len(first.lstrip())]
                steps = split_steps(lead + written.text.strip())
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


def _ask(tools: Tools, prefix: Passage) -> Rewrite:
    room = 3 * tools.count_tokens(prefix.text) // 2 + 16
    return Rewrite(prefix.trace, paraphrase_dialogue(prefix.text), max_new_tokens=room)


def _reworded(tools: Tools, prefix: Passage, rng: random.Random) -> str | None:
    """Say each step in other words by the task's own rule; None where it knows one of them not."""
    assert tools.rewriter is not None
    steps = [tools.rewriter.paraphrase(step, rng) for step in prefix.steps]
    return None if None in steps else "".join(filter(None, steps))
