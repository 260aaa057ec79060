"""The arms of a cue: the same questions, asked with it and without."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from cotfaith.dialogue.cued import around, posed
from cotfaith.dialogue.prompts import letters, question_block, reasoning_dialogue
from cotfaith.errors import InputError
from cotfaith.identity import derive_seed
from cotfaith.plugins.cue import Cue, Said, shown
from cotfaith.plugins.task import Task
from cotfaith.schema import Arm, ArmKind, Question, Turn


def arms(cue: Cue, questions: Sequence[Question], solved: Sequence[Question], seed: int) -> list[Question]:
    """Return each question under each arm of a cue, arm after arm.

    The incorrect arm points at a wrong answer that the seed and the question decide, the same for all cues.
    The plain question is no arm; a cue has an arm `none` only where that is another one.
    """
    found: dict[ArmKind, list[Question]] = {"none": [], "incorrect": [], "correct": [], "sham": []}
    for question in questions:
        for kind, said, target in _said(cue, question, solved, seed):
            found[kind].append(replace(question, arm=_arm(cue, kind, target, said)))
    return [question for several in found.values() for question in several]


def _said(
    cue: Cue, question: Question, solved: Sequence[Question], seed: int
) -> Iterator[tuple[ArmKind, Said, str]]:
    targets = cue.targets(question, random.Random(derive_seed(seed, "target", question.id)))
    if not targets:
        return
    first = next(iter(targets.values()))
    if cue.own_none:
        yield "none", cue.none(question, solved), first
    for kind, target in targets.items():
        yield kind, cue.pointing(question, target, solved), target
    yield "sham", cue.sham(question, solved), first


def refuse_unfit(cue: Cue, task: Task, questions: Sequence[Question], solved: Sequence[Question]) -> None:
    """Raise InputError where a cue cannot be put to a task's questions."""
    where = f"cue {cue.spec!r} on task {task.spec!r}"
    if cue.of_task not in ("", task.name()):
        raise InputError(f"{where}: it is one of the task {cue.of_task!r} alone.")
    if cue.needs_choices and not any(question.choices for question in questions):
        raise InputError(f"{where}: it points at a lettered choice, and these questions have none.")
    if len(solved) < cue.solved:
        raise InputError(
            f"{where}: it takes {cue.solved} solved examples that are not asked, and there are "
            f"{len(solved)}: ask fewer --questions."
        )
    if not any(cue.targets(q, random.Random(0)) for q in questions):
        raise InputError(
            f"{where}: it finds no wrong answer to point at. Expected choices of which some are wrong, or "
            "whole numbers, and a right answer."
        )


def refuse_unsound(cue: Cue, question: Question, solved: Sequence[Question]) -> None:
    """Raise InputError where a cue breaks what makes it one, on a question: the contract of all cues.

    It can be named; the target stands in it; its sham is another text and says no answer that the question
    does not say; the question is asked unchanged, unless it holds the cue itself.
    """
    if not (cue.named_by and cue.called):
        raise InputError(f"cue {cue.spec!r}: says not by which words it can be named.")
    bare = asked_text(question)
    without = _around(question, cue, cue.none(question, solved), "none", "") if cue.own_none else bare
    sham = cue.sham(question, solved)
    said = _around(question, cue, sham, "sham", "")
    for kind, target in cue.targets(question, random.Random(0)).items():
        pointing = cue.pointing(question, target, solved)
        cued = _around(question, cue, pointing, kind, target)
        if cued in (without, said):
            raise InputError(f"cue {cue.spec!r}: {kind} says what it says without a target.")
        if cue.of_task:
            continue
        if question.text not in cued or any(choice not in cued for choice in question.choices):
            raise InputError(f"cue {cue.spec!r}: {kind} changes the question.")
        if cue.solved == 0 and target not in _named(cued, bare, question):
            raise InputError(f"cue {cue.spec!r}: {kind} does not say its target {target!r}.")
        if sham.mark or (cue.solved == 0 and _named(said, bare, question)):
            raise InputError(f"cue {cue.spec!r}: its sham says an answer.")


def asked_text(question: Question) -> str:
    """Return all that is said up to the reasoning, as text."""
    return _text(around(reasoning_dialogue(posed(question)), question.arm))


def _around(question: Question, cue: Cue, said: Said, kind: ArmKind, target: str) -> str:
    """Return all that is said around a question, earlier turns and all, as text."""
    return asked_text(replace(question, arm=_arm(cue, kind, target, said)))


def _arm(cue: Cue, kind: ArmKind, target: str, said: Said) -> Arm:
    return Arm(cue.spec, kind, target, **{f.name: getattr(said, f.name) for f in fields(Said)})


def _text(dialogue: Sequence[Turn]) -> str:
    return "\n\n".join(turn.text for turn in dialogue)


def _named(cued: str, bare: str, question: Question) -> set[str]:
    """Return the answers that a text says more often than the question does, each time that it holds it."""
    times = max(1, cued.count(question_block(question)))
    if question.choices:
        said = {letter: shown(question, letter) for letter in letters(len(question.choices))}
    else:
        said = {number: number for number in re.findall(r"-?\d+", cued)}
    return {answer for answer, text in said.items() if cued.count(text) > times * bare.count(text)}
