"""One model on one task: sampled, edited and asked again, each stage doing only what the store does not hold.

Each stage asks the store what is missing, works in batches and stores every batch in one transaction.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Protocol

from cotfaith import prompts
from cotfaith.base import Intervention, Task, Tools
from cotfaith.identity import code_key, derive_seed, key
from cotfaith.loading import rotated
from cotfaith.models import Model
from cotfaith.pace import Pace
from cotfaith.parsing import split_steps
from cotfaith.prompts import STOP_STRINGS, plain_text
from cotfaith.schema import (
    Answer,
    ChoiceProbs,
    ChoiceRequest,
    Edit,
    Generation,
    GenerationRequest,
    NotApplicable,
    Outcome,
    Question,
    Rotated,
    Sampling,
    TextRequest,
    TextScore,
    Trace,
)
from cotfaith.store import Store, StoredTrace
from cotfaith.study import Study

RESERVE = 64  # at least so many tokens for the closing question, the answer's prefix and a short answer
MARKERS = 24  # tokens that a chat template may put between two turns
ROOM = 16  # tokens without which there is no use in asking: a short answer


class Progress(Protocol):
    """Shows how far a stage is."""

    def __call__(self, stage: str, unit: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Begin a stage of so many units; what it gives is called with how many more are done."""


