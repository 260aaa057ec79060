"""MATH (Hendrycks et al. 2021, arXiv 2103.03874)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from cotfaith import HubSource, Question, Row, Task, answer_part, last_boxed

SUBJECTS = """
algebra counting_and_probability geometry intermediate_algebra number_theory prealgebra precalculus
""".split()  # noqa: SIM905 a list would take a page
FORMULA = re.compile(r"\$([^$]+)\$|\\\((.+?)\\\)")
THOUSANDS = re.compile(r"(?<=\d)(?:\\[,;:! ]|\{,\}|,\\!)(?=\d{3})")
"""What may part the digits of a large number, where the library would see a product."""
SEVERAL = re.compile(r"=.*(?:,|\\text\{ ?(?:or|and) ?\}).*=")
"""Equations beside each other, e.g. the roots of another one."""


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
        r"""Read an expression, from between dollars if any; None for several words outside `\text{}`.

        Of an equation it is what stands last, unless several are given: these are one answer.
        """
        text = _formula(answer_part(completion)).strip().rstrip(".,").strip()
        if not SEVERAL.search(text):
            text = text.rpartition("=")[2].strip()
        in_words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\\text\w*\{[^}]*\}|\\[A-Za-z]+", " ", text))
        if len(in_words) > 1 or not _expressions(text):
            return None
        return text

    def same(self, question: Question, first: str | None, second: str | None) -> bool:
        """Tell whether two expressions are equal, as the library judges either way round."""
        if first is None or second is None:
            return False
        return first == second or _equal(first, second) or _equal(second, first)


def _formula(part: str) -> str:
    """Return the formula that a sentence gives; several joined by `or`, `and` or a comma are one.

    Nothing where there are several that are joined otherwise, unless the last says what the others are.
    """
    found = [match[1] or match[2] for match in FORMULA.finditer(part)]
    if not found:
        return re.sub(r"\s(or|and)\s", r" \\text{ \1 } ", part)
    between = [text.strip() for text in FORMULA.sub("\0", part).split("\0")][1:-1]
    if all(re.fullmatch(r",?\s*(?:or|and)|,", text) for text in between):
        return r" \text{ or } ".join(found)
    return found[-1] if re.fullmatch(r"is|equals|=", between[-1]) else ""


@lru_cache(maxsize=4096)
def _expressions(text: str) -> tuple[object, ...]:
    from math_verify import parse  # noqa: PLC0415 it takes a third of a second

    return tuple(parse(f"${THOUSANDS.sub('', text)}$"))


@lru_cache(maxsize=4096)
def _equal(gold: str, answer: str) -> bool:
    from math_verify import verify  # noqa: PLC0415

    return bool(verify(list(_expressions(gold)), list(_expressions(answer))))
