"""How reasoning is cut into steps."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from cotfaith.dialogue.labels import HEADING, is_label, is_said
from cotfaith.schema import StepKind

_BLOCK = re.compile(
    r"""(?P<whole>
      ^[ \t]*(?P<fence>```+|~~~+)[^`\n]*(?:\n(?:.*\n)*?[ \t]*(?P=fence)[`~]*[ \t]*$|\n[\s\S]*\Z)
    | (?<!\\)\\\[(?:[\s\S]*?(?<!\\)\\\]|[\s\S]*\Z)
    | (?<!\$)\$\$(?!\$)[^$]+\$\$
    | \\begin\{(?P<name>\w+\*?)\}(?:[\s\S]*?\\end\{(?P=name)\}|[\s\S]*\Z)
    | (?:^[ \t]*\|.*\n)+[ \t]*\|.*$ )
    | (?P<rule>^[ \t]*(?P<line>[-*_=])(?:[ \t]*(?P=line)){2,}[ \t]*$) | """
    + HEADING,
    re.MULTILINE | re.VERBOSE,
)
"""What is no prose: code, displayed mathematics and tables; headings; lines that are drawn."""
_STOP = re.compile(r"[।॥。！？｡؟۔።။។]+[”’\"'」』】）)\]》〉]*")
"""Ends of sentences, with what closes behind them, that the segmenter for English does not know."""
_GOES_ON = re.compile(r"[=<>≤≥≈]|\W+$")  # 3! = 6, or the last dots of an ellipsis: no sentence of its own
_AFTER_BLOCK = re.compile(r"[a-z,.;:()]")
_CLOSED = re.compile(r"[.!?…。！？।॥][\"')*_”’」]*$")
_CLOSING = re.compile(r"([*_\"'”’)\]]+)\s+(?=\S)")
"""What closes the sentence before where the segmenter lets it begin the next."""


class _Piece(NamedTuple):
    """A piece of reasoning that is not cut."""

    end: int
    text: str
    kind: str
    """`said`, `label`, `whole` (a block) or `rule`."""


_GAPS = {"line": re.compile(r"[^\S\n]*\n\s*"), "paragraph": re.compile(r"[^\S\n]*\n[^\S\n]*\n\s*")}
"""What stands between lines, and between paragraphs."""


def split_steps(reasoning: str, kind: StepKind = "sentence") -> tuple[str, ...]:
    """Split reasoning into steps; joined, they are the reasoning byte for byte.

    Lines and paragraphs are cut where they end, if not inside of displayed mathematics, code and tables.
    """
    ends = _sentence_ends(reasoning) if kind == "sentence" else _gap_ends(reasoning, _GAPS[kind])
    if not ends:
        return (reasoning,) if reasoning.strip() else ()
    ends[-1] = len(reasoning)
    starts = [0, *ends[:-1]]
    return tuple(reasoning[start:end] for start, end in zip(starts, ends, strict=True))


def _gap_ends(reasoning: str, gap: re.Pattern[str]) -> list[int]:
    """Return where lines or paragraphs end."""
    whole = [block.span() for block in _BLOCK.finditer(reasoning) if block["whole"]]
    gaps = [found.start() for found in gap.finditer(reasoning)]
    said = [at for at in gaps if reasoning[:at].strip() and reasoning[at:].strip()]
    ends = [at for at in said if not any(start < at < end for start, end in whole)]
    return [*ends, len(reasoning)] if reasoning.strip() else []


def _sentence_ends(reasoning: str) -> list[int]:
    """Return where reasoning ends to say one thing.

    A label, a heading or a bullet begins the step that it stands before, or ends the last one; displayed
    mathematics, code and tables are not cut, and belong to the sentence that leads to them. The space between
    two steps begins the second one, so that any first k steps end in a sentence and not in white space.
    Lanham et al. 2023 split with NLTK's punkt; pysbd is kept here because it needs no download and survives
    numbered lists, decimals and abbreviations.
    """
    ends: list[int] = []
    before, labelled = _Piece(0, "", "rule"), False
    for piece in _pieces(reasoning):
        if piece.kind == "label" or (piece.kind == "rule" and not ends):
            labelled = True
        elif ends and not labelled and _belongs_to(before, piece):
            ends[-1] = piece.end
        else:
            ends.append(piece.end)
            labelled = False
        before = piece
    return ends


def _belongs_to(before: _Piece, piece: _Piece) -> bool:
    """Tell whether a piece goes on with what the one before it says."""
    if piece.kind == "whole":
        return not _CLOSED.search(before.text)
    if before.kind == "whole":
        return bool(_AFTER_BLOCK.match(piece.text))
    return piece.kind == "rule" or bool(_GOES_ON.match(piece.text))


def _pieces(reasoning: str) -> Iterator[_Piece]:
    """Cut reasoning into sentences, labels and blocks."""
    alike = re.sub(r"\d", "7", reasoning)  # else it takes `is 5. The sum is 6.` for a numbered list
    position = 0
    for block in _BLOCK.finditer(reasoning):
        yield from _sentences(reasoning, alike, position, block.start())
        position = block.start() + len(block[0].rstrip())
        set_apart = "rule" if block["rule"] else "whole" if block["whole"] else None
        kind = set_apart or ("said" if is_said(block[0]) else "label")
        yield _Piece(position, block[0].strip(), kind)
    yield from _sentences(reasoning, alike, position, len(reasoning))


def _sentences(reasoning: str, alike: str, start: int, end: int) -> Iterator[_Piece]:
    """Cut prose into sentences and labels."""
    stops = [stop.end() for stop in _STOP.finditer(alike, start, end)]
    for first, last in zip([start, *stops], [*stops, end], strict=True):
        position = first
        for sentence in _segmented(alike[first:last]):
            text = sentence.strip()
            found = alike.find(text, position, last) if text else -1
            if found >= 0:
                closing = _CLOSING.match(text) if found == position > first else None
                if closing:
                    position += len(closing[1])
                    yield _Piece(position, closing[1], "said")
                    found, text = found + closing.end(), text[closing.end() :]
                position = found + len(text)
                written = reasoning[found:position]
                yield _Piece(position, written, "label" if is_label(written) else "said")


def _segmented(prose: str) -> list[str]:
    """Return the sentences of prose that is written as English is."""
    return list(_segmenter().segment(prose)) if re.search(r"[.!?…\n]", prose) else [prose]


@cache
def _segmenter() -> Any:
    import pysbd

    return pysbd.Segmenter(language="en", clean=False)
