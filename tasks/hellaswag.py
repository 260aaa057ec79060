"""HellaSwag (Zellers et al. 2019, arXiv 1905.07830)."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, MultipleChoice, Question, Row, letters

ASKED = "Which ending makes the most sense?"  # the data set only has beginnings and endings


@dataclass(frozen=True)
class HellaSwag(MultipleChoice):
    """Which of four endings continues a description of an activity."""

    hub: ClassVar[HubSource | None] = HubSource("Rowan/hellaswag", None, "validation")
    files: ClassVar[tuple[str, ...]] = ("*hellaswag*val*", "*hellaswag*")
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (("ctx", "endings"), ("ctx_a", "ctx_b", "endings"))

    def question(self, row: Row) -> Question:
        """Read a row; the context is joined from its sentence and the beginning of the next one."""
        beginning = row.get("ctx_b", str).strip() if row.has("ctx_a", "ctx_b") else ""
        first = row.get("ctx_a", str).strip() if beginning else row.text("ctx")
        context = _plain(f"{first} {beginning[:1].upper()}{beginning[1:]}")
        activity = row.text("activity_label")
        endings = tuple(_plain(ending) for ending in row.texts("endings"))
        return Question(
            self.spec,
            row.written("ind"),
            f"{ASKED}\n{activity}: {context}",
            endings,
            letters(len(endings))[row.index("label", len(endings))],
            labels={"activity": activity},
        )


def _plain(text: str) -> str:
    """Take out the marks of WikiHow's layout, such as `[title]`."""
    unmarked = re.sub(r"\[\w+\]", " ", text)
    return re.sub(r"\s+", " ", unmarked).strip()
