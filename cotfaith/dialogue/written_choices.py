"""Which of the choices a completion names. A letter counts only where it is said to be the answer."""

import re
from collections.abc import Sequence

from cotfaith.dialogue.answers import answer_places, sentences
from cotfaith.dialogue.prompts import letters
from cotfaith.dialogue.signs import folded, plain
from cotfaith.dialogue.written_words import words

_FORMS = (str.strip, lambda text: text.rstrip(" .").strip(), plain, words)
"""How a completion and a choice may be written alike, the strictest first."""
_LABEL = re.compile(
    r"(?:(?:the\s+)?(?:option|choice|answer|letter)\s+)?"
    r"(?:[(\[]\s*(?P<inside>[a-z])\s*[)\]][.:,]?|(?P<before>[a-z])\s*[).:,\]]|(?P<bare>[a-z])(?=\s+[-(]))\s*(?P<dash>-\s+)?",
    re.IGNORECASE,
)
_LEADING = """
so but thus hence therefore then is it it's that that's this the answer correct right best most likely final
single my option choice letter i i'd we believe think choose pick select say guess would will should must be
go with clearly definitely probably yes okay ok by process of elimination
""".split()  # noqa: SIM905 a list would take a page
"""Words before a letter that say no more than that it is the answer."""
_IS_RIGHT = re.compile(
    r"\s+(?:is|would be|must be|should be)\s+(?:the\s+)?"
    r"(?:(?:most|single|only|likely|best|one|correct|right|true|final|answer|option|choice)\b\W*)+$",
    re.IGNORECASE,
)
_REASON = r"(?:because|since|as(?!\s(?:well|many|much))|given|due\sto|based\son|rather\sthan|instead\sof)\b"
_REMARK = re.compile(
    rf"[.!]+[\"')*]*\s++(?!\d|(?:is|are|was|were|isn't|aren't|and|or|nor|but)\b)|[\s.,;:(-]*{_REASON}"
    r"|[\s.]*[,;(]\s*(?:where|when|not(?!\s(?:the\s)?(?:correct|right|true|really|quite|sure|answer)))\b"
)
"""What may follow a choice's text: another sentence, a reason, what it is not."""
_CLAUSE_ENDS = re.compile(
    r"(?:[,;:]|\s-)\s+(?![^(]*\))"
    r"|(?<!anything)(?<!everything)(?<!all)(?<!nothing)(?<!none)\s+(?=(?:so|but|hence|thus|therefore)\b)",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:not?|never|neither|nor|none|cannot|wrong|incorrect|false|untrue|unlikely|except|impossible|rule[ds]?|hardly"
    r"|eliminat\w*|reject\w*|exclud\w*|contradict\w*|invalid|without|doubt\w*|unlike|wait)\b|n't\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|unless|whether|or|either|otherwise)\b", re.IGNORECASE)
_MARKS = '()[]*_.:!`"'
_MENTION = re.compile(r"[(\[]([A-Za-z])[)\]]|(?<![\w'-])(?!A [a-z]|I\b)([A-Z])(?![\w'-])")
_SAID = re.compile(
    r"""(?P<quote>["'`]?)(?:\((?P<round>[a-z])\)|\[(?P<square>[a-z])\]|(?P<list>[a-z])\)|(?P<bare>[a-z]))"""
    r"""[.:!]*(?P=quote)[.:!]*""",
    re.IGNORECASE,
)


def parse_choice(completion: str, choices: Sequence[str]) -> str | None:
    """Read which of the choices a completion names, as its letter.

    The whole text of a choice counts before anything else, alone or behind its letter; then, where the answer
    stands, a choice's text that is followed by a remark at most, or a letter that is said to be the answer.
    Letters that are denied, several letters, a letter before another choice's text, lists of the choices and
    what is not understood whole are read as nothing.
    """
    places = answer_places(completion)
    tried = places.stated if _lists(completion, choices) else (places.first, *places.stated)
    found = (_exact(completion, choices), *(_named(place, choices) for place in tried))
    return next(filter(None, found), None)


