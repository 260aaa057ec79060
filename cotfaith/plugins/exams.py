"""Exam questions as the Allen Institute writes them, and as the hub does; several benchmarks share both."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith.data.row import Row
from cotfaith.dialogue.prompts import letters
from cotfaith.plugins.task import MultipleChoice
from cotfaith.schema import Question


@dataclass(frozen=True)
class ExamQuestions(MultipleChoice):
    """Questions with an id, labelled choices and an answer key. Labels may be letters or numbers."""

    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("question", "answerKey"),
        ("question_stem", "choices", "answerKey"),
    )

    def question(self, row: Row) -> Question:
        """Read a row; the choices are lettered anew in their order."""
        if isinstance(row.fields.get("question"), dict):
            asked = row.child("question")
            text = asked.text("stem")
            options = [(c.text("label"), c.text("text")) for c in asked.children("choices")]
        else:
            text = row.text("question_stem" if row.has("question_stem") else "question")
            options = _paired(row.child("choices"))
        labels = [label for label, _ in options]
        if len(set(labels)) != len(labels):
            raise row.wrong("choices", f"expected labels of their own, found {labels}")
        return Question(
            task=self.spec,
            id=row.written("id"),
            text=text,
            choices=tuple(choice for _, choice in options),
            gold=letters(len(options))[row.place("answerKey", labels)],
        )


def _paired(choices: Row) -> list[tuple[str, str]]:
    labels, texts = choices.texts("label"), choices.texts("text")
    if len(labels) != len(texts):
        raise choices.wrong("label", f"expected as many as texts ({len(texts)}), found {len(labels)}")
    return list(zip(labels, texts, strict=True))
