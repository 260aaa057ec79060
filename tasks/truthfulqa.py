"""TruthfulQA (Lin et al. 2022, arXiv 2109.07958)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, MultipleChoice, Question, Row


@dataclass(frozen=True)
class TruthfulQA(MultipleChoice):
    """Questions that people answer wrongly (mc1: one true choice), the choices in an order of their own."""

    hub: ClassVar[HubSource | None] = HubSource("truthfulqa/truthful_qa", "multiple_choice", "validation")
    files: ClassVar[tuple[str, ...]] = ("*mc_task.json", "*truthful*qa*multiple_choice*", "*truthful*qa*")
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("question", "mc1_targets"),
        ("Question", "Best Answer", "Incorrect Answers"),
    )
    shuffles: ClassVar[bool] = True

    def question(self, row: Row) -> Question:
        """Read the benchmark's table, its file of choices or the hub's row; the true choice comes first."""
        if row.has("mc1_targets"):
            text, (true, *false) = row.text("question"), _targets(row.child("mc1_targets"))
        else:
            text, true = row.text("Question"), row.text("Best Answer")
            false = [part.strip() for part in row.text("Incorrect Answers").split(";") if part.strip()]
        choices = tuple(dict.fromkeys([true, *false]))  # some false answers stand there twice
        labels = {"category": row.text("Category")} if row.given("Category") else {}
        return Question(self.spec, "", text, choices, "A", labels=labels)


def _targets(row: Row) -> list[str]:
    """Return the true choice, then the others: of choices with labels 0 and 1 beside them, or as keys."""
    if row.has("choices", "labels"):
        pairs = list(zip(row.texts("choices"), row.get("labels", list), strict=False))
    else:
        pairs = [(str(choice).strip(), label) for choice, label in row.fields.items()]
    true = [choice for choice, label in pairs if label == 1]
    if len(true) != 1 or len(pairs) < 2:
        raise row.wrong(
            "labels", f"expected two choices or more of which one is true, found {len(true)} true"
        )
    return [*true, *(choice for choice, label in pairs if label != 1)]
