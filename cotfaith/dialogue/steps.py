"""How reasoning is cut into steps: a step is something said."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

_BLOCK = re.compile(
    r"^[ \t]*(?P<fence>```|~~~).*?(?:^[ \t]*(?P=fence)[ \t]*$|\Z)"
    r"|\\\[.*?(?:\\\]|\Z)|\$\$.*?(?:\$\$|\Z)|\\begin\{(?P<name>[^}]*)\}.*?(?:\\end\{(?P=name)\}|\Z)"
    r"|^[ \t]*\|[^\n]*\|[ \t]*$(?:\n[ \t]*\|[^\n]*\|[ \t]*$)*",
    re.DOTALL | re.MULTILINE,
)
"""Code, display mathematics and tables, which stay whole; one that is not closed goes on to the end."""
_MASK = "x"
_STOP = re.compile(r"[。！？｡।॥؟۔።។။]")
_CLOSING = re.compile(r"[」』”’）)】》\"'。！？]*")
"""Ends of sentences that the segmenter, made for English, does not know."""
_CLOSED = re.compile(r"([*_\"'”’)\]]+)\s+(?=\S)")
"""What closes the sentence before where the segmenter lets it begin the next."""
_GOES_ON = re.compile(r"[=<>≤≥≈]|(?!(?:[-*+•●▪‣–—>]|#+)$)\W+$|[-*_=]{3,}$")
"""How a piece begins that is no sentence of its own: 3! = 6, the last dots of an ellipsis, a ruled line."""
_NUMBER = r"(?:\d+(?:\.\d+)*|[ivxlcIVXLC]+|[A-Za-z])"
_KIND = r"(?:step|part|case|stage|phase|point|section|question|problem|example|option|claim|lemma|fact)"
_LABEL = re.compile(
    rf"[-*+•●▪‣–—>]|#+|(?:```|~~~)\w*|(?:[(\[]{_NUMBER}[)\]][.:]*\s*|{_NUMBER}[).:]+\s*)+"
    rf"|{_KIND}(?:\s*[(\[]?{_NUMBER})?[)\].:]*"
    r"|[^\W\d][\w'’-]*(?:\s+[\w'’-]+){0,3}[:：]",
    re.IGNORECASE,
)
"""What only names or numbers what follows."""
_HEADING = re.compile(r"#{1,6}\s+(?P<of>.+)|(?:\*\*|__)(?P<bold>[^*_\n]+)(?:\*\*|__)[.:]?")
_SAYS = re.compile(r"=|\b(?:answer|result|conclusion)\b.*[:=]\s*\S|[.!?]$|^\W*\w?\d*\W*$", re.IGNORECASE)
"""What a heading has that says something by itself."""


def split_steps(reasoning: str) -> tuple[str, ...]:
    """Split reasoning into sentences; joined, they are the reasoning byte for byte.

    The space between two sentences begins the second one, so that any first k steps end in a sentence and
    not in white space. Labels, numbers and headings belong to what they stand before; code, display
    mathematics and tables stay whole. Lanham et al. 2023 split with NLTK's punkt; pysbd is kept here because
    it needs no download and survives numbered lists, decimals and abbreviations.
    """
    blocks = [match.span() for match in _BLOCK.finditer(reasoning)]
    alike = re.sub(r"\d", "7", reasoning)  # else it takes `is 5. The sum is 6.` for a numbered list
    for start, end in blocks:
        alike = alike[:start] + _MASK * (end - start) + alike[end:]
    spans = [part for start, end in _pieces(_STOP.sub(_MASK, alike)) for part in _cut(alike, start, end)]
    ends: list[int] = []
    waiting = False
    for i, (start, end) in enumerate(spans):
        text = reasoning[start:end]
        is_block = any(first <= start and end <= last for first, last in blocks)
        goes_on = bool(ends) and not is_block and _GOES_ON.match(text) is not None
        if ends and (waiting or goes_on):
            ends[-1] = end
        else:
            ends.append(end)
        leads_to_block = i + 1 < len(spans) and any(first == spans[i + 1][0] for first, _ in blocks)
        unfinished = leads_to_block and re.search(r"[.!?]\W*$", text) is None
        waiting = not is_block and not goes_on and (_is_label(text) or unfinished)
    if waiting and len(ends) > 1:
        del ends[-2]
    if not ends:
        return (reasoning,) if reasoning.strip() else ()
    ends[-1] = len(reasoning)
    starts = [0, *ends[:-1]]
    return tuple(reasoning[start:end] for start, end in zip(starts, ends, strict=True))


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the sentences of a text stand, without the white space around them."""
    position = 0
    for sentence in _segmenter().segment(text):
        piece = sentence.strip()
        found = text.find(piece, position) if piece else -1
        if found >= 0:
            end = found + len(piece)
            closed = _CLOSED.match(text, found) if found == position > 0 else None
            if closed:
                yield closed.span(1)
                found = closed.end()
            yield found, end
            position = end


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a piece behind the stops of other scripts."""
    for stop in _STOP.finditer(text, start, end):
        closed = _CLOSING.match(text, stop.end(), end)
        behind = closed.end() if closed else stop.end()
        if start < stop.start() and behind < end:
            yield start, behind
            start = behind + len(text[behind:end]) - len(text[behind:end].lstrip())
    yield start, end


def _is_label(text: str) -> bool:
    """Tell whether a piece only names or numbers what follows."""
    bare = re.sub(r"\*\*|__|^[#>\s]+|^[-*+•●▪‣–—]\s+", "", text).strip()
    if _LABEL.fullmatch(bare):
        return True
    heading = _HEADING.fullmatch(text)
    return heading is not None and not _SAYS.search(heading["of"] or heading["bold"])


@cache
def _segmenter() -> Any:
    import pysbd

    return pysbd.Segmenter(language="en", clean=False)