def _exact(text: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the choice that a text is, alone or behind its letter."""
    for form in _FORMS:
        said = form(text)
        same = [i for i, choice in enumerate(choices) if said and form(choice) == said]
        if same:
            return letters(len(choices))[same[0]] if len({choices[i] for i in same}) == 1 else None
    label = _LABEL.match(text.strip())
    own = _own(label, choices)
    if label is None or own is None:
        return None
    rest = text.strip()[label.end() :]
    rests = (rest, (label["dash"] or "") + rest)
    its_own = any(form(said) == form(choices[own]) for form in _FORMS for said in rests)
    return letters(len(choices))[own] if its_own else None


def _own(label: re.Match[str] | None, choices: Sequence[str]) -> int | None:
    """Return the place of the choice that a label names."""
    letter = label and (label["inside"] or label["before"] or label["bare"]).upper()
    known = letters(len(choices))
    return known.index(letter) if letter in known else None


def _named(place: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the choice that is named where an answer stands: by its text or by its letter."""
    exact = _exact(place, choices)
    if exact is not None:
        return exact
    text, known = plain(place).strip("*_` "), letters(len(choices))
    begun = _begun(text, choices)
    if begun is not None:
        return known[begun] if _is_remark(_behind(text, choices[begun]), choices, begun) else None
    label = _LABEL.match(text)
    own = _own(label, choices)
    if label is None or own is None:
        return _letter(sentences(text)[0], choices)
    rest = re.sub(r"^\((.*)\)\W*$", r"\1", text[label.end() :])
    begun = _begun(rest, choices, own)
    if begun is None:
        return known[own] if _is_cut_off(rest, choices, own) else _letter(sentences(text)[0], choices)
    same = choices[begun] == choices[own]
    return known[own] if same and _is_remark(_behind(rest, choices[own]), choices, own) else None


def _begun(text: str, choices: Sequence[str], own: int = -1) -> int | None:
    """Return the place of the longest choice that a text begins with; of several, their own or else none."""
    said, begins = folded(text), [folded(choice) for choice in choices]
    longest = sorted(range(len(choices)), key=lambda i: (-len(begins[i]), i != own, i))
    whole = (i for i in longest if re.match(rf"{re.escape(begins[i])}(?![\w+#-])", said) and words(begins[i]))
    first = next(whole, None)
    alike = {choices[i] for i in longest if first is not None and begins[i] == begins[first]}
    return first if first == own or len(alike) == 1 else None


def _behind(text: str, choice: str) -> str:
    """Return what follows a choice's text in a text that begins with it."""
    return folded(text)[len(folded(choice)) :]


def _is_cut_off(text: str, choices: Sequence[str], own: int) -> bool:
    """Tell whether a text is the first words of one choice alone."""
    said = folded(text)
    return len(said.split()) > 1 and [folded(choice).startswith(said) for choice in choices] == [
        i == own for i in range(len(choices))
    ]


def _is_remark(tail: str, choices: Sequence[str], own: int) -> bool:
    """Tell whether what follows a choice's text changes nothing about it."""
    known = zip(letters(len(choices)), choices, strict=True)
    its_own = "".join(letter for letter, choice in known if choice == choices[own])
    if re.fullmatch(rf"[\s.!*_\"')\]:;,]*|\s*[(\[][{its_own}][)\]]\W*", tail, re.IGNORECASE):
        return True
    if _REMARK.match(tail):
        return True
    goes_on = re.match(r"\s*(?:[,;:]|-(?=\s)|\()\s*+(?!\d|and\b|but\b|nor\b)", tail)
    denied = _DENIAL.search(tail) and not _DENIAL.search(choices[own])
    if goes_on is None or denied or _CONDITION.search(tail) or _MENTION.search(tail):
        return _IS_RIGHT.fullmatch(tail) is not None
    others = (folded(other) for other in choices if other != choices[own])
    return not any(re.search(rf"(?<!\w){re.escape(other)}(?!\w)", tail) for other in others)


def _letter(sentence: str, choices: Sequence[str]) -> str | None:
    """Return the one letter that a sentence says to be the answer, None where any of it is not understood."""
    known, said, denied = letters(len(choices)), set[str](), set[str]()
    for clause in _CLAUSE_ENDS.split(_without_reason(sentence)):
        mentioned = {(m[1] or m[2]).upper() for m in _MENTION.finditer(clause)} & {*known}
        answer = _answering(clause)
        if answer is not None:
            said.add(answer)
        elif _CONDITION.search(clause) and not _DENIAL.search(clause):
            return None
        elif _DENIAL.search(clause):
            if said and not mentioned:
                return None
            denied |= mentioned
        elif mentioned:
            return None
    return said.pop() if len(said) == 1 and said <= {*known} - denied else None


def _without_reason(sentence: str) -> str:
    """Cut off the reason that a sentence gives, or the one that it begins with."""
    begun = re.match(rf"{_REASON}[^,]*,\s*", sentence, re.IGNORECASE)
    if begun:
        return sentence[begun.end() :]
    return re.split(rf"[\s,;(-]+{_REASON}", sentence, maxsplit=1, flags=re.IGNORECASE)[0]


def _answering(clause: str) -> str | None:
    """Return the letter that a clause says to be the answer and beside which it says nothing else."""
    *lead, last = _IS_RIGHT.sub("", re.sub(r"(?<=[(\[])\s+|\s+(?=[)\]])", "", clause)).split() or [""]
    said = _SAID.fullmatch(last.strip("*_"))
    if said is None or any(word.strip(_MARKS).lower() not in _LEADING for word in lead):
        return None
    letter = next(filter(None, said.group("round", "square", "list", "bare")))
    is_word = said["bare"] and lead and (letter.islower() or letter == "I")
    return None if is_word else letter.upper()


def _lists(completion: str, choices: Sequence[str]) -> bool:
    """Tell whether a completion goes through the choices, each with its letter, from the first one on."""
    said = folded(completion)
    return all(
        re.search(
            rf"(?<!\w)[(\[]?{letter}[).:\]]+\s*(?:the |an? )?{re.escape(folded(choice))}", said, re.IGNORECASE
        )
        for letter, choice in zip("AB", choices, strict=False)
    )
