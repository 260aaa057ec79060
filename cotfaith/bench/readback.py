"""Whether choices are read as themselves where a completion says them: `python -m cotfaith.bench.readback`.

Every choice of a benchmark's questions is put back as the completion, in the forms in which models write it.
None may be read as another choice, and few may be unread.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cotfaith.dialogue.choices import parse_choice, same_answer
from cotfaith.dialogue.prompts import letters
from cotfaith.errors import InputError
from cotfaith.plugins.questions import load
from cotfaith.plugins.registry import TASKS
from cotfaith.report.markdown import markdown_table
from cotfaith.schema import Question

FORMS = {
    "text": "{text}",
    "text and a full stop": "{text}.",
    "(letter): text": "({letter}): {text}",
    "letter) text": "{letter}) {text}",
    "letter. text": "{letter}. {text}",
    "(letter)": "({letter})",
    "the answer is text": "The answer is {text}.",
    "a turn behind it": "{text}\n\nHuman: Thanks.",
    "a reason behind it": "{bare}, because nothing else fits.",
    "tag": "<answer>{text}</answer>",
}
"""How models write a choice."""
READINGS = ("itself", "another", "unread", "ambiguous")


def main(
    task: Annotated[list[str], typer.Option(help="Task, e.g. mmlu. Repeatable.")],
    data: Annotated[
        Path, typer.Option(help="A file of the benchmark, or a folder in which tasks find theirs.")
    ],
    show: Annotated[int, typer.Option(help="Of each kind that is not read as itself, show so many.")] = 0,
) -> None:
    """Count, form by form, as what the choices of tasks are read."""
    import pandas as pd

    rows, examples = [], list[str]()
    for spec in task:
        questions = load(TASKS.build(spec), data, None, 0, skip_bad_rows=True).questions
        for form in FORMS:
            found = list(readings(questions, form))
            counts = Counter(reading for reading, _ in found)
            rows.append(
                {"task": spec, "form": form, "choices": len(found)} | {r: counts[r] for r in READINGS}
            )
            told = [f"{reading}: {said!r}" for reading, said in found if reading in ("another", "unread")]
            examples += told[:show]
    console = Console()
    console.print(markdown_table(pd.DataFrame(rows)), markup=False, soft_wrap=True)
    console.print("\n".join(examples), markup=False)


def readings(questions: Sequence[Question], form: str) -> Iterator[tuple[str, str]]:
    """Yield as what each choice is read that is said in a form, and what was said.

    A text is ambiguous, alone, where another choice says the same in other letters, or is its letter.
    """
    for question in questions:
        for letter, text in zip(letters(len(question.choices)), question.choices, strict=True):
            said = FORMS[form].format(letter=letter, text=text, bare=text.rstrip("."))
            read = parse_choice(f" {said}", question.choices)
            if read is not None:
                yield ("itself" if same_answer(question, read, letter) else "another"), said
            else:
                yield ("ambiguous" if _is_ambiguous(question, text) else "unread"), said


def _is_ambiguous(question: Question, text: str) -> bool:
    folded = [choice.casefold().strip(" .") for choice in question.choices]
    names = letters(len(question.choices))
    return folded.count(text.casefold().strip(" .")) > 1 or text.strip(" .()").upper() in names


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
