"""Whether a rewrite can stand in the place of the original."""

import re

from cotfaith.schema import Rewritten


def fault_of(text: str, original: str) -> str:
    """Say what is wrong with a rewrite; nothing if it can stand in the original's place."""
    if not text.strip():
        return "nothing was written"
    if same_words(text, original):
        return "the rewrite says the same words"
    if _words(original).startswith(_words(text)):
        return "the rewrite is the beginning of the original"
    return ""


def checked(written: Rewritten, original: str) -> Rewritten:
    """Return a rewrite with what is wrong with it, beside the original."""
    return written if written.fault else Rewritten(written.text, fault_of(written.text, original))


def same_words(first: str, second: str) -> bool:
    """Tell whether two texts differ at most in case, white space and punctuation outside of numbers."""
    return _words(first) == _words(second)


def _words(text: str) -> str:
    return re.sub(r"\s|\*\*|(?<!\d)[.,;:!?\"']|[.,;:!?\"'](?!\d)", "", text).casefold()
