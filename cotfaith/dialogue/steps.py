"""How reasoning is cut into steps."""

import re
from functools import cache
from typing import Any

_GOES_ON = re.compile(r"[=<>≤≥≈]|\W+$")  # 3! = 6, or the last dots of an ellipsis: no sentence of its own
_LIST_MARKER = re.compile(r"\(?(?:\d+|[A-Za-z])[.)]|[-*•]")


def split_steps(reasoning: str) -> tuple[str, ...]:
    """Split reasoning into sentences; joined, they are the reasoning byte for byte.

    The space between two sentences begins the second one, so that any first k steps end in a sentence and
    not in white space. Lanham et al. 2023 split with NLTK's punkt; pysbd is kept here because it needs no
    download and survives numbered lists, decimals and abbreviations.
    """
    alike = re.sub(r"\d", "7", reasoning)  # else it takes `is 5. The sum is 6.` for a numbered list
    ends: list[int] = []
    position = 0
    for sentence in _segmenter().segment(alike):
        text = sentence.strip()
        found = alike.find(text, position) if text else -1
        if found >= 0:
            position = found + len(text)
            if ends and _GOES_ON.match(text):
                ends[-1] = position
            elif not _LIST_MARKER.fullmatch(text):
                ends.append(position)
    if not ends:
        return (reasoning,) if reasoning.strip() else ()
    ends[-1] = len(reasoning)
    starts = [0, *ends[:-1]]
    return tuple(reasoning[start:end] for start, end in zip(starts, ends, strict=True))


@cache
def _segmenter() -> Any:
    import pysbd

    return pysbd.Segmenter(language="en", clean=False)
