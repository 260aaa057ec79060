"""Reasoning moved between the arms of a cue: did its influence run through the reasoning?

Design after Bogdan et al. 2025 (https://arxiv.org/abs/2510.27484) and Paul et al. 2024
(https://arxiv.org/abs/2402.13950).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import Edit, Intervention, NotApplicable, Question, Tools, Trace

POINTS_AT = ("incorrect", "sham")
"""The arms between which and the one without the cue reasoning is moved."""


@dataclass(frozen=True)
class Transplant(Intervention):
    """Show reasoning that was drawn with a cue behind the prompt without it, and the other way round.

    Each beginning of it is shown behind both prompts, and what stands before the first step that states the
    final answer, as the task reads it: whole reasoning states its answer and would decide it alone.
    """

    by_default: ClassVar[bool] = False
    across_arms: ClassVar[bool] = True

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield an edit for each beginning and each prompt: its own arm's, and those of the other side."""
        for trace in traces:
            prompts = list(_prompts(trace.question, tools.arms(trace.question)))
            if not prompts:
                yield NotApplicable(trace, "no arm of a cue on the other side")
                continue
            n, before = len(trace.steps), unstated(trace, tools)
            for k in sorted({*tools.positions(n), *([before] if tools.done == 0 else ())}):
                for question in (None, *prompts):
                    coords = {"steps": k, "before_stated": k == before} | _prompt(question or trace.question)
                    yield Edit(trace, trace.steps[:k], k / n if n else 1.0, coords=coords, question=question)


def unstated(trace: Trace, tools: Tools) -> int:
    """Return how many steps stand before the first that states the trace's answer; all if none does."""
    stated = (i for i, step in enumerate(trace.steps) if _states(trace, tools, step))
    return next(stated, len(trace.steps))


def _states(trace: Trace, tools: Tools, step: str) -> bool:
    return trace.answer.text is not None and tools.states(trace.question, step) == trace.answer.text


def _prompts(question: Question, arms: Sequence[Question]) -> Iterator[Question]:
    """Yield the same question on the other side: without the cue, or with each cue that is measured so."""
    own = {arm.arm.cue for arm in arms if arm.arm and arm.arm.kind == "none"}
    for other in arms:
        if _is_baseline(question, other, own) or _is_baseline(other, question, own):
            yield other


def _is_baseline(cued: Question, other: Question, own: set[str]) -> bool:
    """Tell whether the other question is what the cued one is without the cue."""
    if cued.arm is None or cued.arm.kind not in POINTS_AT:
        return False
    if cued.arm.cue in own:
        return other.arm is not None and (other.arm.cue, other.arm.kind) == (cued.arm.cue, "none")
    return other.arm is None


def _prompt(question: Question) -> dict[str, str]:
    arm = question.arm
    return {"cue": arm.cue if arm else "", "prompt": arm.kind if arm else "none"}
