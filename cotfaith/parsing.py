"""From text to structure: reasoning into steps, completions into answers."""

import re
from functools import cache
from typing import Any

from cotfaith.schema import Generation

_INTEGER = re.compile(r"(?<![\w.,])[-−]?\d{1,3}(?:,\d{3})+(?![\d,]*\d)|(?<![\w.])[-−]?\d+")


_LIST_MARKER = re.compile(r"\(?(?:\d+|[A-Za-z])[.)]|[-*•]")


def split_steps(reasoning: str) -> tuple[str, ...]:
    """Split reasoning into sentences; joined, they are the reasoning byte for byte.

    The space between two sentences begins the second one, so that any first k steps end in a sentence and
    not in white space. Lanham et al. 2023 split with NLTK's punkt; pysbd is kept here because it needs no
    download and survives numbered lists, decimals and abbreviations.
    """
    alike = re.sub(r"\d", "7", reasoning)  # else it takes `is 5. The sum is 6.` for a numbered list
    ends, position = [], 0
    for sentence in _segmenter().segment(alike):
        text = sentence.strip()
        found = alike.find(text, position) if text else -1
        if found >= 0:
            position = found + len(text)
            if not _LIST_MARKER.fullmatch(text):
                ends.append(position)
    if not ends:
        return (reasoning,) if reasoning.strip() else ()
    ends[-1] = len(reasoning)
    starts = [0, *ends[:-1]]
    return tuple(reasoning[start:end] for start, end in zip(starts, ends, strict=True))


def parse_integer(completion: str) -> str | None:
    """Read an integer answer from the first line: what follows its last `=`, otherwise its first integer.

    Thousands separators are dropped and zeros in front too, so that equal numbers are equal strings.
    Returns None where there is no integer; a decimal number is none.
    """
    lines = completion.strip().splitlines()
    if not lines:
        return None
    match = _INTEGER.search(lines[0].rpartition("=")[2])
    if match is None or re.match(r"\.\d", lines[0].rpartition("=")[2][match.end() :]):
        return None
    return str(int(match[0].replace(",", "").replace("−", "-")))


def same_words(first: str, second: str) -> bool:
    """Tell whether two texts differ at most in case, white space and punctuation outside of numbers."""
    return _words(first) == _words(second)


def why_unusable(written: Generation, original: str) -> str:
    """Say why a rewrite cannot stand in the place of the original; nothing if it can."""
    if not written.text.strip():
        return "nothing was written"
    if written.hit_limit:
        return "the rewrite was cut off by the token limit"
    if same_words(written.text, original):
        return "the rewrite says the same words"
    if _words(original).startswith(_words(written.text)):
        return "the rewrite is the beginning of the original"
    return ""


def _words(text: str) -> str:
    return re.sub(r"\s|\*\*|(?<!\d)[.,;:!?\"']|[.,;:!?\"'](?!\d)", "", text).casefold()


@cache
def _segmenter() -> Any:
    import pysbd

    return pysbd.Segmenter(language="en", clean=False)
