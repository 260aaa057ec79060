"""How written choices are read: every choice of a benchmark, put back in as the completion that answers.

`make readback TASK=... DATA=...` prints the counts; data are never part of the package.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from cotfaith.dialogue.prompts import choice_text, letters
from cotfaith.errors import InputError
from cotfaith.plugins.questions import load
from cotfaith.plugins.registry import TASKS
from cotfaith.plugins.task import Task
from cotfaith.report.markdown import markdown_table
from cotfaith.schema import Question

WRITTEN = ("{text}", "({letter}): {text}", "{letter}) {text}", "{letter}. {text}")
FORMS = (*WRITTEN, *(f"{form}." for form in WRITTEN))
READINGS = ("itself", "same", "another", "unread")


def reading(task: Task, question: Question, letter: str, form: str) -> str:
    """Return as which of `READINGS` a choice is read that is written in this form."""
    text = choice_text(question, letter)
    read = task.parse(question, form.format(letter=letter, text=text))
    if read in (letter, None):
        return "unread" if read is None else "itself"
    return "same" if task.same(question, read, letter) else "another"


def readback(task: Task, questions: Sequence[Question]) -> pd.DataFrame:
    """Return a row per form: how many choices there are, and how many of them are read as what."""
    rows = []
    for form in FORMS:
        counts = Counter(reading(task, question, letter, form) for question, letter in _choices(questions))
        read = {name: counts[name] for name in READINGS}
        rows.append({"task": task.spec, "form": f"`{form}`", "choices": counts.total(), **read})
    return pd.DataFrame(rows)


def misread(task: Task, questions: Sequence[Question]) -> Iterator[str]:
    """Yield a line for every choice that is read as another or not at all, and in which form."""
    for question, letter in _choices(questions):
        for form in FORMS:
            read = reading(task, question, letter, form)
            if read in ("another", "unread"):
                yield f"{read}: {letter} of {question.choices} as `{form}`"


def _choices(questions: Sequence[Question]) -> Iterator[tuple[Question, str]]:
    for question in questions:
        yield from ((question, letter) for letter in letters(len(question.choices)))


def main(
    task: Annotated[str, typer.Option(help="A task whose questions have choices.")],
    data: Annotated[list[Path], typer.Option(help="A file or folder of its benchmark; may be repeated.")],
    show: Annotated[int, typer.Option(help="How many choices that are misread are shown.", min=0)] = 10,
) -> None:
    """Print how many choices are read as themselves, as one that says the same, as another, or not at all."""
    asked = TASKS.build(task)
    loaded = [load(asked, path, None, 0, skip_bad_rows=True) for path in data]
    questions = [question for one in loaded for question in one.questions]
    typer.echo(markdown_table(readback(asked, questions)))
    for line in islice(misread(asked, questions), show):
        typer.echo(line)


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
