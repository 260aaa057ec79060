"""One way of writing for what is written in many: signs, spaces, raised digits, LaTeX and Markdown."""

import re
import unicodedata

_SIGNS = {ord(dash): "-" for dash in "‐‑‒–−﹣－"}
_SIGNS |= {ord(quote): "'" for quote in "‘’ʼ"} | {ord(quote): '"' for quote in "“”„«»"}
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff"))
_LATEX = (
    (r"\s*[—―]\s*", " - "),
    (r"\{,\}|,\\!", ","),
    (r"\\(?:left|right|displaystyle|boldsymbol)(?![A-Za-z])\s?|(?<!\\)\\[()\[\]!]", ""),
    (r"(?<!\\)\\[,;: ]|(?<=\d)~(?=\d)", " "),
    (r"\\(?:q?quad)\b", " "),
    (r"(?<!\\)\\([%$#&_])", r"\1"),
    (r"\s?\^\s*\{?\s*\\circ\b\s*\}?|\s?\\degree\b", "°"),
    (r"\\times\b", "×"),
    (r"\\cdot\b", "·"),
    (r"\\approx\b", "≈"),
    (r"\\neq?\b", "≠"),
)
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{\s*(-?[\d.]+)\s*\}\s*\{\s*([\d.]+)\s*\}|(\d)\s*(\d))(?!\d)")
_SET = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|normal)?|math(?:rm|bf|sf|it|bb|cal|tt)|emph|mbox|operatorname)\s*\{([^{}]*)\}"
)
_FORMULA = re.compile(r"(?<![\\\w$])(\$\$?)(?=[^\s$])((?:\\\$|[^$\n])+)(?<=[^\s$\\])\1(?![\w$])")
_EMPHASIS = (
    re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*\n]+)(?<=[^\s*])\1(?![\w*])"),
    re.compile(r"(?<!\w)(__?)(?=[^\s_])([^_\n]+)(?<=[^\s_])\1(?!\w)"),
    re.compile(r"(`)([^`\n]+)\1"),
)


def spelled(text: str) -> str:
    """Write what Unicode has one character for, or several, as typed: `−` as `-`, `³` as `^3`, `½` as `1/2`.

    Quotation marks are straight, and characters that are not seen are gone.
    """
    text = re.sub(r"[⁺⁻]?[⁰¹²³⁴-⁹]+", lambda raised: "^" + unicodedata.normalize("NFKC", raised[0]), text)
    text = re.sub(r"[¼-¾⅐-⅞]", lambda one: _behind_digit(one, unicodedata.normalize("NFKC", one[0])), text)
    return text.translate(_SIGNS | _UNSEEN)


def plain(text: str) -> str:
    r"""Write a text's signs in one way, losing none that can carry meaning.

    It is `spelled`, its spaces are spaces, and of LaTeX and Markdown what sets type is gone: `\textbf{(B)}`
    and `**(B)**` are `(B)`, `$10{,}000$` is `10,000`.
    """
    text = _FRACTION.sub(lambda one: _behind_digit(one, "/".join(filter(None, one.groups()))), spelled(text))
    text = _FORMULA.sub(r"\2", unicodedata.normalize("NFKC", text))
    for pattern, written in _LATEX:
        text = re.sub(pattern, written, text)
    while (without := _SET.sub(r"\1", text)) != text:
        text = without
    for emphasis in _EMPHASIS:
        text = emphasis.sub(r"\2", text)
    return re.sub(r"\s+", " ", text).strip()


def folded(text: str) -> str:
    """Write a text plainly, in lower case, without an article or quotation mark first and a stop last."""
    text = plain(text).casefold().rstrip(" .") or plain(text)
    quoted = re.fullmatch(r"""(["'])(.*)\1""", text)
    if quoted and quoted[1] not in quoted[2]:
        text = quoted[2].rstrip(" .")
    return re.sub(r"^(?:the\s+(?=an?\s))?(?:the|an?)\s+(?=[^\W\d_]{2}|\d)", "", text)


def _behind_digit(found: re.Match[str], fraction: str) -> str:
    """Write a fraction, apart from a digit that stands before it."""
    return " " * found.string[: found.start()].endswith(tuple("0123456789")) + fraction.replace("⁄", "/")
