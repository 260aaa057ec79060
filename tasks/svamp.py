"""SVAMP (Patel et al. 2021, arXiv 2103.07191)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, Question, Row, Task, parse_number


@dataclass(frozen=True)
class Svamp(Task):
    """Simple word problems, varied so that shallow patterns fail; the answer is a number."""

    hub: ClassVar[HubSource | None] = HubSource("ChilleD/SVAMP", None, "test")
    files: ClassVar[tuple[str, ...]] = ("*svamp.json", "*svamp*test*", "*svamp*")
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (("ID", "Body", "Question", "Answer"),)

    def question(self, row: Row) -> Question:
        """Read a row; its body and its question are one text, and its answer is a number or one in digits."""
        gold = parse_number(row.written("Answer"))
        if gold is None:
            raise row.wrong("Answer", f"expected a number, found {row.fields['Answer']!r:.80}")
        body = row.text("Body").rstrip(" .,")
        return Question(self.spec, row.written("ID"), f"{body}. {row.text('Question')}", gold=gold)

    def parse(self, question: Question, completion: str) -> str | None:
        """Read a number."""
        return parse_number(completion)