@dataclass(frozen=True)
class Measurement:
    """One model on one task."""

    study: Study
    store: Store
    progress: Progress
    model: Model
    helper: Model | None
    task: Task
    questions: tuple[Question, ...]
    pace: Pace

    @cached_property
    def known_answers(self) -> dict[ChoiceRequest | GenerationRequest, ChoiceProbs | Generation]:
        """The answers to all that was asked before; answering draws no random numbers."""
        return {}

    @cached_property
    def traces(self) -> dict[str, tuple[Question, int]]:
        """The key of every trace that is asked for, with its question and sample."""
        return {
            self._trace_key(question, sample): (question, sample)
            for question in self.questions
            for sample in range(self.study.samples)
        }

    @cached_property
    def _reserve(self) -> int:
        """The tokens of the context that are left free for what is asked after the reasoning."""
        asked = plain_text(self.task.request(self.questions[0], "").dialogue[2:]) if self.questions else ""
        return max(RESERVE, self.model.count_tokens(asked) + self.task.answer_tokens + MARKERS)

    def elicit(self) -> None:
        """Sample reasoning, and ask for the answer with it and without it."""
        self.store.add_questions({key(question): question for question in self.questions})
        missing = self.store.missing_traces(self.traces)
        fingerprint = self.model.info.fingerprint
        with self._stage("reasoning", "samples", len(missing)) as advance:
            for batch in self.pace.batches(missing):
                sampled = list(zip(batch, self._sample([self.traces[k] for k in batch]), strict=True))
                self.store.add_traces(
                    (k, fingerprint, key(trace.question), trace)
                    for k, trace in sampled
                    if isinstance(trace, Trace)
                )
                self.store.add_unasked(
                    (k, fingerprint, key(self.traces[k][0]), reason)
                    for k, reason in sampled
                    if isinstance(reason, str)
                )
                advance(len(batch))

    def rotate(self) -> None:
        """Ask without reasoning with the choices in other orders."""
        asked_about = {self.traces[trace_key][0].id for trace_key in self._asked()}
        wanted = {
            key(self.model.info.fingerprint, self.task.request(turned, ""), turned, rotation): (
                turned,
                rotation,
            )
            for question in self.questions
            if question.id in asked_about
            for rotation in range(1, min(self.study.permutations + 1, len(question.choices)))
            for turned in (rotated(question, rotation),)
        }
        missing = self.store.missing_rotated(wanted)
        with self._stage("other orders of the choices", "questions", len(missing)) as advance:
            for batch in self.pace.batches(missing):
                asked = [wanted[rotated_key] for rotated_key in batch]
                answers = self._answers([(question, "") for question, _ in asked])
                self.store.add_rotated(
                    (rotated_key, self.model.info.fingerprint, Rotated(question, rotation, answer))
                    for rotated_key, (question, rotation), answer in zip(batch, asked, answers, strict=True)
                )
                advance(len(batch))

    def edit(self, intervention: Intervention) -> None:
        """Have the intervention edit every trace that it has not seen."""
        identity, label = self._identify(intervention)
        self.store.add_intervention(identity, intervention.spec, label)
        asked = self._asked()
        todo = set(self.store.not_intervened(identity, asked))
        groups = [list(group) for _, group in groupby(asked, lambda k: self.traces[k][0].id)]
        if intervention.per_question:
            units = [group for group in groups if todo.intersection(group)]
        else:
            units = [[trace_key] for group in groups for trace_key in group if trace_key in todo]
        with self._stage(f"{label}: edits", "traces", sum(map(len, units))) as advance:
            for several in self.pace.batches(units):
                batch = [trace_key for unit in several for trace_key in unit]
                stored = self.store.traces(batch)
                self.store.add_edits(identity, batch, self._edits(intervention, identity, stored))
                advance(len(batch))

    def answer(self, intervention: Intervention) -> None:
        """Ask again after every edit that has no outcome."""
        identity, label = self._identify(intervention)
        pending = self.store.unanswered(identity, self._asked())
        with self._stage(f"{label}: answers", "edits", len(pending)) as advance:
            for batch in self.pace.batches(pending):
                edits = [stored.edit for stored in self.store.edits(batch)]
                outcomes = self._outcomes(edits, identity, anew=intervention.floor)
                self.store.add_outcomes(zip(batch, outcomes, strict=True))
                advance(len(batch))

    def _asked(self) -> list[str]:
        """Return the keys of the traces that are there once all that could be asked were."""
        unasked = self.store.unasked()
        return [trace_key for trace_key in self.traces if trace_key not in unasked]

    def _sample(self, items: Sequence[tuple[Question, int]]) -> list[Trace | str]:
        """Return a trace for each question and sample, or say why it cannot be asked."""
        refused = self._refusals([(question, "") for question, _ in items])
        able = [item for item, reason in zip(items, refused, strict=True) if not reason]
        generations = self.model.generate([self._reasoning(question, sample) for question, sample in able])
        reasonings = [generation.text.rstrip() for generation in generations]
        found: list[Trace | str] = list(
            self._refusals([(question, text) for (question, _), text in zip(able, reasonings, strict=True)])
        )
        answered = [i for i, reason in enumerate(found) if not reason]
        traces = self._traces([able[i] for i in answered], [generations[i] for i in answered])
        for i, trace in zip(answered, traces, strict=True):
            found[i] = trace
        rest = iter(found)
        return [reason or next(rest) for reason in refused]

    def _reasoning(self, question: Question, sample: int) -> GenerationRequest:
        return GenerationRequest(
            self.task.reasoning(question),
            self.study.sampling,
            derive_seed(self.study.seed, question.task, question.id, sample),
            STOP_STRINGS,
            self._reserve,
        )

    def _traces(
        self, items: Sequence[tuple[Question, int]], generations: Sequence[Generation]
    ) -> list[Trace]:
        reasonings = [generation.text.rstrip() for generation in generations]
        asked = [(question, text) for (question, _), text in zip(items, reasonings, strict=True)]
        answers = self._answers([*asked, *((question, "") for question, _ in items)])
        scores = self._scores(asked)
        return [
            Trace(
                question=question,
                sample=sample,
                steps=split_steps(reasonings[i]),
                tokens=generations[i].tokens,
                hit_limit=generations[i].hit_limit,
                answer=answers[i],
                answer_without=answers[len(items) + i],
                same_without=self.task.same(question, answers[i].text, answers[len(items) + i].text),
                logprob=scores[i].per_token,
                text_tokens=self.model.count_tokens(reasonings[i]),
                prompt_tokens=self.model.count_tokens(plain_text(self.task.reasoning(question))),
            )
            for i, (question, sample) in enumerate(items)
        ]

    def _refusals(self, shown: Sequence[tuple[Question, str]]) -> list[str]:
        """Say why the model cannot be asked for the answer after this reasoning; nothing where it can."""
        dialogues = [self.task.request(question, reasoning).dialogue for question, reasoning in shown]
        return self.model.refusals(dialogues, ROOM)

    def _write(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Have the helper write; what it cannot be asked for is cut off before its first word."""
        helper = self.helper or self.model
        refused = helper.refusals([request.dialogue for request in requests], ROOM)
        able = [request for request, reason in zip(requests, refused, strict=True) if not reason]
        written = iter(helper.generate(able))
        return [Generation("", 0, hit_limit=True) if reason else next(written) for reason in refused]

    def _edits(
        self, intervention: Intervention, identity: str, stored: Sequence[StoredTrace]
    ) -> dict[str, tuple[str, Edit | NotApplicable]]:
        trace_keys = {(s.trace.question.id, s.trace.sample): s.key for s in stored}
        tools = Tools(
            seed=self.study.seed,
            intervention=intervention.spec,
            helper=self._write,
            count_tokens=self.model.count_tokens,
            rewriter=self.task.rewriter,
        )
        edits = list(intervention.edits([s.trace for s in stored], tools))
        found = {}
        for edit, able in zip(edits, self._able(edits), strict=True):
            trace_key = trace_keys[edit.trace.question.id, edit.trace.sample]
            found[key(trace_key, identity, _content(edit))] = (trace_key, able)
        return found

    def _able(self, edits: Sequence[Edit | NotApplicable]) -> list[Edit | NotApplicable]:
        """Put the reason in the place of each edit that the model cannot be shown.

        What begins the reasoning that it was asked about can be shown too.
        """
        new = [
            edit
            for edit in edits
            if isinstance(edit, Edit)
            and (edit.question is not None or not edit.trace.reasoning.startswith(edit.reasoning))
        ]
        shown = [(edit.question or edit.trace.question, edit.reasoning) for edit in new]
        reasons = {id(edit): reason for edit, reason in zip(new, self._refusals(shown), strict=True)}
        return [
            NotApplicable(edit.trace, reason, edit.coords) if (reason := reasons.get(id(edit))) else edit
            for edit in edits
        ]

    def _outcomes(self, edits: Sequence[Edit], identity: str, *, anew: bool) -> list[Outcome]:
        resumed = self._resume(edits, identity)
        asked = [
            (edit.question or edit.trace.question, (edit.reasoning + more.text).rstrip())
            for edit, more in zip(edits, resumed, strict=True)
        ]
        answers = self._answers(asked, anew=anew)
        changed = [i for i, edit in enumerate(edits) if not edit.trace.reasoning.startswith(edit.reasoning)]
        shown = [(edits[i].question or edits[i].trace.question, edits[i].reasoning) for i in changed]
        scores = dict(zip(changed, self._scores(shown), strict=True))
        return [
            Outcome(
                answers[i],
                self._same(edit, answers[i]),
                resumed[i].text,
                resumed[i].hit_limit,
                self.model.count_tokens(edit.reasoning),
                scores[i].per_token if i in scores else None,
                resumed[i].tokens,
            )
            for i, edit in enumerate(edits)
        ]

    def _scores(self, shown: Sequence[tuple[Question, str]]) -> list[TextScore]:
        """Score reasoning as what continues the beginning of the assistant's turn."""
        return self.model.text_scores([TextRequest(self.task.reasoning(q), text) for q, text in shown])

    def _same(self, edit: Edit, answer: Answer) -> bool:
        return self.task.same(edit.trace.question, edit.trace.answer.text, answer.text)

    def _resume(self, edits: Sequence[Edit], identity: str) -> list[Generation]:
        """Go on from the shown steps where the edit says so, within the token limit of a whole reasoning."""
        requests = {
            i: GenerationRequest(
                self.task.reasoning(edit.question or edit.trace.question, edit.reasoning),
                self._remaining(edit),
                derive_seed(
                    self.study.seed, identity, edit.trace.question.id, edit.trace.sample, _content(edit)
                ),
                STOP_STRINGS,
                self._reserve,
            )
            for i, edit in enumerate(edits)
            if edit.resume
        }
        written = dict(zip(requests, self.model.generate(list(requests.values())), strict=True))
        return [written.get(i, Generation("", 0, hit_limit=False)) for i in range(len(edits))]

    def _answers(self, asked: Sequence[tuple[Question, str]], *, anew: bool = False) -> list[Answer]:
        """Ask for answers, the same thing once; a floor asks anew, since that is what it measures."""
        requests = [self.task.request(question, reasoning) for question, reasoning in asked]
        known = {} if anew else self.known_answers
        missing = [request for request in dict.fromkeys(requests) if request not in known]
        scored = iter(self.model.answer_probs([r for r in missing if isinstance(r, ChoiceRequest)]))
        written = iter(self.model.generate([r for r in missing if isinstance(r, GenerationRequest)]))
        for request in missing:
            known[request] = next(scored) if isinstance(request, ChoiceRequest) else next(written)
        return [self.task.read(q, known[r]) for (q, _), r in zip(asked, requests, strict=True)]

    def _remaining(self, edit: Edit) -> Sampling:
        sampling = self.study.sampling
        room = sampling.max_new_tokens - self.model.count_tokens(edit.reasoning)
        return replace(sampling, max_new_tokens=max(0, room))

    def _trace_key(self, question: Question, sample: int) -> str:
        """Hold all that determines a trace; the requests hold the prompts."""
        asked = (self.task.reasoning(question), self.task.request(question, ""))
        sampling, seed = self.study.sampling, self.study.seed
        return key(self.model.info.fingerprint, asdict(self.task), question, asked, sampling, seed, sample)

    def _identify(self, intervention: Intervention) -> tuple[str, str]:
        """Return an intervention's key, which holds its code and who writes its edits, and its label."""
        writer = self.helper if intervention.uses_helper(self.task) else None
        if writer is not None and writer.info.fingerprint == self.model.info.fingerprint:
            writer = None
        fingerprint = writer.info.fingerprint if writer else None
        code = code_key(sys.modules[type(intervention).__module__], prompts)
        identity = key(intervention.name(), asdict(intervention), code, fingerprint)
        return identity, f"{intervention.spec} by {writer.info.name}" if writer else intervention.spec

    def _stage(self, name: str, unit: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        return self.progress(f"{self.model.info.name} · {self.task.spec} · {name}", unit, total)


def _content(edit: Edit | NotApplicable) -> object:
    """Return what is asked in an edit, apart from the trace; its position may change when a run grows."""
    if isinstance(edit, NotApplicable):
        return edit.reason, edit.coords
    return edit.steps, edit.resume, edit.coords, edit.question
