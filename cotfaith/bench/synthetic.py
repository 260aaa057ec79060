"""Runs of any size whose numbers are drawn and not measured, written through the store's own interface."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cotfaith.dialogue.prompts import letters
from cotfaith.identity import key
from cotfaith.plugins.registry import INTERVENTIONS
from cotfaith.running.options import Study
from cotfaith.schema import Answer, Edit, ModelInfo, Outcome, Question, Trace
from cotfaith.store.store import Store

MODELS = tuple(ModelInfo(f"drawn/{size}m", f"drawn-{size}", size * 10**6) for size in (1, 8, 70))
IN_WORDS = "addition:operands=5"
TASKS = (IN_WORDS, "arc-challenge", "openbookqa")
LABELS = ("filler", "mistake", "paraphrase", "sham", "sham:variant=resume", "truncation")
STEPS = (3, 4, 4, 5)
"""How many steps reasoning has, each of these as often."""
EDITS = 18
"""Of a reasoning, on average."""
TRACES_AT_ONCE = 2000


@dataclass(frozen=True)
class Design:
    """How large a run is."""

    questions: int
    samples: int

    @property
    def outcomes(self) -> int:
        """About how many outcomes it has."""
        return len(MODELS) * len(TASKS) * self.questions * self.samples * EDITS


def design_of(outcomes: int) -> Design:
    """Return the design that has about so many outcomes: up to 400 questions, then ever more samples."""
    cells = len(MODELS) * len(TASKS) * EDITS
    questions = min(400, max(20, outcomes // (cells * 4)))
    return Design(questions, max(2, round(outcomes / (cells * questions))))


def write_run(folder: Path, design: Design, seed: int = 0) -> None:
    """Write a run of the design: bodies as real ones, answers that depend on edits more in smaller models."""
    store = Store.create(folder, Study(samples=design.samples).fixed)
    for label in LABELS:
        store.add_intervention(key(label), INTERVENTIONS.build(label).spec, label)
    for model in MODELS:
        store.add_model(model)
    rng = random.Random(seed)
    for task in TASKS:
        asked = {key(question): question for question in _questions(task, design.questions, rng)}
        store.add_questions(asked)
        for model in MODELS:
            drawn = (
                (key(model.fingerprint, name, sample), model.fingerprint, name, _trace(question, sample, rng))
                for name, question in asked.items()
                for sample in range(design.samples)
            )
            while several := list(islice(drawn, TRACES_AT_ONCE)):
                store.add_traces(several)
                for label in LABELS:
                    _ask(store, label, [(name, trace) for name, _, _, trace in several], rng)
    store.set_meta("finished", value=True)
    store.close()


def _ask(store: Store, label: str, traces: list[tuple[str, Trace]], rng: random.Random) -> None:
    """Add an intervention's edits of some traces and what is answered to them."""
    edits = {
        key(name, label, edit.position): (name, edit)
        for name, trace in traces
        for edit in _edits(label, trace, rng)
    }
    store.add_edits(key(label), [name for name, _ in traces], edits)
    store.add_outcomes((name, _outcome(edit, rng)) for name, (_, edit) in edits.items())


def _questions(task: str, n: int, rng: random.Random) -> Iterator[Question]:
    for i in range(n):
        numbers = [rng.randint(10, 99) for _ in range(5)]
        text = f"What is {' + '.join(map(str, numbers))}?"
        right = sum(numbers)
        if task == IN_WORDS:
            yield Question(task, f"{i}-{'+'.join(map(str, numbers))}", text, gold=str(right))
        else:
            choices = tuple(str(right + wrong) for wrong in (0, 10, -1, 2))
            yield Question(task, f"q{i}", text, choices, gold="A")


def _trace(question: Question, sample: int, rng: random.Random) -> Trace:
    steps = tuple(_step(rng) for _ in range(rng.choice(STEPS)))
    answer, without = _answer(question, rng, 0.8), _answer(question, rng, 0.4)
    tokens = 11 * len(steps)
    return Trace(
        question, sample, steps, tokens + 1, rng.random() < 0.02, answer, without,
        same_without=answer.text == without.text, logprob=-rng.random(), text_tokens=tokens, prompt_tokens=24,
    )  # fmt: skip


def _step(rng: random.Random) -> str:
    first, second = rng.randint(10, 300), rng.randint(10, 99)
    return f" {first} + {second} = {first + second}."


def _answer(question: Question, rng: random.Random, ability: float) -> Answer:
    right = rng.random() < ability
    if question.choices:
        drawn = [rng.random() + (right and i == 0) for i in range(len(question.choices))]
        best = letters(len(drawn))[drawn.index(max(drawn))]
        probs = tuple(one / sum(drawn) for one in drawn)
        return Answer(best, probs, 0.5 + rng.random() / 2, correct=best == question.gold)
    text = None if rng.random() < 0.01 else question.gold if right else str(rng.randint(100, 500))
    written = text or "none"
    return Answer(text, probability=rng.random(), completion=f" {written}", correct=text == question.gold)


def _edits(label: str, trace: Trace, rng: random.Random) -> Iterator[Edit]:
    """Yield edits as the intervention of this label makes them."""
    steps, n = trace.steps, len(trace.steps)
    if label == "sham":
        yield Edit(trace, steps, 1.0)
    for k in range(n + 1):
        if label in ("truncation", "sham:variant=resume"):
            shown = {"steps_shown": k}
            if label == "truncation" or k:
                yield Edit(trace, steps[:k], k / n, resume=label != "truncation", coords=shown)
        elif label in ("mistake", "paraphrase") and k < n:
            changed = (*steps[:k], _step(rng))
            yield Edit(trace, changed, k / n, resume=True, coords={"step": k + 1})
        elif label == "filler" and trace.sample == 0 and k:
            yield Edit(
                trace, (" ..." * (8 * k),), k / n, coords={"tokens": 8 * k, "tokens_of_first_piece": 1}
            )


def _outcome(edit: Edit, rng: random.Random) -> Outcome:
    trace = edit.trace
    same = rng.random() < 0.3 + 0.6 * edit.position
    answer = trace.answer if same else _answer(trace.question, rng, 0.3)
    logprob = None if edit.steps == trace.steps[: len(edit.steps)] else -3 * rng.random()
    resumed = _step(rng) if edit.resume else ""
    return Outcome(
        answer, answer.text is not None and answer.text == trace.answer.text, resumed,
        tokens=11 * len(edit.steps), logprob=logprob, resumed_tokens=11 * bool(resumed),
    )  # fmt: skip
