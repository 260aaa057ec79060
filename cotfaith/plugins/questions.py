"""From a task and its data to questions: read, checked, named, put in order by the seed."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cotfaith.data.files import find_files, read_bytes, read_hub
from cotfaith.data.row import Row
from cotfaith.dialogue.prompts import MOST_CHOICES, letters
from cotfaith.errors import InputError
from cotfaith.identity import derive_seed, key
from cotfaith.plugins.task import Task
from cotfaith.schema import Question

ANY = 100
"""How many questions a task makes if nobody says."""


@dataclass(frozen=True)
class Loaded:
    """The questions of a task."""

    questions: tuple[Question, ...]
    source: str
    """Where they come from: files with their content's key, the hub, or the seed."""
    bad: tuple[str, ...] = ()
    """What is wrong with the rows that were left out."""


class OtherBenchmarkError(InputError):
    """A file whose first row is none of the task's; `row` may be another's."""

    def __init__(self, task: Task, row: Row) -> None:
        wanted = " or ".join(", ".join(map(repr, names)) for names in task.schemas)
        found = ", ".join(map(repr, row.fields))
        super().__init__(f"{row.where}: not a row of {task.name()}; expected {wanted}, found {found}.")
        self.row = row


def load(task: Task, data: Path | None, n: int | None, seed: int, *, skip_bad_rows: bool = False) -> Loaded:
    """Return n of a task's questions, all if n is None; a smaller n gives the first of them.

    They come from a file, or from a folder's files that the task knows, or else from the hub. A bad row is an
    InputError; with `skip_bad_rows` it is left out and told in the result.
    """
    if not task.reads_data:
        return Loaded(tuple(task.draw(ANY if n is None else n, seed)), "the seed")
    files = [] if data is None else find_files(data, task.files)
    if data is None and not task.sources():
        raise InputError(f"task {task.name()!r} reads your own file: name it with --data.")
    read = _from_files(task, files) if files else _from_hub(task)
    questions, bad = _checked(task, read, skip=skip_bad_rows)
    if not questions:
        raise InputError(_nothing(task, data, bad))
    in_order = sorted(questions, key=lambda question: key(seed, question.id))[:n]
    if task.shuffles:
        in_order = [shuffled(question, seed) for question in in_order]
    return Loaded(tuple(in_order), _source(data, files), bad)


def fits(task: Task, row: Row) -> bool:
    """Tell whether a row has the fields of one of the task's formats."""
    return not task.schemas or any(row.has(*names) for names in task.schemas)


def shuffled(question: Question, seed: int) -> Question:
    """Put the choices in an order that the seed and the question decide."""
    order = list(range(len(question.choices)))
    random.Random(derive_seed(seed, "choices", question.id)).shuffle(order)
    return reordered(question, order)


def rotated(question: Question, rotation: int) -> Question:
    """Begin the choices with the one at this place; those before it come last."""
    n = len(question.choices)
    return reordered(question, [(place + rotation) % n for place in range(n)])


def reordered(question: Question, order: Sequence[int]) -> Question:
    """Put the choices in a new order, a list of old places; gold and marks go with them."""
    names = letters(len(order))
    moved = {names[old]: names[new] for new, old in enumerate(order)}
    return replace(
        question,
        choices=tuple(question.choices[old] for old in order),
        gold=None if question.gold is None else moved[question.gold],
        marks={mark: moved[letter] for mark, letter in question.marks.items()},
    )


def _from_files(task: Task, files: list[Path]) -> Iterator[Row | InputError]:
    for file in files:
        for i, row in enumerate(task.rows(file)):
            if i == 0 and isinstance(row, Row) and not fits(task, row):
                raise OtherBenchmarkError(task, row)
            yield row


def _from_hub(task: Task) -> Iterator[Row | InputError]:
    for source in task.sources():
        yield from read_hub(source)


def _checked(
    task: Task, rows: Iterator[Row | InputError], *, skip: bool
) -> tuple[list[Question], tuple[str, ...]]:
    """Return the questions that the rows hold, and what is wrong with the others."""
    questions: list[Question] = []
    bad: list[str] = []
    alike: Counter[str] = Counter()
    places: dict[str, str] = {}
    for row in rows:
        try:
            question = _question(task, row, places)
        except InputError as error:
            if not skip:
                raise
            bad.append(str(error))
            continue
        if question is not None and isinstance(row, Row):
            named = question if question.id else replace(question, id=_name(row, alike))
            questions.append(named)
            places[named.id] = row.where
    return questions, tuple(bad)


def _question(task: Task, row: Row | InputError, places: Mapping[str, str]) -> Question | None:
    """Return a row's question, None if the task passes it over; refuse bad ones and ids that are taken."""
    if isinstance(row, InputError):
        raise row
    try:
        question = task.question(row)
    except ValueError as error:  # too many choices to be lettered, or more digits than a number may have
        raise InputError(f"{row.where}: {error}.") from error
    if question is None:
        return None
    if question.id in places:
        first = places[question.id]
        raise InputError(f"{row.where}: the id {question.id!r} stands there twice, first at {first}.")
    if not question.text.strip():
        raise InputError(f"{row.where}: the question is empty.")
    n = len(question.choices)
    if n == 1 or n > MOST_CHOICES:
        raise InputError(f"{row.where}: {n} choices; expected 2 to {MOST_CHOICES}, or none.")
    if n and question.gold is not None and question.gold not in letters(n):
        raise InputError(
            f"{row.where}: the answer {question.gold!r} is outside the choices A to {letters(n)[-1]}."
        )
    return question


def _name(row: Row, alike: Counter[str]) -> str:
    """Name a row without an id by its content; equal rows are numbered.

    So a question's name does not depend on the task's fields, and answers can be compared in pairs.
    """
    name = key({name: str(value) for name, value in row.fields.items()})[:10]
    alike[name] += 1
    return name if alike[name] == 1 else f"{name}-{alike[name]}"


def _nothing(task: Task, data: Path | None, bad: tuple[str, ...]) -> str:
    where = data or ", ".join(map(str, task.sources()))
    if bad:
        return f"{where}: all {len(bad)} rows are bad. The first: {bad[0]}"
    return f"{where}: holds no question of {task.spec}."


def _source(data: Path | None, files: list[Path]) -> str:
    if data is None:
        return "the hub"
    content = key([read_bytes(file).hex() for file in files])[:8]
    return f"{data.name} {content}" + (f" ({len(files)} files)" if len(files) > 1 else "")
