"""Which number a completion answers. What is not understood whole is unread, never read by its beginning."""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from cotfaith.dialogue.answers import answer_places, sentences
from cotfaith.dialogue.signs import plain

MOST_DIGITS = 1000
_CURRENCY = r"(?:US\$|[$€£¥₹]|\b(?:USD|EUR|GBP|Rs)\b)"
_QUANTITY = re.compile(
    rf"(?:(?P<before>(?<![\w)%])[-+])?{_CURRENCY}\s?(?P<sign>[-+])?|(?P<bare>(?<![\w)%])[-+])?)"
    r"(?:(?P<ten>10)\s?(?:\^|\*\*)\s?\{?(?P<power>[-+]?\d{1,3})\}?"
    r"|(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?: \d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:\s?[×x*·]\s?10\s?(?:\^|\*\*)\s?\{?(?P<tens>[-+]?\d{1,3})\}?|[eE](?P<e>[-+]?\d{1,3})(?!\w)"
    r"| (?P<part>\d+)/(?P<parts>\d+)|\s?/\s?(?P<over>\d{1,3}(?:,\d{3})+|\d+))?)"
    rf"(?:\s?(?:%|{_CURRENCY}))?"
)
_UNIT = r"(?:kg|g|mg|lbs?|oz|k?m/h|km|cm|mm|mi|ft|in|yd|mph|kph|m?l|cl|hrs?|h|mins?)"
_UNIT_POWER = re.compile(
    r"\b((?:k?m|cm|mm|ft|in|yd|mi|units?|inches|feet|meters|metres)) ?\^ ?\{?[23]\}?(?!\w)"
)
_WORD = r"(?:[^\W\d_]{2,}(?:['/-][^\W\d_]+)*|[aAIgmlh](?:/[hs])?)(?![\w(])"
_BETWEEN = r"[\s,.:;\"'()\[\]]|(?<=[^\W\d_])!"
_UNDERSTOOD = re.compile(
    rf"(?>{_WORD}|{_BETWEEN})*+(?<![^\W_])\0(?:{_UNIT}(?!\w)|[-/][^\W\d_]{{2,}}|\s?°[CF]?)?"
    rf"(?:(?:{_BETWEEN})(?>{_WORD}|{_BETWEEN})*+)?"
)
"""Words around one quantity, which a zero byte stands for."""
_SCALES = r"\b(?:hundred|thousand|million|billion|trillion|dozen|lakh|crore|bn|mn|mil|mln|mod|base|or)s?\b"
_OTHER_THAN_IT = re.compile(
    rf"""{_SCALES}|n't\b|\b(?:not?|never|neither|nor|none|cannot|without|except|but|between|than|plus|minus|over
    |under|below|above|if|unless|whether|wrong|incorrect|false|impossible|unknown|unclear|nearly|almost|squared
    |cubed|power|factorial|root|log|sqrt|pi|half|halves|thirds?|quarters?|fifths?|(?:ten|hundred|thousand)ths?|twice
    |double|triple|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|at\s(?:least|most)|up\sto)\b
    |\0\s?(?:[ap]\.?m\b|o'clock)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words beside a quantity that make another one of it, or none."""
_REMARK = re.compile(
    r"""[\s,;(-]*\b(?:because|since|given|due\sto|rather\sthan|instead\sof)\b
    |[,;(]\s*(?:as(?!\s(?:well|many|much|long|far|few))|where|when|while|i\.e|that\sis
        |which(?!\s(?:is|was)\s(?:wrong|incorrect|false|not\b))
        |not(?!\s(?:the\s)?(?:correct|right|true|really|quite|sure|answer)\b))\b
    |\s-\s(?=[^\W\d_]{2})""",
    re.IGNORECASE | re.VERBOSE,
)
_VARIABLE = r"(?<![^\W\d_'])[b-hj-z](?![^\W\d_'(])"
_SOLVED_FOR_NOTHING = re.compile(
    rf"[<>≤≥≠]|[,;]\s|\b(?:and|where|when|with|which|while|let)\b|\d.*:|\d\s?{_VARIABLE}|{_VARIABLE}\s?[-+*/^×·]"
    rf"|[-+*/^×·]\s?{_VARIABLE}",
    re.IGNORECASE,
)
"""What makes the left side of an equation more than a sum or the name of what is answered."""
_LEAD = re.compile(r"that\b|(?:about|approximately|around|roughly|exactly|just|only)?[^\w.]*$", re.IGNORECASE)


def parse_number(completion: str) -> str | None:
    """Read a number: the only one in the sentence that answers, or what an equation there comes to.

    Separators of thousands and signs of currency or percent are dropped; equal numbers are equal strings,
    whole ones as digits, others as a decimal where it ends and as a fraction where it does not. Returns None
    where none is understood: several numbers, sums that are not worked out, conditions, denials, words that
    make another number of it (`3 million`), numbers in words, times, ordinals.
    """
    found = (_value(clause) for clause in _clauses(completion))
    value = next((value for value in found if value is not None), None)
    return None if value is None else _canonical(value)


def _clauses(completion: str) -> list[str]:
    """Return what may answer, the surest first.

    The first sentence answers if a number begins it. Otherwise what stands behind the last `answer is` does,
    and then the first sentence, if no equation follows in its line that it may only lead to.
    """
    places = answer_places(completion)
    sentence, *further = sentences(places.first)
    first, stated = _clause(sentence), [_clause(sentences(said)[0]) for said in places.stated]
    if _answers_at_once(first) and "=" not in first:
        return [first, *stated]
    return stated if any("=" in one for one in further) else [*stated, first]


def parse_integer(completion: str) -> str | None:
    """Read a number as `parse_number` does, and None where it is not a whole one."""
    number = parse_number(completion)
    return number if number is not None and number.lstrip("-").isdecimal() else None


def number_alone(text: str) -> str | None:
    """Return the number that a text is, in `parse_number`'s form; None where it says anything beside it."""
    whole = _QUANTITY.fullmatch(_clause(text).rstrip("."))
    value = whole and _quantity(whole)
    return None if value is None else _canonical(value)


def without_remark(sentence: str) -> str:
    """Return a sentence that answers at once without what it remarks on that: `since ...`, `(where ...)`."""
    for remark in _REMARK.finditer(sentence):
        before = sentence[: remark.start()]
        if _answers_at_once(before) and not (remark[0] == " - " and "=" in sentence):
            return before
    aside = re.search(r"(?<=[\w%.$])\s\(((?=[^\W\d_])[^()]*|[^()]*=[^()]*)\)?(?=[\s.]*$)", sentence)
    if aside is None or re.search(_SCALES, aside[1], re.IGNORECASE):
        return sentence
    before = sentence[: aside.start()]
    return before if _answers_at_once(before) else sentence


def _clause(sentence: str) -> str:
    """Return the plain words of a sentence that answer, without remarks on them."""
    text = plain(sentence).strip(" *_`")
    text = re.sub(
        r"\b(?:negative|minus)\s(?=[$€£¥]?\d)|~\s?(?=[-$€£¥]?\d)", _signed, text, flags=re.IGNORECASE
    )
    text = re.sub(r"(?<=\d)\s?x\s?(?=\d)", "×", _UNIT_POWER.sub(r"\1", text))
    return without_remark(text).strip()


def _signed(found: re.Match[str]) -> str:
    return "" if found[0].startswith("~") else "-"


def _value(clause: str) -> Fraction | None:
    """Return the number that a clause answers, None unless all of it is understood."""
    *sums, last = re.split(r"(?<![<>!=:])=(?![=>])|≈", clause)
    if any(_SOLVED_FOR_NOTHING.search(part) or _OTHER_THAN_IT.search(part) for part in sums):
        return None
    found = list(_QUANTITY.finditer(last))
    if len(found) != 1:
        return None
    rest = f"{last[: found[0].start()]}\0{last[found[0].end() :]}"
    if _OTHER_THAN_IT.search(rest) or not _UNDERSTOOD.fullmatch(rest):
        return None
    return _quantity(found[0])


def _quantity(found: re.Match[str]) -> Fraction | None:
    """Return the number that is written, None where it is none or endless."""
    written = (found["number"] or found["ten"]).replace(",", "").replace(" ", "")
    if len(found[0]) > MOST_DIGITS or (" " in (found["number"] or "") and found["over"]):
        return None
    value = Fraction(written)
    below = int((found["over"] or found["parts"] or "1").replace(",", ""))
    if below == 0:
        return None
    if found["parts"]:
        if value.denominator > 1 or int(found["part"]) >= below:
            return None
        value += Fraction(int(found["part"]), below)
    elif found["ten"]:
        value = Fraction(10) ** int(found["power"])
    else:
        value = value / below * Fraction(10) ** int(found["tens"] or found["e"] or 0)
    return -value if "-" in _signs(found.group("before", "sign", "bare")) else value


def _signs(groups: Sequence[str | None]) -> list[str | None]:
    return [sign for sign in groups if sign]


def _answers_at_once(clause: str) -> bool:
    """Tell whether a clause comes to a number at its beginning or in an equation, after no story."""
    found = _QUANTITY.search(re.sub(r"\\[A-Za-z]+", "", clause))
    return found is not None and ("=" in clause or bool(_LEAD.match(found.string[: found.start()])))


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
