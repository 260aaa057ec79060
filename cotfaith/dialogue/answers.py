"""What a completion answers, and which answers are the same."""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from cotfaith.dialogue.prompts import choice_text, letters
from cotfaith.schema import Question

_ANSWER_IS = re.compile(r"\banswer(?:\s+is\b\s*:?|\s*[:=])", re.IGNORECASE)
_STATED = re.compile(r"\b(?:most likely|final|correct) answer is\b|<answer>", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?<![\w.,/:])(?P<sign>[-+])?\s?[$€£¥]?\s?(?P<inner>-)?"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:\s?/\s?(?P<over>\d+))?"
    r"(?![\d/]|[.,:]\d|(?:st|nd|rd|th|[eE][-+]?\d+)\b)"
)
_ARTICLES = ("a", "an", "the")
_CLAUSE_ENDS = r"(?=\W*$|\s*[,;:.!)]|\s+(?:because|since|as)\b)"
_LETTER = re.compile(
    r"\(([A-Z])\)"
    r"|^[\W_]*(?:(?:[Oo]ption|[Cc]hoice)\s+)?([A-Za-z])(?=[\W_]*$|\s*[).:,\]*]|\s+(?:is|because|since|or|and)\b)"
    r"|\b(?:or|and)\s+\(?([A-Z])\b(?!\s+\w)"
)


def last_boxed(text: str) -> str | None:
    r"""Return what stands in the last `\boxed{...}` whose braces are closed, or None."""
    for match in reversed(list(re.finditer(r"\\f?boxed\s*\{", text))):
        depth = 1
        for end in range(match.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
            if depth == 0:
                return text[match.end() : end].strip()
    return None


def answer_part(completion: str) -> str:
    r"""Return the piece of a completion in which its answer stands; empty if there is none.

    The last `<answer>` tag, otherwise the last `\boxed{}`, otherwise what follows the last `answer is` or
    `answer:` in its line, otherwise the first line.
    """
    tags = re.findall(r"<answer>(.*?)(?:</answer>|$)", completion, re.DOTALL | re.IGNORECASE)
    if tags:
        return str(tags[-1]).strip()
    boxed = last_boxed(completion)
    if boxed is not None:
        return boxed
    said = [*_ANSWER_IS.finditer(completion)]
    rest = completion[said[-1].end() :] if said else completion
    return rest.strip().partition("\n")[0].strip()


def states_answer(reasoning: str) -> bool:
    """Tell whether reasoning answers in the words in which the answer is asked for, or in a box."""
    return _STATED.search(reasoning) is not None or last_boxed(reasoning) is not None


def parse_number(completion: str) -> str | None:
    """Read a number: what follows the last `=` of the answer's part, otherwise the first number there.

    Thousands separators and signs of currency or percent are dropped; equal numbers are equal strings, whole
    ones as digits, others as a decimal where it ends and as a fraction where it does not. Returns None where
    there is none: numbers in words, times, ordinals and numbers with misplaced commas are none.
    """
    part = answer_part(completion).replace("−", "-").replace("\\$", "$").replace("\\%", "%")
    part = re.sub(r"\\[dt]?frac\s*\{(-?\d+)\}\s*\{(\d+)\}", r" \1/\2", part).replace("{,}", ",")
    match = _NUMBER.search(part.rpartition("=")[2])
    if match is None:
        return None
    sign, whole, over = match["sign"] or match["inner"], match["number"].replace(",", ""), match["over"]
    if over is not None and int(over) == 0:
        return None
    value = Fraction(whole) / (int(over) if over else 1)
    return _canonical(-value if sign == "-" else value)


def parse_integer(completion: str) -> str | None:
    """Read a number as `parse_number` does, and None where it is not a whole one."""
    number = parse_number(completion)
    return number if number is not None and number.lstrip("-").isdecimal() else None


def parse_choice(completion: str, choices: Sequence[str]) -> str | None:
    """Read which of the choices a completion names, as its letter.

    A letter counts where it begins the answer's part and is marked as one (in brackets, before punctuation,
    alone), or is the only one in brackets. A choice's text counts where it is the whole part or its first
    clause. Two letters, a letter with another choice's text, and anything else are read as nothing.
    """
    part, known = answer_part(completion), letters(len(choices))
    named = {match[match.lastindex or 0].upper() for match in _LETTER.finditer(part)}
    said = _said(part, choices)
    found = named or ({said} if said is not None else set())
    if len(found) != 1 or not found <= {*known}:
        return None
    letter = found.pop()
    meant = said or letter
    return letter if choices[known.index(letter)] == choices[known.index(meant)] else None


def parse_words(completion: str) -> str | None:
    """Read a short answer in any words: a number in `parse_number`'s form, otherwise words in lower case.

    Punctuation and articles are dropped. None where nothing is left.
    """
    part = answer_part(completion)
    number = parse_number(part) if _NUMBER.fullmatch(part.rstrip(".%").strip()) else None
    words = [word for word in re.findall(r"\w+(?:['’.]\w+)*", part.casefold()) if word not in _ARTICLES]
    return number or " ".join(words) or None


def same_answer(question: Question, first: str | None, second: str | None) -> bool:
    """Tell whether two answers to a question are the same; an unread answer equals no other.

    Letters of choices that say the same are the same answer.
    """
    if first is None or second is None:
        return False
    return first == second or (
        bool(question.choices) and choice_text(question, first) == choice_text(question, second)
    )


def _said(part: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the longest choice that a text's first clause says, with or without its letter."""
    text = re.sub(r"^[\W_]*(?:\(?[A-Z][).:]\s*)?[\W_]*", "", part).casefold()
    longest = sorted(range(len(choices)), key=lambda i: (-len(choices[i]), i))
    for i in longest:
        begins = re.escape(choices[i].strip(" .").casefold())
        if re.match(rf"(?:the\s+)?{begins}{_CLAUSE_ENDS}", text):
            return letters(len(choices))[i]
    return None


def _canonical(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest > 1:
        return f"{value.numerator}/{value.denominator}"
    return f"{Decimal(value.numerator) / Decimal(value.denominator):f}"
