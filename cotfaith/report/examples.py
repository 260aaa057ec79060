"""Example questions of a run: original and edited reasoning side by side, what differs marked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from cotfaith.dialogue.prompts import question_block
from cotfaith.schema import Answer, Edit
from cotfaith.store.contents import StoredEdit
from cotfaith.store.store import Store

LOOKED_AT = 40
"""Traces of the largest model, a task, among which examples are looked for."""
LONGEST = 1200
"""Characters of a question that are shown."""

Kind = Literal["same", "other", "resumed"]
Piece = tuple[str, Kind]


@dataclass(frozen=True)
class Example:
    """An edit, and what it did to the answer."""

    task: str
    id: str
    model: str
    intervention: str
    question: str
    original: Sequence[Piece]
    """The reasoning; `other` is what the edit does not have."""
    edited: Sequence[Piece]
    """What was shown, and what the model added to it."""
    answer: str
    answer_then: str
    changed: bool


def examples(store: Store) -> list[Example]:
    """Return for each task and intervention an edit that changed the answer, and one that did not."""
    found: dict[tuple[str, str, bool], Example] = {}
    for task, model, keys in _traces(store):
        for trace_key in keys[:LOOKED_AT]:
            for stored in store.edits_of(trace_key):
                if stored.outcome is not None and "prompt" not in stored.edit.coords:  # moved between arms
                    place = (task, stored.intervention, stored.outcome.same)
                    if place not in found and not _is_whole(stored.edit):
                        found[place] = _example(model, stored)
    return [found[place] for place in sorted(found)]


def marked(original: str, edited: str) -> tuple[list[Piece], list[Piece]]:
    """Cut both texts into pieces, compared word by word; what the other does not say is `other`."""
    words: list[list[str]] = [re.findall(r"\s*\S+", text) for text in (original, edited)]
    left: list[Piece] = []
    right: list[Piece] = []
    said, then = ([word.lstrip() for word in several] for several in words)
    for tag, a, b, c, d in SequenceMatcher(None, said, then, autojunk=False).get_opcodes():
        kind: Kind = "same" if tag == "equal" else "other"
        left += [("".join(words[0][a:b]), kind)] if a < b else []
        right += [("".join(words[1][c:d]), kind)] if c < d else []
    return left, right


def _traces(store: Store) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each task with the largest model that has traces of it, and their keys."""
    of_task: dict[str, tuple[str, list[str]]] = {}
    for task, model, trace_key in store.traces_by_size():
        largest, keys = of_task.setdefault(task, (model, []))
        if model == largest:
            keys.append(trace_key)
    for task, (model, keys) in of_task.items():
        yield task, model, keys


def _is_whole(edit: Edit) -> bool:
    """Tell whether an edit shows the reasoning as it was."""
    return edit.reasoning == edit.trace.reasoning


def _example(model: str, stored: StoredEdit) -> Example:
    edit, outcome = stored.edit, stored.outcome
    assert outcome is not None
    trace = edit.trace
    left, right = marked(trace.reasoning, edit.reasoning)
    if outcome.resumed:
        right.append((outcome.resumed, "resumed"))
    block = question_block(edit.asked)
    return Example(
        task=trace.question.task,
        id=trace.question.id,
        model=model,
        intervention=stored.intervention,
        question=block if len(block) <= LONGEST else f"{block[:LONGEST]} …",
        original=left,
        edited=right,
        answer=_written(trace.answer),
        answer_then=_written(outcome.answer),
        changed=not outcome.same,
    )


def _written(answer: Answer) -> str:
    return f"unread: {answer.completion.strip()!r}" if answer.text is None else answer.text
