"""One model on one task: sampled, edited and asked again, each stage doing only what the store does not hold.

Each stage asks the store what is missing, works in batches and stores every batch in one transaction.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from typing import Protocol

from cotfaith.dialogue import prompts
from cotfaith.identity import code_key, key
from cotfaith.plugins.intervention import Intervention
from cotfaith.plugins.questions import rotated
from cotfaith.plugins.registry import with_parts
from cotfaith.running.code import source_of
from cotfaith.running.edited import content
from cotfaith.running.interview import Interview
from cotfaith.running.pace import Pace
from cotfaith.running.progress import Advance
from cotfaith.schema import Edit, NotApplicable, Outcome, Question, Refusal, Rotated, Trace
from cotfaith.store.database import EVERYWHERE
from cotfaith.store.store import Store


class Progress(Protocol):
    """Shows how far a stage is."""

    def __call__(self, stage: str, unit: str, total: int) -> AbstractContextManager[Advance]:
        """Begin a stage of so many units; what it gives is called with how many more are done."""


@dataclass(frozen=True)
class Measurement:
    """One model on one task: the stages of asking it, and what of them is stored."""

    interview: Interview
    store: Store
    progress: Progress
    pace: Pace

    @property
    def _fingerprint(self) -> str:
        return self.interview.model.info.fingerprint

    @cached_property
    def traces(self) -> dict[str, tuple[Question, int]]:
        """The key of every trace that is asked for, with its question and sample."""
        return {
            self.interview.trace_key(question, sample): (question, sample)
            for question in self.interview.questions
            for sample in range(self.interview.settings.samples)
        }

    def elicit(self) -> None:
        """Sample reasoning, and ask for the answer with it and without it."""
        self.store.add_questions({key(question): question for question in self.interview.questions})
        missing = self.store.missing_traces(self.traces)
        with self._stage("reasoning", "samples", len(missing)) as advance:
            for batch in self.pace.batches(missing):
                found = self.interview.sample([self.traces[k] for k in batch])
                sampled = list(zip(batch, found, strict=True))
                self.store.add_traces(
                    (k, self._fingerprint, key(trace.question), trace)
                    for k, trace in sampled
                    if isinstance(trace, Trace)
                )
                self.store.add_unasked(
                    (k, self._fingerprint, key(self.traces[k][0]), refusal.reason)
                    for k, refusal in sampled
                    if isinstance(refusal, Refusal)
                )
                advance(len(batch), sum(t.drawn_tokens for t in found if isinstance(t, Trace)))

    def reply(self) -> None:
        """Have a thinking model write its own reply behind the first thinking about each question.

        Where there are cues it does so behind all, since what the reply says of a cue is read too.
        """
        if not self.interview.model.markers:
            return
        cued = any(question.arm for question in self.interview.arms)
        first = [trace_key for trace_key in self._asked() if cued or self.traces[trace_key][1] == 0]
        missing = self.store.missing_replies(first)
        with self._stage("own replies", "samples", len(missing)) as advance:
            for batch in self.pace.batches(missing):
                traces = [stored.trace for stored in self.store.traces(batch)]
                replies = self.interview.replies(traces)
                self.store.add_replies(zip(batch, replies, strict=True))
                advance(len(batch), sum(reply.tokens for reply in replies))

    def rotate(self) -> None:
        """Ask without reasoning with the choices in other orders."""
        asked_about = {self.traces[trace_key][0].id for trace_key in self._asked()}
        wanted = {
            key(self._fingerprint, self.interview.task.request(turned, ""), turned, rotation): (
                turned,
                rotation,
            )
            for question in self.interview.questions
            if question.id in asked_about and question.arm is None
            for rotation in range(1, min(self.interview.settings.permutations + 1, len(question.choices)))
            for turned in (rotated(question, rotation),)
        }
        missing = self.store.missing_rotated(wanted)
        with self._stage("other orders of the choices", "questions", len(missing)) as advance:
            for batch in self.pace.batches(missing):
                asked = [wanted[rotated_key] for rotated_key in batch]
                answers = self.interview.answers([(question, "") for question, _ in asked])
                self.store.add_rotated(
                    (rotated_key, self._fingerprint, Rotated(question, rotation, answer))
                    for rotated_key, (question, rotation), answer in zip(batch, asked, answers, strict=True)
                )
                advance(len(batch))

    def edit(self, intervention: Intervention) -> None:
        """Have the intervention edit every trace that it has not seen, or not at as many positions."""
        identity, label = self._identify(intervention)
        self.store.add_intervention(identity, intervention.spec, label)
        asked = self._asked()
        points = self.interview.settings.points or EVERYWHERE
        done = self.store.intervened(identity)
        todo = {trace_key for trace_key in asked if done.get(trace_key, 0) < points}
        groups = [list(group) for _, group in groupby(asked, lambda k: self.traces[k][0].id)]
        if intervention.per_question:
            units, done = [group for group in groups if todo.intersection(group)], {}
        else:
            units = [[trace_key] for group in groups for trace_key in group if trace_key in todo]
        with self._stage(f"{label}: edits", "traces", sum(map(len, units))) as advance:
            for several in self.pace.batches(units):
                batch = [trace_key for unit in several for trace_key in unit]
                traces = {stored.key: stored.trace for stored in self.store.traces(batch)}
                by_done: dict[int, list[Trace]] = {}
                for trace_key, trace in traces.items():
                    by_done.setdefault(done.get(trace_key, 0), []).append(trace)
                edits = [
                    e for n, alike in by_done.items() for e in self.interview.edits(intervention, alike, n)
                ]
                self.store.add_edits(identity, batch, _by_key(edits, traces, identity), points)
                advance(len(batch))

    def answer(self, intervention: Intervention) -> None:
        """Ask again after every edit that has no outcome."""
        identity, label = self._identify(intervention)
        pending = self.store.unanswered(identity, self._asked())
        with self._stage(f"{label}: answers", "edits", len(pending)) as advance:
            for batch in self.pace.batches(pending):
                edits = [stored.edit for stored in self.store.edits(batch)]
                found = list(zip(batch, self.interview.outcomes(edits, intervention), strict=True))
                self.store.withdraw(
                    (k, refusal.reason) for k, refusal in found if isinstance(refusal, Refusal)
                )
                outcomes = [(k, outcome) for k, outcome in found if isinstance(outcome, Outcome)]
                self.store.add_outcomes(outcomes)
                advance(len(batch), sum(outcome.resumed_tokens for _, outcome in outcomes))

    def _asked(self) -> list[str]:
        """Return the keys of the traces that could be asked, which `elicit` has stored."""
        unasked = self.store.unasked()
        return [trace_key for trace_key in self.traces if trace_key not in unasked]

    def _identify(self, intervention: Intervention) -> tuple[str, str]:
        """Return an intervention's key, which holds its code and who writes its edits, and its label."""
        parts = list(with_parts([intervention]))
        written = any(part.uses_helper(self.interview.task) for part in parts)
        writer = self.interview.helper if written else None
        if writer is not None and writer.info.fingerprint == self._fingerprint:
            writer = None
        fingerprint = writer.info.fingerprint if writer else None
        modules = (*(type(part).__module__ for part in parts), prompts.__name__)
        code = code_key(*(source_of(name) or "" for name in modules))
        identity = key(intervention.name(), asdict(intervention), code, fingerprint)
        return identity, f"{intervention.spec} by {writer.info.name}" if writer else intervention.spec

    def _stage(self, name: str, unit: str, total: int) -> AbstractContextManager[Advance]:
        model, task = self.interview.model.info.name, self.interview.task.spec
        arm = self.interview.questions[0].arm if self.interview.questions else None
        where = f"{task} · {arm.cue}, {arm.kind}" if arm else task
        return self.progress(f"{model} · {where} · {name}", unit, total)


def _by_key(
    edits: Sequence[Edit | NotApplicable], traces: Mapping[str, Trace], identity: str
) -> dict[str, tuple[str, Edit | NotApplicable]]:
    """Return edits by their keys, each with its trace's key."""
    keys = {(trace.question.id, trace.sample): trace_key for trace_key, trace in traces.items()}
    found = [(keys[edit.trace.question.id, edit.trace.sample], edit) for edit in edits]
    return {key(trace_key, identity, content(edit)): (trace_key, edit) for trace_key, edit in found}
