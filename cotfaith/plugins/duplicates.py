"""Which questions say the same, and which files hold the same questions in another form."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from cotfaith.dialogue.prompts import choice_text
from cotfaith.errors import InputError
from cotfaith.schema import Question

TYPOGRAPHY = str.maketrans(
    dict.fromkeys("‘’‚‛", "'") | dict.fromkeys("“”„‟", '"') | dict.fromkeys("‐‑‒–—−", "-")
)
"""Quotation marks and dashes, of which two forms of a benchmark often write different ones."""
SAME = 0.5
"""Files of which one shares more than this part of its questions with the other hold the same benchmark."""
NAMED = 6
"""At most so many files are named in a message."""


def asked(question: Question) -> tuple[object, ...]:
    """Return what a question asks: its text, its choices in any order, what is marked and its note.

    Equal for two that differ in spaces, in the form of quotation marks, dashes or accents, or in their order
    of choices. Capitals and all other signs count, since x and X or 5 and -5 are not the same.
    """
    marks = sorted((mark, _plain(choice_text(question, letter))) for mark, letter in question.marks.items())
    choices = sorted(map(_plain, question.choices))
    return _plain(question.text), tuple(choices), tuple(marks), _plain(question.note)


def answers(question: Question) -> frozenset[str]:
    """Return what the right answers to a question say; empty where none is right."""
    said = (choice_text(question, right) if question.choices else right for right in question.right)
    return frozenset(map(_plain, said))


def refuse_other_forms(files: Mapping[Path, Sequence[Question]]) -> None:
    """Refuse files of which two hold the same questions, whatever their format, and say which to name."""
    held = {name: {_letters(question) for question in questions} for name, questions in _units(files)}
    again = {
        name
        for pair in combinations(held, 2)
        if len(held[pair[0]] & held[pair[1]]) > SAME * min(len(held[name]) for name in pair)
        for name in pair
    }
    if not again:
        return
    first = min(again, key=lambda name: (-len(held[name]), len(str(name)), str(name)))
    named = ", ".join(map(str, sorted(again)[:NAMED])) + f" and {len(again) - NAMED} more" * (
        len(again) > NAMED
    )
    raise InputError(
        f"the same questions stand in {named}. Name the one to take: --data {first}, or --data TASK={first}."
    )


def _units(files: Mapping[Path, Sequence[Question]]) -> Iterator[tuple[Path, Sequence[Question]]]:
    """Yield each file with its questions; those of files with one each are their folder's."""
    singles: dict[Path, list[Question]] = {}
    for file, questions in files.items():
        if len(questions) == 1:
            singles.setdefault(file.parent, []).extend(questions)
        elif questions:
            yield file, questions
    yield from singles.items()


def _letters(question: Question) -> str:
    """Return the letters and digits of a question and its answers, which tokenized forms write alike."""
    text = unicodedata.normalize("NFKC", " ".join([question.text, *sorted(answers(question))])).casefold()
    return "".join(filter(str.isalnum, text))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(TYPOGRAPHY).split())
