"""What steps are called and marked with, and say nothing: `Step 1.`, `(a)`, headings, bullets, references."""

import re

_NUMERAL = r"(?:\d+(?:\.\d+)*|[A-Za-z]|[ivxlc]+|[IVXLC]+|one|two|three|four|five|six|seven|eight|nine|ten)"
_KINDS = (
    r"(?:steps?|cases?|parts?|options?|choices?|claims?|facts?|premises?|statements?|points?|questions?|problems?"
    r"|stages?|phases?|lines?|items?|scenarios?|sections?|chapters?|figures?|fig\.|tables?|equations?|eqs?\.|rules?"
    r"|theorem|lemma|proposition|corollary|examples?|exercises?|methods?|hypothes[ie]s|paragraphs?|version|article)"
)
_BULLET = r"[-*•–·▪●◦‣→\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]+"
_LABEL = re.compile(
    rf"[*_]*(?:{_KINDS}\s+{_NUMERAL}|\(?{_NUMERAL}[.):])[*_]*[.):-]*[*_]*|{_BULLET}"
    r"|(?:\w{1,20}\s+){0,3}\w{1,20}\s*[:：]|</?\w+>",
    re.IGNORECASE,
)
HEADING = r"^[ \t]*\#{1,6}(?:[ \t].*)?$ | ^[ \t]*(?P<bold>\*\*|__)(?:(?!(?P=bold)).)+(?P=bold):?[ \t]*$"
"""A line that is set as a heading (verbose, multiline)."""
_ANSWERS = re.compile(r"\banswer\b[^\n]*(?::|=|\bis\b)[*_\s]*\w", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!?…。！？।॥][\"')*_”’」]*$")

_BEGINS = rf"(?:^|(?<=[.!?:;]\s))[ \t]*(?:(?:\#+|>|{_BULLET})[ \t]+)*"
_SAYS = (
    r"(?:is|are|was|were|has|have|does|can|cannot|could|will|would|must|should|may|might|seems|says"
    r"|and|or|nor|but|because|since)\b"
)
_MARKS = re.compile(
    rf"""
      {_BEGINS}(?P<strong>\*\*|__)[^*_\n]{{1,60}}(?::(?P=strong)|(?P=strong):)
    | {_BEGINS}[*_]*{_KINDS}\s+{_NUMERAL}[*_]*(?:\s*[.):]|\s+[-–—]\s|[*_]+|[ \t]*$)
    | {_BEGINS}[*_]*[(\[]?(?:\d+(?:\.\d+)*|(?-i:[ivxIVX]+|[a-z]))(?:[)\]:]|\.(?!\d))[*_]*(?=\s|$)
    | ^[ \t]*\#+[ \t]*\d+(?:\.\d+)* | {_BEGINS}\w{{1,20}}\s+\d+\s*[:：]
    | {_BEGINS}(?:{_KINDS}\s+)?[*_]*\([A-Z]\)[*_]*(?=\s*[:–-]|\.\s+\w|\s+(?!{_SAYS})\w)
    | \b{_KINDS}\s*[(\[]?\d+[)\]]?(?:(?:,|\s*(?:and|or|to|through|&|[-–]))\s*[(\[]?\d+[)\]]?)*(?![\w%])
    | (?<!\w)\(\d{{1,2}}\)(?=\s+[A-Za-z])|\b(?:from|by|using|in|and)\s+\(\d{{1,2}}\)
    | \[\d+\] | \b(?-i:No\.)\s?\d+ | \#\d+ | ^[ \t]*(?:```|~~~).*$ | </?\w+> | https?://\S+
    """,
    re.MULTILINE | re.VERBOSE | re.IGNORECASE,
)
_HEADING_LINE = re.compile(HEADING, re.MULTILINE | re.VERBOSE)


def is_label(text: str) -> bool:
    """Tell whether a text only names what follows or marks it: `Step 1.`, `(a)`, a bullet, `Therefore:`."""
    return _LABEL.fullmatch(text) is not None


def is_said(line: str) -> bool:
    """Tell whether a line that is set as a heading says something: the answer, or a sentence in bold."""
    words = line.strip("#*_ \t")
    says = _ANSWERS.search(words) or (not line.strip().startswith("#") and _SENTENCE.search(words))
    return bool(says) and not is_label(words)


def without_labels(step: str) -> str:
    """Return a step, as long as it is, with blanks in the place of labels, headings and references."""
    text = _HEADING_LINE.sub(lambda line: line[0] if is_said(line[0]) else " " * len(line[0]), step)
    return _MARKS.sub(lambda mark: " " * len(mark[0]), text)
