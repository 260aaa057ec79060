"""BIG-bench (Srivastava et al. 2022, arXiv 2206.04615): its tasks that are JSON files."""

import math
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import MultipleChoice, Question, Row, letters

BY_CHOICE = "multiple_choice_grade"


@dataclass(frozen=True)
class BigBench(MultipleChoice):
    """All tasks of a file or folder, or the one that `subtask` names; by letter where they have choices.

    A task with both choices and answers in words is asked as its `preferred_score` says.
    """

    subtask: str = ""

    files: ClassVar[tuple[str, ...]] = ("*/task.json*", "*big*bench*")
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (("input", "target_scores"), ("input", "target"))
    answer_tokens: ClassVar[int] = 32

    def question(self, row: Row) -> Question | None:
        """Read a row; the text that stands before all of a task's questions stands before each."""
        task = Row(row.where, row.around)
        subtask = task.text("name") if task.given("name") else row.folder if row.stem == "task" else row.stem
        if self.subtask not in ("", subtask, row.folder):
            return None
        lines = [task.text("task_prefix")] if task.given("task_prefix") else []
        in_words = row.given("target") and task.fields.get("preferred_score", BY_CHOICE) != BY_CHOICE
        by_choice = row.given("target_scores") and not in_words
        choices, right = _scored(row) if by_choice else ((), self._read(row))
        return Question(
            self.spec,
            "",
            "\n".join([*lines, row.text("input")]),
            choices,
            right[0],
            labels={"subtask": subtask},
            accepted=right[1:],
        )

    def _read(self, row: Row) -> tuple[str, ...]:
        """Return the answers in words, as they are compared, each once."""
        answers = row.all_written("target")
        read = [self.parse(Question("", "", ""), answer) for answer in answers]
        found = [answer for answer in read if answer is not None]
        if len(found) < len(answers):
            raise row.wrong("target", f"expected short answers, found {list(answers)!r:.80}")
        return tuple(dict.fromkeys(found))


def _scored(row: Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the choices and the letters of those with the best score."""
    scores = row.get("target_scores", dict)
    choices = Row(row.where, {"target_scores": [*scores]}).texts("target_scores")
    if not all(isinstance(s, int) or (isinstance(s, float) and math.isfinite(s)) for s in scores.values()):
        raise row.wrong("target_scores", f"expected a number for each choice, found {scores!r:.80}")
    best = max(scores.values())
    right = tuple(name for name, s in zip(letters(len(scores)), scores.values(), strict=True) if s == best)
    if len(right) == len(scores):
        raise row.wrong("target_scores", f"expected some choices with a better score, found {scores!r:.80}")
    return choices, right
