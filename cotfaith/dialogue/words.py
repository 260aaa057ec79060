"""Short answers in any words, in one form."""

import re

from cotfaith.dialogue.characters import normalised
from cotfaith.dialogue.numbers import is_number, parse_number
from cotfaith.dialogue.places import answer_part, without_reason

_ARTICLES = ("a", "an", "the")
_QUOTES = str.maketrans(dict.fromkeys('"“”„«»`', " ") | dict.fromkeys("‘’", "'"))
_TOKEN = re.compile(r"\w+(?:['.]\w+)*|[^\w\s]")


def parse_words(completion: str) -> str | None:
    """Read a short answer in any words: a number in `parse_number`'s form, otherwise its words in lower case.

    Characters are compared as Unicode says (NFKC). Articles, quotation marks, marks of emphasis and the
    punctuation of a sentence are dropped; operators, signs and brackets may carry the meaning and are kept.
    None where nothing is left.
    """
    part = without_reason(answer_part(completion))
    number = parse_number(part) if is_number(part) else None
    if number is not None:
        return number
    text = normalised(part.translate(_QUOTES).replace("**", " "))
    text = re.sub(
        r"(?<!\d),(?!\d)|,(?=\s\D)|\s'|'\s|^'|'$|[.!?;:,…]+$", " ", text.casefold().strip().strip("*_")
    )
    tokens = [token for token in _TOKEN.findall(text.strip()) if token not in _ARTICLES]
    return " ".join(tokens) or None
