"""What one model is asked about one task: reasoning, answers, edits of the reasoning, answers after these.

Nothing here knows what is stored; the same question is still not asked twice.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

from cotfaith.dialogue.parsing import split_steps
from cotfaith.dialogue.prompts import STOP_STRINGS, plain_text
from cotfaith.identity import derive_seed, key
from cotfaith.models.model import Model
from cotfaith.plugins.base import Intervention, Task, Tools
from cotfaith.running.options import Study
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
    Sampling,
    TextRequest,
    TextScore,
    Trace,
)

RESERVE = 64  # at least so many tokens for the closing question, the answer's prefix and a short answer
MARKERS = 24  # tokens that a chat template may put between two turns
ROOM = 16  # tokens without which there is no use in asking: a short answer


@dataclass(frozen=True)
class Interview:
    """One model and the questions of one task."""

    study: Study
    model: Model
    helper: Model | None
    task: Task
    questions: tuple[Question, ...]

    @cached_property
    def _known(self) -> dict[ChoiceRequest | GenerationRequest, ChoiceProbs | Generation]:
        """The answers to all that was asked before; answering draws no random numbers."""
        return {}

    def trace_key(self, question: Question, sample: int) -> str:
        """Hold all that determines a trace; the requests hold the prompts."""
        asked = (self.task.reasoning(question), self.task.request(question, ""))
        sampling, seed = self.study.sampling, self.study.seed
        return key(self.model.info.fingerprint, asdict(self.task), question, asked, sampling, seed, sample)

    def sample(self, items: Sequence[tuple[Question, int]]) -> list[Trace | str]:
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

    def edits(self, intervention: Intervention, traces: Sequence[Trace]) -> list[Edit | NotApplicable]:
        """Have the intervention edit traces; what the model cannot be shown has the reason in its place."""
        tools = Tools(
            seed=self.study.seed,
            intervention=intervention.spec,
            helper=self._write,
            count_tokens=self.model.count_tokens,
            rewriter=self.task.rewriter,
        )
        return self._able(list(intervention.edits(traces, tools)))

    def outcomes(self, edits: Sequence[Edit], identity: str, *, anew: bool) -> list[Outcome]:
        """Ask again after each edit, once the model has gone on reasoning where it shall."""
        resumed = self._resume(edits, identity)
        asked = [
            (edit.asked, (edit.reasoning + more.text).rstrip())
            for edit, more in zip(edits, resumed, strict=True)
        ]
        answers = self.answers(asked, anew=anew)
        changed = [i for i, edit in enumerate(edits) if not edit.trace.reasoning.startswith(edit.reasoning)]
        scored = self._scores([(edits[i].asked, edits[i].reasoning) for i in changed])
        scores = dict(zip(changed, scored, strict=True))
        return [
            Outcome(
                answers[i],
                self.task.same(edit.trace.question, edit.trace.answer.text, answers[i].text),
                resumed[i].text,
                resumed[i].hit_limit,
                self.model.count_tokens(edit.reasoning),
                scores[i].per_token if i in scores else None,
                resumed[i].tokens,
            )
            for i, edit in enumerate(edits)
        ]

    def answers(self, asked: Sequence[tuple[Question, str]], *, anew: bool = False) -> list[Answer]:
        """Ask for answers, the same thing once; a floor asks anew, since that is what it measures."""
        requests = [self.task.request(question, reasoning) for question, reasoning in asked]
        known = {} if anew else self._known
        missing = [request for request in dict.fromkeys(requests) if request not in known]
        scored = iter(self.model.answer_probs([r for r in missing if isinstance(r, ChoiceRequest)]))
        written = iter(self.model.generate([r for r in missing if isinstance(r, GenerationRequest)]))
        for request in missing:
            known[request] = next(scored) if isinstance(request, ChoiceRequest) else next(written)
        return [self.task.read(q, known[r]) for (q, _), r in zip(asked, requests, strict=True)]

    @cached_property
    def _reserve(self) -> int:
        """The tokens of the context that are left free for what is asked after the reasoning."""
        asked = plain_text(self.task.request(self.questions[0], "").dialogue[2:]) if self.questions else ""
        return max(RESERVE, self.model.count_tokens(asked) + self.task.answer_tokens + MARKERS)

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
        answers = self.answers([*asked, *((question, "") for question, _ in items)])
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
        refused = self._refusals([(edit.asked, edit.reasoning) for edit in new])
        reasons = {id(edit): reason for edit, reason in zip(new, refused, strict=True)}
        return [
            NotApplicable(edit.trace, reason, edit.coords) if (reason := reasons.get(id(edit))) else edit
            for edit in edits
        ]

    def _scores(self, shown: Sequence[tuple[Question, str]]) -> list[TextScore]:
        """Score reasoning as what continues the beginning of the assistant's turn."""
        return self.model.text_scores([TextRequest(self.task.reasoning(q), text) for q, text in shown])

    def _resume(self, edits: Sequence[Edit], identity: str) -> list[Generation]:
        """Go on from the shown steps where the edit says so, within the token limit of a whole reasoning."""
        requests = {
            i: GenerationRequest(
                self.task.reasoning(edit.asked, edit.reasoning),
                self._remaining(edit),
                derive_seed(
                    self.study.seed, identity, edit.trace.question.id, edit.trace.sample, content(edit)
                ),
                STOP_STRINGS,
                self._reserve,
            )
            for i, edit in enumerate(edits)
            if edit.resume
        }
        written = dict(zip(requests, self.model.generate(list(requests.values())), strict=True))
        return [written.get(i, Generation("", 0, hit_limit=False)) for i in range(len(edits))]

    def _remaining(self, edit: Edit) -> Sampling:
        sampling = self.study.sampling
        room = sampling.max_new_tokens - self.model.count_tokens(edit.reasoning)
        return replace(sampling, max_new_tokens=max(0, room))


def content(edit: Edit | NotApplicable) -> object:
    """Return what is asked in an edit, apart from the trace; its position may change when a run grows."""
    if isinstance(edit, NotApplicable):
        return edit.reason, edit.coords
    return edit.steps, edit.resume, edit.coords, edit.question
