"""A short answer in any words."""

import re

from cotfaith.dialogue.answers import answer_part
from cotfaith.dialogue.signs import folded
from cotfaith.dialogue.written_numbers import number_alone

_ARTICLES = ("an", "the")  # `a` alone is a letter


def parse_words(completion: str) -> str | None:
    """Read a short answer in any words: a number in `parse_number`'s form, otherwise words in lower case.

    What can carry meaning stays: signs, operators, accents, in the form that Unicode has for equal ones.
    Articles, quotation marks around words, stops and commas behind words, and spaces beside signs are
    dropped. None where nothing is left.
    """
    part = answer_part(completion)
    return number_alone(part) or words(part) or None


def words(text: str) -> str:
    """Return what two texts have in common that say the same in the same words; empty if it says nothing."""
    said = re.sub(r"(?<!\w)\"([^\"]+)\"(?!\w)", r"\1", folded(text))
    said = re.sub(r"(?<=[^\W\d_])[.,;:?]+(?=\s|$)|(?<=[^\W\d_]{2})!+(?=\s|$)", "", said)
    said = re.sub(r"\b(?:the|an)\s+(?=\w)", "", said)
    said = re.sub(r"\s*([^\w\s])\s*", r"\1", said.strip())
    return "" if said in _ARTICLES or not said.strip(".,;:!?'\"") else said
