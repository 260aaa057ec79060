"""From a task and its data to questions: read, checked, named, put in order by the seed."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cotfaith.data.files import find_files, read_bytes, read_hub
from cotfaith.data.row import Row
from cotfaith.dialogue.prompts import MOST_CHOICES, letters
from cotfaith.errors import InputError, OtherContentError
from cotfaith.identity import derive_seed, key
from cotfaith.plugins.duplicates import answers, asked, refuse_other_forms
from cotfaith.plugins.task import Task
from cotfaith.schema import LeftOut, Question

ANY = 100
"""How many questions a task makes if nobody says."""


@dataclass(frozen=True)
class Loaded:
    """The questions of a task."""

    questions: tuple[Question, ...]
    source: str
    """Where they come from: files with their content's key, the hub, or the seed."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """What of the data is not asked."""


class OtherBenchmarkError(OtherContentError):
    """A file without any row of the task; `row`, its first, may be another's."""

    def __init__(self, task: Task, row: Row) -> None:
        wanted = " or ".join(", ".join(map(repr, names)) for names in task.schemas)
        found = ", ".join(map(repr, row.fields))
        super().__init__(f"{row.where}: not a row of {task.name()}; expected {wanted}, found {found}.")
        self.row = row


def load(task: Task, data: Path | None, n: int | None, seed: int, *, skip_bad_rows: bool = False) -> Loaded:
    """Return n of a task's questions, all if n is None; a smaller n gives the first of them.

    They come from a file, or from a folder's files that the task knows, or else from the hub. Of rows that
    ask the same the first is taken and the others are told in the result; two files with the same questions
    are an InputError. So is a bad row; with `skip_bad_rows` it is left out and told in the result.
    """
    if not task.reads_data:
        return Loaded(tuple(task.draw(ANY if n is None else n, seed)), "the seed")
    files = [] if data is None else find_files(data, task.files)
    if data is None and not task.sources():
        raise InputError(f"task {task.name()!r} reads your own file: name it with --data.")
    rows, other = _from_files(task, files) if files else ({None: _from_hub(task)}, ())
    reading = _Reading(task, skip_bad_rows)
    by_file = {file: list(reading.questions(found)) for file, found in rows.items()}
    if len(by_file) > 1:
        refuse_other_forms({file: [q for _, q in found] for file, found in by_file.items() if file})
    for row, question in (pair for found in by_file.values() for pair in found):
        reading.keep(row, question)
    if not reading.kept:
        raise InputError(_nothing(task, data, reading.bad))
    in_order = sorted(reading.kept.values(), key=lambda question: key(seed, question.id))[:n]
    if task.shuffles:
        in_order = [shuffled(question, seed) for question in in_order]
    return Loaded(tuple(in_order), _source(data, [*filter(None, rows)]), reading.left_out(other))


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
        accepted=tuple(moved[letter] for letter in question.accepted),
        marks={mark: moved[letter] for mark, letter in question.marks.items()},
    )


@dataclass
class _Reading:
    """A task's rows on their way to questions: what is kept, and what is said of the others."""

    task: Task
    skip_bad_rows: bool
    kept: dict[str, Question] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    _duplicates: list[str] = field(default_factory=list)
    _contradictions: list[str] = field(default_factory=list)
    _places: dict[str, str] = field(default_factory=dict)
    _asked: dict[object, Question] = field(default_factory=dict)

    def questions(self, rows: Iterable[Row | InputError]) -> Iterator[tuple[Row, Question]]:
        """Yield the rows that hold a question of the task, each with it."""
        for row in rows:
            try:
                question = _question(self.task, row)
            except InputError as error:
                self._refuse(error)
                continue
            if question is not None and isinstance(row, Row):
                yield row, question

    def keep(self, row: Row, question: Question) -> None:
        """Keep a question, under a name of its own, unless an earlier one asks the same."""
        named = question if question.id else replace(question, id=_name(row))
        said = (asked(question), self.task.apart(row))
        first = self._asked.get(said)
        if question.id in self.kept or (first is None and named.id in self.kept):
            where = self._places[named.id]
            self._refuse(
                InputError(f"{row.where}: the id {named.id!r} stands there twice, first at {where}.")
            )
        elif first is None:
            self.kept[named.id] = self._asked[said] = named
            self._places[named.id] = row.where
        else:
            same = answers(first) == answers(question)
            told = self._duplicates if same else self._contradictions
            told.append(f"{row.where}, as {self._places[first.id]}")

    def left_out(self, other_files: Sequence[str]) -> LeftOut:
        """Return what is not asked."""
        told = (self.bad, self._duplicates, self._contradictions, other_files)
        return LeftOut(*map(tuple, told))

    def _refuse(self, error: InputError) -> None:
        if not self.skip_bad_rows:
            raise error
        self.bad.append(str(error))


def _from_files(
    task: Task, files: Sequence[Path]
) -> tuple[dict[Path | None, list[Row | InputError]], tuple[str, ...]]:
    """Return the rows of each file that holds any of the task's, and the names of the others.

    If none does, the error is that of the first.
    """
    found: dict[Path | None, list[Row | InputError]] = {}
    others: list[OtherContentError] = []
    for file in files:
        try:
            found[file] = _of_task(task, file)
        except OtherContentError as error:
            others.append(error)
    if not found:
        raise others[0]
    return found, tuple(map(str, others))


def _of_task(task: Task, file: Path) -> list[Row | InputError]:
    rows = list(task.rows(file))
    read = [row for row in rows if isinstance(row, Row)]
    if read and not any(fits(task, row) for row in read):
        raise OtherBenchmarkError(task, read[0])
    return rows


def _from_hub(task: Task) -> Iterator[Row | InputError]:
    for source in task.sources():
        yield from read_hub(source)


def _question(task: Task, row: Row | InputError) -> Question | None:
    """Return a row's question, None if the task passes it over; refuse bad ones."""
    if isinstance(row, InputError):
        raise row
    try:
        question = task.question(row)
    except ValueError as error:  # too many choices to be lettered, or more digits than a number may have
        raise InputError(f"{row.where}: {error}.") from error
    if question is None:
        return None
    if not question.text.strip():
        raise InputError(f"{row.where}: the question is empty.")
    n = len(question.choices)
    if n == 1 or n > MOST_CHOICES:
        raise InputError(f"{row.where}: {n} choices; expected 2 to {MOST_CHOICES}, or none.")
    for right in question.right if n else ():
        if right not in letters(n):
            raise InputError(
                f"{row.where}: the answer {right!r} is outside the choices A to {letters(n)[-1]}."
            )
    return question


def _name(row: Row) -> str:
    """Name a row without an id by its content.

    So a question's name does not depend on the task's fields, and answers can be compared in pairs.
    """
    return key({name: str(value) for name, value in row.fields.items()})[:10]


def _nothing(task: Task, data: Path | None, bad: Sequence[str]) -> str:
    where = data or ", ".join(map(str, task.sources()))
    if bad:
        return f"{where}: all {len(bad)} rows are bad. The first: {bad[0]}"
    return f"{where}: holds no question of {task.spec}."


def _source(data: Path | None, files: list[Path]) -> str:
    if data is None:
        return "the hub"
    content = key([read_bytes(file).hex() for file in files])[:8]
    return f"{data.name} {content}" + (f" ({len(files)} files)" if len(files) > 1 else "")
