"""Which questions say the same, and which files hold the same questions in another form."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, combinations
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
    said = {file: {_unspaced(question) for question in questions} for file, questions in files.items()}
    held = dict(sorted(said.items(), key=lambda one: (-len(one[1]), len(str(one[0])), str(one[0]))))
    holders: dict[str, list[Path]] = {}
    for file, questions in held.items():
        for question in questions:
            holders.setdefault(question, []).append(file)
    shared = Counter(pair for files in holders.values() for pair in combinations(files, 2))
    pairs = [pair for pair, n in shared.items() if n > SAME * min(len(held[file]) for file in pair)]
    single = {file for file, questions in held.items() if len(questions) == 1}
    again = [file for files in holders.values() for file in files[1:] if file in single]
    if len(again) < SAME * len(single):
        # A benchmark with a file for each question: the few that are the same are duplicates.
        pairs = [pair for pair in pairs if not single.intersection(pair)]
    if not pairs:
        return
    alike = {*chain(*pairs)}
    first, *others = [file for file in held if file in alike]
    named = ", ".join(map(str, others[:NAMED])) + f" and {len(others) - NAMED} more" * (len(others) > NAMED)
    raise InputError(
        f"{first} holds the same questions as {named}. "
        f"Name the one to take, such as --data {first} or --data TASK={first}."
    )


def _unspaced(question: Question) -> str:
    """Return a question and its answers without spaces and quotation marks, which tokenized forms change."""
    text = _plain(unicodedata.normalize("NFKC", " ".join([question.text, *sorted(answers(question))])))
    return re.sub(r"[\s'\"`]", "", text.casefold())


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(TYPOGRAPHY).split())
