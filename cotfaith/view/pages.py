"""What each page shows: traces that were looked for, a trace, an edit, a question in all its arms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from cotfaith.dialogue.prompts import question_block
from cotfaith.errors import InputError
from cotfaith.plugins.arms import asked_text
from cotfaith.report.examples import Piece
from cotfaith.schema import Patched, Question, Trace
from cotfaith.store import searching
from cotfaith.store.contents import StoredEdit
from cotfaith.store.searching import Found, Kinds, Tally
from cotfaith.store.store import Store, arm_name
from cotfaith.view.asked import PLAIN, Filters
from cotfaith.view.comparing import Bar, Effect, bars, compared, effects, written

EDITS = 200
"""Edits that a page lists."""


@dataclass(frozen=True)
class ListPage:
    """The traces that a search found."""

    filters: Filters
    kinds: Kinds
    found: Sequence[Found]
    first: int
    """The place behind which was looked."""
    looked_at: int
    last: int


@dataclass(frozen=True)
class TracePage:
    """A trace, its steps tinted by what one test did at each."""

    key: str
    trace: Trace
    model: str
    arm: str
    question: str
    answer: str
    answer_without: str
    bars: Sequence[Bar]
    tallies: Sequence[Tally]
    test: str
    steps: Sequence[tuple[str, Effect]]
    edits: Sequence[StoredEdit]
    """A page of what the test did."""
    first: int
    """Edits that stand before them."""
    of: int
    """All edits of the test."""
    refusals: Sequence[tuple[str, str, int]]
    """Interventions that do not apply, why, and how often."""


@dataclass(frozen=True)
class EditPage:
    """An edit beside the original."""

    trace_key: str
    stored: StoredEdit
    model: str
    question: Sequence[Piece]
    question_then: Sequence[Piece]
    """What was asked instead, if it was."""
    original: Sequence[Piece]
    edited: Sequence[Piece]
    donors: Sequence[Sequence[Piece]]
    """Of the texts from which states were taken, what the reasoning that is shown does not say is `other`."""
    answer: str
    answer_then: str
    bars: Sequence[Bar]
    earlier: str | None
    later: str | None
    """The keys of its neighbours in the same test."""


@dataclass(frozen=True)
class ArmSide:
    """One arm of a question: what was asked, and what came of it."""

    key: str
    name: str
    target: str | None
    asked: Sequence[Piece]
    """What the plain question does not say is `other`."""
    reasoning: str
    answer: str
    follows: bool
    bars: Sequence[Bar]


@dataclass(frozen=True)
class QuestionPage:
    """A question with all its traces, and the arms of one model and sample side by side."""

    question: Question
    text: str
    key: str
    model: str
    sample: int
    traces: Sequence[tuple[str, Sequence[Found]]]
    """By model."""
    arms: Sequence[ArmSide]
    most: int


def list_page(store: Store, filters: Filters, after: int) -> ListPage:
    """Return the traces behind a place that the filters let through."""
    kinds = searching.kinds(store)
    page = searching.search(store, filters.wanted(kinds), after)
    return ListPage(filters, kinds, page.found, after, page.looked_at, page.last)


def trace_page(store: Store, key: str, test: str, first: int) -> TracePage:
    """Return a trace with the edits of a test; where none is named, of the first that changed its answer."""
    trace = _trace(store, key)
    tallies = searching.tallies(store, key)
    labels = [one.label for one in tallies]
    if test and test not in labels:
        raise InputError(f"this trace has no edits of a test {test[:100]!r}. It has: {', '.join(labels)}.")
    likely = [one.label for one in tallies if one.changed] + labels
    test = test or next(iter(likely), "")
    edits = searching.edits_of_test(store, key, test)
    refusals = [(*why, len(list(alike))) for why, alike in groupby(store.refusals_of(key))]
    return TracePage(
        key=key,
        trace=trace,
        model=searching.model_of(store, key),
        arm=arm_name(trace.question),
        question=asked_text(trace.question) if trace.question.arm else question_block(trace.question),
        answer=written(trace.answer),
        answer_without=written(trace.answer_without),
        bars=bars(trace.answer_without, trace.answer),
        tallies=tallies,
        test=test,
        steps=list(zip(trace.steps, effects(trace, edits), strict=True)),
        edits=edits[first : first + EDITS],
        first=first,
        of=len(edits),
        refusals=refusals,
    )


def edit_page(store: Store, key: str) -> EditPage:
    """Return an edit beside the original."""
    if not searching.there(store, "edits", key):
        raise InputError("no edit has that key in this run.")
    stored = store.edits([key])[0]
    edit, outcome = stored.edit, stored.outcome
    trace_key = searching.trace_of(store, key)
    keys = [one.key for one in searching.edits_of_test(store, trace_key, stored.intervention)]
    at = keys.index(key)
    original, edited = compared(edit.trace.steps, edit.steps)
    if outcome is not None and outcome.resumed:
        edited.append((outcome.resumed, "resumed"))
    asked, then = [[asked_text(one)] for one in (edit.trace.question, edit.asked)]
    question, question_then = compared(asked, then) if asked != then else ([(asked[0], "same")], [])
    donors = [one.donor for one in edit.inside if isinstance(one, Patched)]
    return EditPage(
        trace_key=trace_key,
        stored=stored,
        model=searching.model_of(store, trace_key),
        question=question,
        question_then=question_then,
        original=original,
        edited=edited,
        donors=[compared(edit.steps, donor)[1] for donor in donors],
        answer=written(edit.trace.answer),
        answer_then="not asked yet" if outcome is None else written(outcome.answer),
        bars=[] if outcome is None else bars(edit.trace.answer, outcome.answer),
        earlier=keys[at - 1] if at else None,
        later=keys[at + 1] if at + 1 < len(keys) else None,
    )


def question_page(store: Store, key: str) -> QuestionPage:
    """Return the question of a trace with all its traces, and the arms of that trace's model and sample."""
    trace = _trace(store, key)
    model = searching.model_of(store, key)
    found = list(searching.beside(store, trace.question))
    beside = [one for one in found if (one.model, one.sample) == (model, trace.sample)]
    return QuestionPage(
        question=trace.question,
        text=question_block(trace.question),
        key=key,
        model=model,
        sample=trace.sample,
        traces=[(name, list(several)) for name, several in groupby(found, key=lambda one: one.model)],
        arms=list(_arms(store, [one.key for one in beside])) if len(beside) > 1 else [],
        most=searching.BESIDE,
    )


def _arms(store: Store, keys: Sequence[str]) -> Iterator[ArmSide]:
    """Yield the arms of a question, the plain one first, since that is what they are compared with."""
    traces = {one.key: one.trace for one in store.traces(keys)}
    first = min(traces.values(), key=lambda one: arm_name(one.question))
    plain = asked_text(first.question)
    for key, trace in traces.items():
        arm = trace.question.arm
        asked = asked_text(trace.question)
        yield ArmSide(
            key=key,
            name=arm_name(trace.question) or PLAIN,
            target=arm.target if arm else None,
            asked=compared([plain], [asked])[1],
            reasoning=trace.reasoning,
            answer=written(trace.answer),
            follows=arm is not None and arm.target == trace.answer.text,
            bars=bars(trace.answer, None),
        )


def _trace(store: Store, key: str) -> Trace:
    if not searching.there(store, "traces", key):
        raise InputError("no trace has that key in this run.")
    return store.traces([key])[0].trace
