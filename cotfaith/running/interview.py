"""What one model is asked about one task: reasoning, answers, edits of the reasoning, answers after these.

Nothing here knows what is stored; the same question is still not asked twice.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

from cotfaith.dialogue.prompts import STOP_STRINGS, plain_text
from cotfaith.dialogue.reordered import in_terms_of
from cotfaith.dialogue.steps import split_steps
from cotfaith.errors import InputError
from cotfaith.identity import derive_seed, key
from cotfaith.models.model import Model, as_inside
from cotfaith.plugins.intervention import Intervention, Tools
from cotfaith.plugins.registry import INTERVENTIONS
from cotfaith.plugins.task import Task
from cotfaith.running.edited import answered, content, joined
from cotfaith.running.inside import LookedInside
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
    Refusal,
    Reply,
    Settings,
    TextRequest,
    TextScore,
    Trace,
    Turn,
)

RESERVE = 64  # at least so many tokens for the closing question, the answer's prefix and a short answer
MARKERS = 24  # tokens that a chat template may put between two turns
REPLY_TOKENS = 512  # at most, of a thinking model's own reply
ROOM = 16  # tokens without which there is no use in asking: a short answer


@dataclass(frozen=True)
class Interview:
    """One model and the questions of one task."""

    settings: Settings
    model: Model
    helper: Model | None
    task: Task
    questions: tuple[Question, ...]
    arms: tuple[Question, ...] = ()
    """These questions, and the same ones with the other arms of cues, and as they are."""

    def trace_key(self, question: Question, sample: int) -> str:
        """Hold all that determines a trace; the requests hold the prompts."""
        asked = (self.task.reasoning(question), self.task.request(question, ""))
        settings = self.settings
        cut = () if settings.steps == "sentence" else (settings.steps,)
        drawn = (settings.sampling, settings.seed, sample, *cut)
        return key(self.model.info.fingerprint, asdict(self.task), question, asked, *drawn)

    def sample(self, items: Sequence[tuple[Question, int]]) -> list[Trace | Refusal]:
        """Return a trace for each question and sample, or say why it cannot be asked."""
        refused = self._refusals([(question, "") for question, _ in items])
        able = [item for item, reason in zip(items, refused, strict=True) if not reason]
        generations = self.model.generate([self._reasoning(question, sample) for question, sample in able])
        reasonings = [generation.text.rstrip() for generation in generations]
        told = self._refusals([(q, text) for (q, _), text in zip(able, reasonings, strict=True)])
        answered = [i for i, reason in enumerate(told) if not reason]
        traces = iter(self._traces([able[i] for i in answered], [generations[i] for i in answered]))
        reasons = iter(told)
        first = [reason or next(reasons) for reason in refused]
        return [Refusal(reason) if reason else next(traces) for reason in first]

    def edits(
        self, intervention: Intervention, traces: Sequence[Trace], done: int = 0
    ) -> list[Edit | NotApplicable]:
        """Have the intervention edit traces; what the model cannot be shown has the reason in its place.

        Of the positions along the reasoning so many have been `done` before.
        """
        tools = Tools(
            seed=self.settings.seed,
            intervention=intervention.spec,
            helper=self._write,
            count_tokens=self.model.count_tokens,
            first_tokens=self.model.first_tokens,
            rewriter=self.task.rewriter,
            thinking=bool(self.model.markers),
            steps=self.settings.steps,
            points=self.settings.points,
            done=done,
            layers=changed.layers if (changed := as_inside(self.model)) else 1,
            build=INTERVENTIONS.build,
            arms=self._arms_of,
            states=self.task.parse,
        )
        edits = list(intervention.edits(traces, tools))
        inside = any(isinstance(edit, Edit) and edit.inside for edit in edits)
        if inside and "hooks" not in intervention.asks_for:
            raise InputError(
                f"intervention {intervention.spec!r} changes models inside and does not say so: "
                'its class needs `needs = frozenset({"prefill", "hooks"})`.'
            )
        return self._able(edits)

    @cached_property
    def _by_id(self) -> dict[str, list[Question]]:
        by_id: dict[str, list[Question]] = {}
        for question in self.arms:
            by_id.setdefault(question.id, []).append(question)
        return by_id

    def _arms_of(self, question: Question) -> tuple[Question, ...]:
        """Return a question as it is asked in all arms."""
        return tuple(self._by_id.get(question.id, ()))

    def outcomes(self, edits: Sequence[Edit], intervention: Intervention) -> list[Outcome | Refusal]:
        """Ask again after each edit; where it says so, the model first goes on reasoning.

        What a model went on with may hold what its template reads as marks, so that it is looked at like any
        other reasoning, and what the model would not be shown as it stands is refused.
        """
        resumed = self._resume(edits, intervention)
        reasons = self._refusals_after(edits, resumed)
        able = [i for i, reason in enumerate(reasons) if not reason]
        shown, more = [edits[i] for i in able], [resumed[i] for i in able]
        found = self._answers_after(shown, more, anew=intervention.floor)
        answered = iter(self._outcomes(shown, more, found, between_steps=intervention.between_steps))
        return [Refusal(reason) if reason else next(answered) for reason in reasons]

    def _outcomes(
        self,
        edits: Sequence[Edit],
        resumed: Sequence[Generation],
        found: Sequence[Answer],
        *,
        between_steps: bool,
    ) -> list[Outcome]:
        answers = [
            in_terms_of(e.trace.question, e.asked, answer) for e, answer in zip(edits, found, strict=True)
        ]
        changed = [i for i, edit in enumerate(edits) if not edit.trace.reasoning.startswith(edit.reasoning)]
        scored = self._scores([(edits[i].asked, edits[i].reasoning) for i in changed])
        scores = dict(zip(changed, scored, strict=True))
        shifts = self._looked.shifts(edits, answers)
        attention = self._looked.attention(edits)
        on_steps = iter(self._looked.effects_on_steps(edits) if between_steps else [()] * len(edits))
        return [
            Outcome(
                answers[i],
                self.task.same(edit.trace.question, edit.trace.answer.text, answers[i].text),
                resumed[i].text,
                resumed[i].hit_limit,
                self.model.count_tokens(edit.reasoning),
                scores[i].per_token if i in scores else None,
                resumed[i].tokens,
                shifts.get(i),
                next(on_steps),
                attention.get(i, ()),
            )
            for i, edit in enumerate(edits)
        ]

    def _refusals_after(self, edits: Sequence[Edit], resumed: Sequence[Generation]) -> list[str]:
        """Say why the model cannot be asked after what it went on with; nothing where it can."""
        places = [i for i, more in enumerate(resumed) if more.text]
        told = self._refusals([(edits[i].asked, joined(edits[i], resumed[i])) for i in places])
        reasons = dict(zip(places, told, strict=True))
        return [reasons.get(i, "") for i in range(len(edits))]

    def answers(self, asked: Sequence[tuple[Question, str]]) -> list[Answer]:
        """Ask for answers after reasoning; the same thing is asked once."""
        requests = [self.task.request(question, reasoning) for question, reasoning in asked]
        distinct = list(dict.fromkeys(requests))
        scored = iter(self.model.answer_probs([r for r in distinct if isinstance(r, ChoiceRequest)]))
        written = iter(self.model.generate([r for r in distinct if isinstance(r, GenerationRequest)]))
        results = {r: next(scored) if isinstance(r, ChoiceRequest) else next(written) for r in distinct}
        return [self._read(q, results[r]) for (q, _), r in zip(asked, requests, strict=True)]

    def _read(self, question: Question, result: ChoiceProbs | Generation) -> Answer:
        """Read an answer; one that opens a block of thinking again says nothing yet."""
        if isinstance(result, Generation) and self._thinks_in(result):
            correct = self.task.correct(question, None)
            return Answer(None, completion=result.text, correct=correct)
        return self.task.interpret(question, result)

    def _thinks_in(self, written: Generation) -> bool:
        """Tell whether a block of thinking begins or ends in what was written as an answer."""
        return any(marker in written.text for marker in self.model.markers)

    def replies(self, traces: Sequence[Trace]) -> list[Reply]:
        """Have a thinking model answer by itself behind its own thinking, with no answer begun for it."""
        written = self.model.generate([self._replying(trace) for trace in traces])
        return [self._reply(trace, own) for trace, own in zip(traces, written, strict=True)]

    def _reply(self, trace: Trace, written: Generation) -> Reply:
        answer = None if self._thinks_in(written) else self.task.parse(trace.question, written.text)
        same = self.task.same(trace.question, trace.answer.text, answer)
        return Reply(written.text, written.tokens, written.hit_limit, answer, same)

    def _replying(self, trace: Trace) -> GenerationRequest:
        return GenerationRequest(
            (*self.task.reasoning(trace.question, trace.reasoning), Turn("assistant", "")),
            replace(self.settings.sampling, max_new_tokens=REPLY_TOKENS),
            derive_seed(self.settings.seed, "reply", trace.question.id, trace.sample),
        )

    def _answers_after(
        self, edits: Sequence[Edit], resumed: Sequence[Generation], *, anew: bool
    ) -> list[Answer]:
        """Return the answers after edits; an edit that asks what its trace was asked has the trace's answer.

        A floor asks anew: whether the same answer comes again is what it measures.
        """
        asked = [(edit.asked, joined(edit, more)) for edit, more in zip(edits, resumed, strict=True)]
        known = {} if anew else dict(answered(edits, asked))
        known |= self._looked.answers(edits)
        new = iter(self.answers([pair for i, pair in enumerate(asked) if i not in known]))
        return [known.get(i) or next(new) for i in range(len(edits))]

    @cached_property
    def _looked(self) -> LookedInside:
        return LookedInside(self.model, self.task, self.answers, self._read)

    @cached_property
    def _reserve(self) -> int:
        """The tokens of the context that are left free for what is asked after the reasoning."""
        tokens = 0
        if self.questions:
            first = self.questions[0]
            behind = self.task.request(first, "").dialogue[len(self.task.reasoning(first)) :]
            tokens = self.model.count_tokens(plain_text(behind))
        return max(RESERVE, tokens + self.task.answer_tokens + MARKERS)

    def _reasoning(self, question: Question, sample: int) -> GenerationRequest:
        return GenerationRequest(
            self.task.reasoning(question),
            self.settings.sampling,
            derive_seed(self.settings.seed, question.task, question.id, sample, *_drawn_apart(question)),
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
                steps=split_steps(reasonings[i], self.settings.steps),
                drawn_tokens=generations[i].tokens,
                hit_limit=generations[i].hit_limit,
                answer=answers[i],
                answer_without=answers[len(items) + i],
                same_without=self.task.same(question, answers[i].text, answers[len(items) + i].text),
                logprob=scores[i].per_token,
                text_tokens=self.model.count_tokens(reasonings[i]),
                prompt_tokens=self.model.count_tokens(plain_text(self.task.reasoning(question))),
                closed=generations[i].closed,
            )
            for i, (question, sample) in enumerate(items)
        ]

    def _refusals(self, shown: Sequence[tuple[Question, str]]) -> list[str]:
        """Say why the model cannot be asked for the answer after this reasoning; nothing where it can."""
        dialogues = [self.task.request(question, reasoning).dialogue for question, reasoning in shown]
        return self.model.refusals(dialogues, ROOM)

    def _write(self, requests: Sequence[GenerationRequest]) -> list[Generation | Refusal]:
        """Have the helper write, or say why it cannot be asked."""
        helper = self.helper or self.model
        refused = helper.refusals([request.dialogue for request in requests], ROOM)
        able = [request for request, reason in zip(requests, refused, strict=True) if not reason]
        written = iter(helper.generate(able))
        return [Refusal(reason) if reason else next(written) for reason in refused]

    def _able(self, edits: Sequence[Edit | NotApplicable]) -> list[Edit | NotApplicable]:
        """Put the reason in the place of each edit that the model cannot be shown.

        A beginning of the trace's own reasoning can be, as the whole could.
        """
        new = [
            edit
            for edit in edits
            if isinstance(edit, Edit)
            and (edit.question is not None or not edit.trace.reasoning.startswith(edit.reasoning))
        ]
        refused = self._refusals([(edit.asked, edit.reasoning) for edit in new])
        reasons = {id(edit): reason for edit, reason in zip(new, refused, strict=True)}
        inside = [edit for edit in edits if isinstance(edit, Edit) and not reasons.get(id(edit))]
        reasons |= {id(edit): reason for edit, reason in self._looked.refusals(inside)}
        return [
            NotApplicable(edit.trace, reason, edit.coords) if (reason := reasons.get(id(edit))) else edit
            for edit in edits
        ]

    def _scores(self, shown: Sequence[tuple[Question, str]]) -> list[TextScore]:
        """Score reasoning as what continues the beginning of the assistant's turn, where that can be."""
        if not self.model.abilities.texts:
            return [TextScore(0.0, 0) for _ in shown]
        return self.model.text_scores([TextRequest(self.task.reasoning(q), text) for q, text in shown])

    def _resume(self, edits: Sequence[Edit], intervention: Intervention) -> list[Generation]:
        """Go on from the shown steps where the edit says so, within the token limit of a whole reasoning.

        Where something is put in the place of the reasoning's end, the model goes on from there, as often.
        """
        added = [Generation("", 0, hit_limit=False)] * len(edits)
        for turn in range(max((len(edit.instead_of_end) for edit in edits), default=1) or 1):
            going = [
                i for i, edit in enumerate(edits) if edit.resume and turn < (len(edit.instead_of_end) or 1)
            ]
            shown = {
                i: joined(edits[i], added[i]) + "".join(edits[i].instead_of_end[turn : turn + 1])
                for i in going
            }
            requests = [self._resuming(edits[i], shown[i], intervention, turn) for i in going]
            for i, more in zip(going, self.model.generate(requests), strict=True):
                text = shown[i][len(edits[i].reasoning) :] + more.text
                added[i] = replace(more, text=text, tokens=added[i].tokens + more.tokens)
        return added

    def _resuming(self, edit: Edit, shown: str, intervention: Intervention, turn: int) -> GenerationRequest:
        """Ask to go on from what is shown; where ends are put off, equal beginnings have equal seeds."""
        said = (edit.steps, edit.question, turn) if edit.instead_of_end else content(edit)
        sampling = self.settings.sampling
        room = sampling.max_new_tokens - self.model.count_tokens(shown)
        return GenerationRequest(
            self.task.reasoning(edit.asked, shown),
            replace(sampling, max_new_tokens=max(0, room)),
            derive_seed(
                self.settings.seed, intervention.spec, edit.trace.question.id, edit.trace.sample, said
            ),
            STOP_STRINGS,
            self._reserve,
        )


def _drawn_apart(question: Question) -> tuple[str, ...]:
    """Return what makes the draws of a cue's arm independent of those of the others."""
    return () if question.arm is None else (question.arm.cue, question.arm.kind)
