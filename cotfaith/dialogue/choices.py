"""Which choice a completion names, by its letter or by its text, and which answers are the same."""

import re
from collections.abc import Callable, Iterator, Sequence

from cotfaith.dialogue.characters import normalised
from cotfaith.dialogue.places import first_line, first_sentence, later_lines, marked, without_aside
from cotfaith.dialogue.prompts import choice_text, letters
from cotfaith.schema import Question

_MINUS = str.maketrans(dict.fromkeys("−–‒‐‑", "-"))
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathsf|boldsymbol)\s*\{([^{}]*)\}")
_LETTER = re.compile(
    r"\(([A-Za-z])\)"
    r"|^[\W_]*(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s+)?\(?([A-Za-z])(?=[\W_]*$|\s*[).:,\]*/&]"
    r"|\s+(?:is|because|since|or|and)\b)"
    r"|(?:\b(?:or|and|option|choice)\s+|[,/&]\s*)\(?([A-Z])\b(?!\s+\w)"
    r"|(?:^|\s)\*\*\(?([A-Z])\b"
)
_LETTER_AND_TEXT = re.compile(
    r"^[\s*_\"'“‘\[]*\(?([A-Z])(?:\)|\]|\.|:|\):|\).|\s[-–—])[\s:*_]+(\S.*)$", re.DOTALL
)
_IN_FRONT = re.compile(r"^[\s\"'“‘*_\[]*(?:\(?([A-Z])[).:\]]+[\s*_]+)?")
_DENIED = re.compile(
    r"\b(?:not|never|neither|nor|wrong|incorrect|false|cannot|except|but|ruled? out|eliminated?|unlikely)\b"
    r"|n[’']t\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\W*$|[.;!?:)]+(?:\s|$)"
    r"|[\"'”’*_\s]*,?\s+(?:because|since|as|which|where|while|given|rather than|instead of)\b"
    r"|[\"'”’*_\s]*,\s+(?:I|it|he|she|they|we|you|that|this|these|there|the|so|not)\b",
    re.IGNORECASE,
)
_EDGES = " .\"'“”‘’*_"


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).strip(_EDGES)


_SAME: tuple[Callable[[str], str], ...] = (
    str.strip,
    lambda text: text.strip().rstrip(".").strip(),
    lambda text: _folded(text.translate(_MINUS)),
    lambda text: _folded(normalised(_WRAPPED.sub(r"\1", text))).strip("$ "),
)
"""Forms in which texts are compared, the strictest first."""


def parse_choice(completion: str, choices: Sequence[str]) -> str | None:
    """Read which of the choices a completion names, as its letter.

    A completion that is a choice's text, with its letter or without, is that choice. Otherwise a letter
    counts where its sentence begins with it and marks it as one (in brackets, before punctuation, alone), or
    where it is the only one in brackets; a choice's text counts where a sentence begins with it and says no
    more than why. A tag or a box comes first, then the first sentence behind the prefix, then what
    `answer is` introduces. Two letters, a letter with another choice's text, a letter that is denied and
    anything else are read as nothing.
    """
    whole = _whole(completion.strip(), choices)
    if whole is not None:
        return whole or None
    found = marked(completion)
    if found is not None:
        return _read(found, choices)
    said = (_read(line, choices) for line in (first_line(completion), *later_lines(completion)))
    return next(filter(None, said), None)


def same_answer(question: Question, first: str | None, second: str | None) -> bool:
    """Tell whether two answers to a question are the same; an unread answer equals no other.

    Letters of choices that say the same are the same answer.
    """
    if first is None or second is None:
        return False
    return first == second or (
        bool(question.choices) and choice_text(question, first) == choice_text(question, second)
    )


def _read(line: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the choice that a line names."""
    whole = _whole(line, choices)
    if whole is not None:
        return whole or None
    said, known = _begins_with(line, choices), letters(len(choices))
    clause = without_aside(first_sentence(_WRAPPED.sub(r"\1", line))).strip("$ ")
    if said is None and _DENIED.search(clause):
        return None
    named = {next(filter(None, match.groups())).upper() for match in _LETTER.finditer(clause)}
    if said is not None:
        in_front = _IN_FRONT.match(line)
        named = {in_front[1] or said} if in_front else {said}
    if len(named) != 1 or not named <= {*known}:
        return None
    letter = named.pop()
    meant = said or letter
    return letter if choices[known.index(letter)] == choices[known.index(meant)] else None


def _whole(text: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the choice that a text is, with its letter in front or without.

    None if it is none, and nothing ("") if it is one and names another.
    """
    found = set(_is_one(text, choices))
    match = _LETTER_AND_TEXT.match(text)
    known = letters(len(choices))
    if match and match[1] in known and match[1] in _those(match[2], choices):
        found.add(match[1])
    alone = re.fullmatch(r"\(?([A-Z])\)?[.:]?", text)
    if found and alone and alone[1] in known:
        found.add(alone[1])
    meant = {choices[known.index(letter)] for letter in found}
    if not found:
        return None
    return min(found) if len(meant) == 1 else ""


def _is_one(text: str, choices: Sequence[str]) -> Iterator[str]:
    those = _those(text, choices)
    if those:
        yield those[0]


def _those(text: str, choices: Sequence[str]) -> list[str]:
    """Return the letters of the choices that say what a text says, in the strictest form in which any does.

    None where choices that differ are the same in that form.
    """
    for form in _SAME:
        alike = [i for i, choice in enumerate(choices) if form(choice) == form(text) != ""]
        if alike:
            return [letters(len(choices))[i] for i in alike] if len({choices[i] for i in alike}) == 1 else []
    return []


def _begins_with(sentence: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the longest choice that a sentence says before it ends or says why."""
    text = _SAME[2](_IN_FRONT.sub("", sentence, count=1))
    longest = sorted(range(len(choices)), key=lambda i: (-len(choices[i]), i))
    for i in longest:
        said = _SAME[2](choices[i])
        begins = re.match(rf"(?:(?:is|it is|the|probably|definitely)\s+)?{re.escape(said)}(?=\W|$)", text)
        if said and begins and _GOES_ON.match(text, begins.end()):
            return letters(len(choices))[i]
    return None
