"""ARC-Challenge: grade-school science questions (Clark et al. 2018, arXiv 1803.05457)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, MultipleChoice, Question, Row, letters


@dataclass(frozen=True)
class ArcChallenge(MultipleChoice):
    """Grade-school science questions that retrieval does not answer."""

    hub: ClassVar[HubSource] = HubSource("allenai/ai2_arc", "ARC-Challenge", "test")

    def question(self, row: Row) -> Question:
        """Read AI2's own schema or the hub's; labels may be letters or numbers."""
        if isinstance(row.fields.get("question"), dict):
            text, options = self._ai2(row.child("question"))
        else:
            text, options = row.get("question", str), self._hub(row.child("choices"))
        labels = [label for label, _ in options]
        if not 2 <= len(set(labels)) == len(labels) <= 26:
            raise row.wrong("question", f"expected 2 to 26 choices with labels of their own, found {labels}")
        gold = row.get("answerKey", str)
        if gold not in labels:
            raise row.wrong("answerKey", f"expected one of the labels {labels}, found {gold!r}")
        return Question(
            task=self.spec,
            id=row.get("id", str),
            text=text,
            choices=tuple(choice for _, choice in options),
            gold=letters(len(options))[labels.index(gold)],
        )

    def _ai2(self, question: Row) -> tuple[str, list[tuple[str, str]]]:
        choices = question.children("choices")
        return question.get("stem", str), [(c.get("label", str), c.get("text", str)) for c in choices]

    def _hub(self, choices: Row) -> list[tuple[str, str]]:
        labels, texts = choices.texts("label"), choices.texts("text")
        if len(labels) != len(texts):
            raise choices.wrong("label", f"expected as many as texts ({len(texts)}), found {len(labels)}")
        return list(zip(labels, texts, strict=True))
