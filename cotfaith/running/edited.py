"""Edits as they are asked about: what identifies them, what reasoning stands there, what is known already."""

from collections.abc import Iterator, Sequence

from cotfaith.schema import Answer, Edit, Generation, NotApplicable, Question


def joined(edit: Edit, resumed: Generation) -> str:
    """Return the reasoning that an answer is asked after."""
    return (edit.reasoning + resumed.text).rstrip()


def answered(edits: Sequence[Edit], asked: Sequence[tuple[Question, str]]) -> Iterator[tuple[int, Answer]]:
    """Yield the places of edits after which nothing new is asked, with the answer that the trace has."""
    for i, (edit, (question, text)) in enumerate(zip(edits, asked, strict=True)):
        if edit.inside:
            continue
        if question == edit.trace.question and text == edit.trace.reasoning.rstrip():
            yield i, edit.trace.answer
        elif question == edit.trace.question and not text:
            yield i, edit.trace.answer_without


def content(edit: Edit | NotApplicable) -> object:
    """Return what identifies an edit of a trace: not its position, which may change when a run grows."""
    if isinstance(edit, NotApplicable):
        return edit.reason, edit.coords
    shown = (edit.steps, edit.resume, edit.coords, edit.question)
    return (*shown, *(later for later in (edit.instead_of_end, edit.inside) if later))
