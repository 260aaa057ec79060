"""Numbers as models and benchmarks write them. What is not understood whole is unread."""

import re
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from cotfaith.dialogue.characters import normalised
from cotfaith.dialogue.places import first_line, first_sentence, later_lines, marked, without_aside

_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?: \d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_NUMBER = re.compile(
    r"(?<![\w.,/:^√\\—-])(?P<sign>[-+])?(?:[$€£¥]\s?)?(?P<inner>-)?"
    r"(?:(?:(?P<whole>\d+)\s)?(?P<above>\d+)\s?/\s?(?P<below>\d+)"
    rf"|(?P<number>{_DIGITS})(?:\s?[×x*]\s?10(?:\^|\*\*)(?P<exponent>-?\d{{1,3}}))?"
    r"|(?P<ten>10)(?:\^|\*\*)(?P<power>-?\d{1,3}))"
    r"(?!\d|\s?/\s?\d|[.,:]\d|-\w|\s?(?:st|nd|rd|th)\b|[eE][-+]?\d|[\^!]\w)"
    r"(?![a-fijkn-rt-zA-EG-IKM-RTUX-Z](?![^\W\d_]))"
)
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SCALE = re.compile(rf"\s?(?P<scale>{'|'.join(_SCALES)})\b", re.IGNORECASE)
_OTHERWISE = re.compile(
    r"(?:\b(?:not|never|no|none|neither|nor|wrong|incorrect|false|cannot|unless|except|but|than|least|most|half|"
    r"twice|double|triple|dozens?|score|hundreds|thousands|millions|billions|root|squared|cubed|power|factorial|"
    r"minus|plus|times|between|over|under|above|below|up to|nearly|almost|or (?:more|less|fewer|so)|unknown|"
    r"undefined)\b|n[’']t\b)",
    re.IGNORECASE,
)
_OPERATORS = re.compile(r"[<>≤≥±√^×÷·|∞π]|\\[A-Za-z]|\s[-+*/]\s|[-+*/=]\s*$|\d\s*[-+*/]")


def parse_number(completion: str) -> str | None:
    """Read the number that a completion gives as its answer, whole or not at all.

    A tag or a box comes first, then the first sentence behind the prefix, then what `answer is` introduces. A
    sentence is understood if it says one number, at most within words, or equals something to one. Thousands
    separators and signs of currency or percent are dropped; equal numbers are equal strings, whole ones as
    digits, others as a decimal where it ends and as a fraction where it does not. None for all else: numbers
    in words, times, ordinals, ranges, alternatives, denials, misplaced commas, terms that are not worked out.
    """
    return _parsed(completion)


@lru_cache(1 << 16)
def _parsed(completion: str) -> str | None:
    found = marked(completion)
    if found is not None:
        return read_number(found)
    first = first_sentence(first_line(completion))
    number = read_number(first)
    if number is not None and _begins_with_number(first):
        return number
    said = (read_number(first_sentence(line)) for line in later_lines(completion))
    later = next(filter(None, said), None)
    if number is None:
        return later if not any(c.isdigit() for c in first) or _OTHERWISE.search(first) else None
    return number if later in (None, number) else None


def parse_integer(completion: str) -> str | None:
    """Read a number as `parse_number` does, and None where it is not a whole one."""
    number = parse_number(completion)
    return number if number is not None and number.lstrip("-").isdecimal() else None


def read_number(sentence: str) -> str | None:
    """Return the one number that a sentence says, in `parse_number`'s form, or None."""
    text = _plain(sentence)
    clause = without_aside(text)
    aside = re.sub(r"\s*\([^()]*\)|\s*\[[^\[\]]*\]", "", clause)
    clause = aside if any(c.isdigit() for c in aside) else clause.strip("()[] ")
    if "=" in clause or "≈" in clause:
        if re.search(r",\s|;|\b(?:or|and)\b", clause):
            return None
        clause = re.split("[=≈]", clause)[-1]
    matches = list(_NUMBER.finditer(clause))
    if len(matches) != 1 or _OTHERWISE.search(clause):
        return None
    match = matches[0]
    scale = _SCALE.match(clause, match.end())
    before, behind = clause[: match.start()], clause[scale.end() if scale else match.end() :]
    if any(c.isdigit() for c in before + behind) or _OPERATORS.search(before) or _OPERATORS.search(behind):
        return None
    value = _value(match)
    if value is None:
        return None
    return _canonical(value * (_SCALES[scale["scale"].lower()] if scale else 1))


def is_number(text: str) -> bool:
    """Tell whether a text is a number and nothing else, but for signs of currency, percent or its end."""
    return _NUMBER.fullmatch(_plain(text).rstrip(".%").strip()) is not None


def _begins_with_number(sentence: str) -> bool:
    """Tell whether a sentence gives its number at once, or by an equation."""
    text = re.sub(
        r"^(?:(?:is|that|it|about|approximately|around|roughly|exactly)\b|[\s:=~≈#*_(\[])+",
        "",
        _plain(sentence),
    )
    return _NUMBER.match(text) is not None or "=" in text


def _plain(text: str) -> str:
    r"""Write signs, fractions, powers and separators in one way."""
    text = re.sub(r"\\(?:d|t)?frac\s*\{(-?\d+)\}\s*\{(\d+)\}", r" \1/\2", text)
    text = re.sub(r"(?<=\d)(?:\{,\}|\\[,;:! ]|,\\!)(?=\d{3})", ",", text)
    text = re.sub(r"\\(?:times|cdot)\b", "×", text).replace("\\$", "$").replace("\\%", "%")
    text = re.sub(r"\\(?:text|mathrm|textbf|mathbf|boldsymbol)\s*\{([^{}]*)\}", r" \1", text)
    text = re.sub(r"\\[()\[\]]|\\[,;:! ]|\*\*(?!\s?-?\d)|(?<!\d)\*\*|[_`]", "", text)
    text = re.sub(r"(?<=[A-Za-z])\^[23]\b", "", normalised(text))
    text = re.sub(r"\^\{(-?\d+)\}", r"^\1", text).strip().strip("$\"'“”‘’ ") if "^" in text else text.strip()
    text = re.sub(r"^\$(.*[^\d\s].*)\$$|^\$([^$]*)\$$", lambda m: m[1] or m[2], text)
    return re.sub(
        r"^((?:is|that is|=|:)?\s*)(?:-|minus|negative)\s+(?=\d)", r"\1-", text, flags=re.IGNORECASE
    )


def _value(match: re.Match[str]) -> Fraction | None:
    negative = "-" in (match["sign"], match["inner"])
    if match["below"] is not None:
        if int(match["below"]) == 0:
            return None
        value = int(match["whole"] or 0) + Fraction(int(match["above"]), int(match["below"]))
    elif match["ten"] is not None:
        value = Fraction(10) ** int(match["power"])
    else:
        value = Fraction(re.sub("[, ]", "", match["number"])) * Fraction(10) ** int(match["exponent"] or 0)
    return -value if negative else value


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
