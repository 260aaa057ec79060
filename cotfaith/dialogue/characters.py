"""Characters that mean the same, in one form."""

import re
import unicodedata

_SIGNS = str.maketrans(dict.fromkeys("−–‒‐‑﹣－", "-") | dict.fromkeys("⁄∕", "/"))
_SUPERSCRIPTS = re.compile(r"(?<=[\w)\]}])([⁰¹²³⁴-⁹⁺⁻ⁿ]+)")


def normalised(text: str) -> str:
    """Return a text in NFKC, with one minus and one slash, powers and fractions of one character written out.

    NFKC alone would make 5² a 52 and 2½ a 21/2.
    """
    powers = _SUPERSCRIPTS.sub(lambda match: "^" + unicodedata.normalize("NFKC", match[1]), text)
    return unicodedata.normalize("NFKC", "".join(map(_written_out, powers))).translate(_SIGNS)


def _written_out(character: str) -> str:
    """Write ½ as 1/2, with a space in front."""
    above, slash, below = unicodedata.normalize("NFKC", character).partition("⁄")
    return f" {above}/{below}" if slash and above and below else character
