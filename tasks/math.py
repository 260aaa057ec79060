"""MATH (Hendrycks et al. 2021, arXiv 2103.03874)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar

from cotfaith import (
    HubSource,
    Question,
    Row,
    Task,
    answer_part,
    last_boxed,
    sentences,
    spelled,
    without_remark,
)

SUBJECTS = """
algebra counting_and_probability geometry intermediate_algebra number_theory prealgebra precalculus
""".split()  # noqa: SIM905 a list would take a page

FORMULA = re.compile(r"(?<!\\)\$([^$]+)\$|\\\((.+?)\\\)")
SPELLINGS = (
    (r"(?<=\d)(?:\\[,;: !]|~|\s)(?=\d{3}(?!\d))", ""),  # 10\,000
    (r"(?<![\d.,/])(\d+)\s+(\d+)/(\d+)", r"\1\\frac{\2}{\3}"),  # 2 1/2
    (r"(?<=\d)[eE]([-+]?\d+)\b", r" \\times 10^{\1}"),  # 1.5e3
)
_JOINED = re.compile(r"\s*(?:,\s*)?(?:or|and)?\s*", re.IGNORECASE)
_DENIAL = re.compile(
    r"\b(?:not|neither|nor|never|except|than|between|if|unless|wrong)\b|n't\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Math(Task):
    """Competition problems; answers are expressions, compared by the math-verify library."""

    files: ClassVar[tuple[str, ...]] = ("*math*/test/*/*.json", "*math*/test*", "*math*500*", "*math*")
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (("problem", "solution"),)
    answer_tokens: ClassVar[int] = 32

    def sources(self) -> tuple[HubSource, ...]:
        """Return the hub's configuration of each subject."""
        return tuple(HubSource("EleutherAI/hendrycks_math", subject, "test") for subject in SUBJECTS)

    def question(self, row: Row) -> Question:
        """Read a row; the answer is the last box of the worked solution."""
        gold = last_boxed(row.text("solution"))
        if not gold:
            raise row.wrong("solution", r"expected an answer in \boxed{}, found none")
        labels = {name: str(row.fields[name]) for name in ("level", "type", "subject") if row.has(name)}
        return Question(self.spec, "", row.text("problem"), gold=gold, labels=labels)

    def parse(self, question: Question, completion: str) -> str | None:
        r"""Read an expression, from between dollars if any, or several that `or`, `and` or a comma joins.

        None where other words join formulas, for several words outside of `\text{}`, and for denials.
        """
        said = without_remark(sentences(answer_part(completion))[0])
        formulas = list(FORMULA.finditer(said))
        if _DENIAL.search(FORMULA.sub("", said)):
            return None
        between = [said[a.end() : b.start()] for a, b in pairwise(formulas)]
        if not all(_JOINED.fullmatch(words) for words in between):
            return None
        written = [(formula[1] or formula[2]).strip().rstrip(".,").strip() for formula in formulas]
        text = ", ".join(written) if written else _solved(said.strip().rstrip(".,").strip())
        in_words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\\text\w*\{[^}]*\}|\\[A-Za-z]+", " ", text))
        if len([word for word in in_words if word not in ("or", "and")]) > 1 or not _expressions(text):
            return None
        return text

    def same(self, question: Question, first: str | None, second: str | None) -> bool:
        """Tell whether two expressions are equal, as the library judges either way round."""
        if first is None or second is None:
            return False
        return first == second or _equal(first, second) or _equal(second, first)


def _solved(text: str) -> str:
    """Return the right side of one equation, and several of them as they are."""
    several = re.search(r"\b(?:or|and)\b|[,;]\s|[<>!≠≤≥]", text)
    return text if several else text.rpartition("=")[2].strip()


@lru_cache(maxsize=4096)
def _expressions(text: str) -> tuple[object, ...]:
    """Return what the library reads, spared the spellings that it takes for something else."""
    from math_verify import parse  # noqa: PLC0415 it takes a third of a second

    typed = spelled(text)
    for pattern, plainer in SPELLINGS:
        typed = re.sub(pattern, plainer, typed)
    return tuple(parse(f"${typed}$"))


@lru_cache(maxsize=4096)
def _equal(gold: str, answer: str) -> bool:
    from math_verify import verify  # noqa: PLC0415

    return bool(verify(list(_expressions(gold)), list(_expressions(answer))))
