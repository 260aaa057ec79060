"""Text from files and models, made fit to be printed: no character of it acts on the terminal."""

import unicodedata

KEPT = "\n\t"
TURNING = ("RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI")
"""Kinds of characters that change the direction of the text behind them."""


def visible(text: str) -> str:
    """Write control characters, changes of direction and halves of characters as their code points."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"<U+{ord(c):04X}>" if _acts(c) else c for c in text)


def _acts(character: str) -> bool:
    if character in KEPT:
        return False
    return unicodedata.category(character) in ("Cc", "Cs") or unicodedata.bidirectional(character) in TURNING
