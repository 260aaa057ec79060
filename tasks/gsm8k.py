"""GSM8K (Cobbe et al. 2021, arXiv 2110.14168)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, Question, Row, Task, parse_number


@dataclass(frozen=True)
class Gsm8k(Task):
    """Grade-school word problems; the answer is a number."""

    hub: ClassVar[HubSource | None] = HubSource("openai/gsm8k", "main", "test")
    files: ClassVar[tuple[str, ...]] = (
        "*gsm8k*/test.*",
        "*grade_school_math*/test.*",
        "*gsm8k*test*",
        "*gsm8k*",
    )
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (("question", "answer"),)

    def question(self, row: Row) -> Question:
        """Read a row; the answer stands behind four hashes, after the worked solution."""
        _, marked, written = row.text("answer").rpartition("####")
        gold = parse_number(written)
        if not marked or gold is None:
            raise row.wrong(
                "answer", f"expected '#### NUMBER' at its end, found {row.text('answer')[-40:]!r}"
            )
        return Question(self.spec, "", row.text("question"), gold=gold)

    def parse(self, question: Question, completion: str) -> str | None:
        """Read a number."""
        return parse_number(completion)
