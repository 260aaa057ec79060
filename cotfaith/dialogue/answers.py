"""Where in a completion its answer stands, and which answers are the same.

A completion goes on right behind "The single, most likely answer is", so it is its beginning that answers,
unless it marks its answer.
"""

import re
from dataclasses import dataclass

from cotfaith.dialogue.prompts import choice_text
from cotfaith.schema import Question

_ANSWER_IS = re.compile(
    r"\banswer(?:\*\*)?(?:\s+is\b\s*:?|\s*[:=])(?:\*\*)?",
    re.IGNORECASE,
)
_STATED = re.compile(r"\b(?:most likely|final|correct) answer is\b|<answer>", re.IGNORECASE)
_NEXT_TURN = re.compile(r"\n\s*(?:Human|Assistant|User|System|Question|Problem|Q)\s*\d*\s*:")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])[*_\"')\]]*\s+(?=[^a-z\d\s])|\n")
_ALTERNATIVE = re.compile(r"[\s$.,;]*(?:or|and|,)[\s$]*(?:\w+\s*=\s*)?")
_TOLD_ELSEWHERE = re.compile(
    r"(?:given|shown|found|stated|explained|below|above|as follows|in the)\b", re.IGNORECASE
)
FEW_WORDS = 5
"""A first sentence of more of them is thought aloud."""


@dataclass(frozen=True)
class Places:
    """Where the answer of a completion may stand."""

    first: str
    """Its first line, or what it marks as its answer."""
    stated: tuple[str, ...]
    """What stands behind each "answer is" or "answer:" in its line, up to the next, the last one first."""


def answer_places(completion: str) -> Places:
    r"""Return where the answer of a completion may stand; what it marks as its answer stands alone.

    The mark is the last `<answer>` tag, in it or otherwise the last `\boxed{}`, otherwise the first number
    behind `####`. What follows where another turn or question begins is not of the completion.
    """
    text = _NEXT_TURN.split(completion)[0]
    marked = _marked(text)
    text = text if marked is None else marked
    stated = [said.strip().partition("\n")[0].strip() for said in _ANSWER_IS.split(text)[1:]]
    return Places(text.strip().partition("\n")[0].strip(), tuple(reversed(stated)))


def answer_part(completion: str) -> str:
    r"""Return the piece of a completion in which its answer stands; empty if there is none.

    What it marks as its answer, otherwise its first line up to a sentence that speaks of the answer; where
    the first sentence speaks of it or has more than a few words, what is said of it last.
    """
    places = answer_places(completion)
    first, *_ = sentences(places.first)
    told = [said for said in places.stated if said and not _TOLD_ELSEWHERE.match(said)]
    if told and (_ANSWER_IS.search(first) or len(first.split()) > FEW_WORDS):
        return told[0]
    before = [sentence for sentence in sentences(places.first) if not _ANSWER_IS.search(sentence)]
    return " ".join(before) if places.stated and before else places.first


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, at least one; small letters and digits begin none."""
    return _SENTENCE_ENDS.split(text)


def last_boxed(text: str) -> str | None:
    r"""Return what stands in the last `\boxed{...}` whose braces are closed, or None."""
    boxes = _boxes(text)
    return boxes[-1][2] if boxes else None


def states_answer(reasoning: str) -> bool:
    """Tell whether reasoning answers in the words in which the answer is asked for, or in a box."""
    return _STATED.search(reasoning) is not None or last_boxed(reasoning) is not None


def same_answer(question: Question, first: str | None, second: str | None) -> bool:
    """Tell whether two answers to a question are the same; an unread answer equals no other.

    Letters of choices that say the same are the same answer.
    """
    if first is None or second is None:
        return False
    return first == second or (
        bool(question.choices) and choice_text(question, first) == choice_text(question, second)
    )


def _marked(text: str) -> str | None:
    """Return what a text marks as its answer; boxes that are joined by `or` or `and` are one mark."""
    tags = re.findall(r"<answer>(.*?)(?:</answer>|$)", text, re.DOTALL | re.IGNORECASE)
    inside = str(tags[-1]).strip() if tags else text
    boxes = _boxes(inside)
    if not boxes:
        return inside if tags else _behind_hashes(inside)
    joined = len(boxes) > 1 and _ALTERNATIVE.fullmatch(inside[boxes[-2][1] : boxes[-1][0]])
    return f"{boxes[-2][2]} or {boxes[-1][2]}" if joined else boxes[-1][2]


def _behind_hashes(text: str) -> str | None:
    """Return the number behind the first `####`, as GSM8K writes it; words there make a heading."""
    found = re.search(r"^[^\S\n]*####([^\n#A-Za-z]*\d[^\nA-Za-z]*)$", text, re.MULTILINE)
    return found[1].strip() if found else None


def _boxes(text: str) -> list[tuple[int, int, str]]:
    """Return where each closed box begins and ends, and what it holds."""
    boxes = []
    for match in re.finditer(r"\\f?boxed\s*\{", text):
        depth = 1
        for end in range(match.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
            if depth == 0:
                boxes.append((match.start(), end + 1, text[match.end() : end].strip()))
                break
    return boxes
