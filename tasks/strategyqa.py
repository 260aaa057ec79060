"""StrategyQA (Geva et al. 2021, arXiv 2101.02235)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, MultipleChoice, Question, Row

YES_NO = ("Yes", "No")
GOLD = {"true": "A", "yes": "A", "false": "B", "no": "B"}


@dataclass(frozen=True)
class StrategyQA(MultipleChoice):
    """Yes-or-no questions whose steps must be thought of: what the benchmark's own files have answers to."""

    hub: ClassVar[HubSource | None] = HubSource("ChilleD/StrategyQA", None, "test")
    files: ClassVar[tuple[str, ...]] = (
        "*strategyqa_train.json",
        "*strategy*qa*/dev.*",
        "*strategy*qa*test*",
        "*strategy*qa*",
    )
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (("qid", "question", "answer"),)

    def question(self, row: Row) -> Question:
        """Read a row; the facts and the steps that the benchmark gives are not shown."""
        answer = row.get("answer", object)
        gold = GOLD.get(str(answer).strip().lower()) if isinstance(answer, bool | str) else None
        if gold is None:
            raise row.wrong("answer", f"expected true or false, found {answer!r:.80}")
        return Question(self.spec, row.written("qid"), row.text("question"), YES_NO, gold)
