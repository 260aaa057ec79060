"""Your own questions, from a file of your own."""

import re
from dataclasses import dataclass, replace

from cotfaith import MultipleChoice, Question, Row, letters

MISSING = ("nan", "<na>")
"""How a missing value is written where somebody made a text of it."""
LIST = re.compile(r"\[\s*(['\"]).*\1\s*\]", re.DOTALL)
"""A list of texts that was written as one text."""


@dataclass(frozen=True)
class Jsonl(MultipleChoice):
    """Your own file: {"question", "choices"?, "answer"?, "id"?} a line.

    With choices the answer is a letter or a choice's text; without, a short answer in any words. A list of
    answers is right with any of them.
    """

    def question(self, row: Row) -> Question:
        """Read a row; without an answer nothing is right or wrong."""
        choices = _choices(row) if row.given("choices") else ()
        name = row.written("id") if row.given("id") else ""
        question = Question(self.spec, name, row.text("question"), choices)
        if not row.given("answer"):
            return question
        right = dict.fromkeys(self._right(row, answer, choices) for answer in _answers(row, choices))
        gold, *others = right
        return replace(question, gold=gold, accepted=tuple(others))

    def _right(self, row: Row, answer: str, choices: tuple[str, ...]) -> str:
        if choices:
            return _letter(row, answer, choices)
        if answer.casefold() in MISSING or LIST.fullmatch(answer):
            expected = "expected an answer or a JSON list of answers; leave it out where there is none"
            raise row.wrong("answer", f"{expected}, found the text {answer!r:.80}")
        gold = self.parse(Question("", "", ""), answer)
        if gold is None:
            raise row.wrong("answer", f"expected a short answer, found {answer!r:.80}")
        return gold


def _answers(row: Row, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Return the answers as they are written; true and false only where these are choices."""
    answer = row.fields["answer"]
    if not isinstance(answer, bool):
        return row.all_written("answer")
    named = [choice for choice in choices if choice.casefold() == str(answer).casefold()]
    if len(named) != 1:
        raise row.wrong("answer", f"expected the answer in words, such as 'yes' or 'true', found {answer}")
    return tuple(named)


def _choices(row: Row) -> tuple[str, ...]:
    """Return the choices: a list of texts or numbers, or an object with their letters."""
    if not isinstance(row.fields["choices"], dict):
        if not isinstance(row.fields["choices"], list):
            raise row.wrong("choices", f"expected a list, found {row.fields['choices']!r:.80}")
        return row.all_written("choices")
    child = row.child("choices")
    names = letters(len(child.fields))
    if sorted(child.fields) != list(names):
        raise row.wrong("choices", f"expected the letters {'/'.join(names)}, found {list(child.fields)}")
    return tuple(child.written(name) for name in names)


def _letter(row: Row, answer: str, choices: tuple[str, ...]) -> str:
    names = letters(len(choices))
    meant = {names[choices.index(answer)]} if answer in choices else set()
    meant |= {answer} & {*names}
    if len(meant) != 1:
        expected = f"one of the letters {'/'.join(names)} or of the choices {list(choices)}"
        more = " (two of them)" if meant else ""
        more = " (a place may be counted from 0 or from 1)" if answer.isdecimal() else more
        raise row.wrong("answer", f"expected {expected}, found {answer!r:.80}{more}")
    return meant.pop()
