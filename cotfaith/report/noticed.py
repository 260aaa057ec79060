"""What a reader of a run must know beside its numbers: what could not be asked, and what was odd."""

from collections.abc import Iterator

from cotfaith.dialogue.answers import states_answer
from cotfaith.store.database import EVERYWHERE
from cotfaith.store.store import Store


def noticed(store: Store) -> Iterator[str]:
    """Say what was not asked and why, and how much reasoning was empty or stated its answer already."""
    if store.meta("finished") is False:
        yield "The run is not complete: its last command was stopped. What is shown is what was measured."
    for task, model, reason, questions, samples in store.unasked_by_reason():
        yield f"{task}, {model}: {questions:,} questions ({samples:,} samples) not asked: {reason}"
    if (points := store.fewest_positions()) < EVERYWHERE:
        yield f"Reasoning of more steps was changed at {points} positions, spread evenly, not at all of them."
    yield from _thinking(store)
    for (task, model), (total, empty, stating) in _kinds(store).items():
        if empty:
            yield f"{task}, {model}: {empty:,} of {total:,} samples of reasoning are empty; they are counted"
        if stating:
            yield (
                f"{task}, {model}: {stating:,} of {total:,} samples of reasoning state the answer already, "
                "in the words in which it is asked for; they are counted"
            )


def _thinking(store: Store) -> Iterator[str]:
    """Say how often thinking did not end by itself, and where it began again."""
    for task, model, limit, ended in store.unclosed():
        for samples, what in ((limit, "reached the token limit"), (ended, "ended their turn")):
            if samples:
                yield f"{task}, {model}: {samples:,} samples {what} in the thinking; it was closed for them"
    for thinking, answers in store.reopened():
        if answers:
            yield f"{thinking.name}: {answers:,} answers open a block of thinking again; they are unread"


def _kinds(store: Store) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Count each task and model's samples, those without any words, and those that state the answer."""
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    for task, model, reasoning in store.reasonings():
        total, empty, stating = found.get((task, model), (0, 0, 0))
        found[task, model] = (
            total + 1,
            empty + (not reasoning.strip()),
            stating + states_answer(reasoning),
        )
    return found
