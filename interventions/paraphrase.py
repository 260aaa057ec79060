"""Paraphrasing: Lanham et al. 2023, section 2.4, https://arxiv.org/abs/2307.13702."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from cotfaith import (
    Edit,
    Generation,
    InputError,
    Intervention,
    NotApplicable,
    Rewrite,
    StepRewriter,
    Task,
    Tools,
    Trace,
    paraphrase_dialogue,
    split_steps,
    why_unusable,
)


@dataclass(frozen=True)
class Paraphrase(Intervention):
    """Say the first i steps in other words, for every i, and let the model resume from there.

    `source` says who rewrites: the helper `model`, which does not see the question, or the `rule` of a task
    that can rewrite its own steps. `auto` is the rule where the task has one, otherwise the model.
    """

    source: Literal["auto", "model", "rule"] = "auto"

    reading: ClassVar[Literal["same", "correct"]] = "correct"
    axis: ClassVar[str] = "Share of the reasoning paraphrased"
    unchanged_at: ClassVar[float | None] = 0.0

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield n edits for n steps; what could not be rewritten is told with its reason."""
        write = self._by_rule if self._takes_rule(tools.rewriter) else self._by_model
        prefixes = [(trace, i) for trace in traces for i in range(1, len(trace.steps) + 1)]
        for (trace, i), written in zip(prefixes, write(prefixes, tools), strict=True):
            coords = {"steps_paraphrased": i}
            if reason := why_unusable(written, "".join(trace.steps[:i])):
                yield NotApplicable(trace, reason, coords)
            else:
                steps = split_steps(f" {written.text.strip()}")
                yield Edit(trace, steps, i / len(trace.steps), resume=True, coords=coords)
        yield from (NotApplicable(trace, "no reasoning") for trace in traces if not trace.steps)

    def uses_helper(self, task: Task) -> bool:
        """Tell whether a model rewrites."""
        return not self._takes_rule(task.rewriter)

    def check(self, task: Task) -> None:
        """Refuse the rule source where the task has no rule."""
        if self.source == "rule" and task.rewriter is None:
            raise InputError(
                f"paraphrase: task {task.name()!r} cannot rewrite its own steps. Use source=model, "
                "and name a model that rewrites well with --helper."
            )

    def _takes_rule(self, rewriter: StepRewriter | None) -> bool:
        return self.source == "rule" or (self.source == "auto" and rewriter is not None)

    def _by_model(self, prefixes: Sequence[tuple[Trace, int]], tools: Tools) -> list[Generation]:
        rewrites = []
        for trace, i in prefixes:
            text = "".join(trace.steps[:i])
            room = 3 * tools.count_tokens(text) // 2 + 16
            rewrites.append(Rewrite(trace, paraphrase_dialogue(text), max_new_tokens=room))
        return tools.generate(rewrites)

    def _by_rule(self, prefixes: Sequence[tuple[Trace, int]], tools: Tools) -> list[Generation]:
        assert tools.rewriter is not None
        texts = []
        for trace, i in prefixes:
            rng = tools.rng(trace)
            steps = [tools.rewriter.paraphrase(step, rng) for step in trace.steps[:i]]
            text = "" if None in steps else "".join(filter(None, steps))
            texts.append(Generation(text, tools.count_tokens(text), hit_limit=False))
        return texts
