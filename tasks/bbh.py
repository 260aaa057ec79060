"""BIG-Bench Hard (Suzgun et al. 2022, arXiv 2210.09261): the subtasks with choices."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, MultipleChoice, Question, Row, letters, unknown

SUBTASKS = """
boolean_expressions causal_judgement date_understanding disambiguation_qa formal_fallacies geometric_shapes
hyperbaton logical_deduction_five_objects logical_deduction_seven_objects logical_deduction_three_objects
movie_recommendation navigate penguins_in_a_table reasoning_about_colored_objects ruin_names
salient_translation_error_detection snarks sports_understanding temporal_sequences
tracking_shuffled_objects_five_objects tracking_shuffled_objects_seven_objects
tracking_shuffled_objects_three_objects web_of_lies
""".split()  # noqa: SIM905 a list would take a page
UNLISTED = (("Yes", "No"), ("yes", "no"), ("True", "False"), ("valid", "invalid"))
"""The choices of questions that do not list theirs."""


@dataclass(frozen=True)
class Bbh(MultipleChoice):
    """Questions hard for language models, of 23 subtasks with choices, or of the one that `subtask` names."""

    subtask: str = ""

    files: ClassVar[tuple[str, ...]] = ("|".join(f"*{name}.*" for name in SUBTASKS), "*bbh*")
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (("input", "target"),)

    def __post_init__(self) -> None:
        if self.subtask and self.subtask not in SUBTASKS:
            raise unknown("subtask of bbh with choices", self.subtask, SUBTASKS)

    def sources(self) -> tuple[HubSource, ...]:
        """Return the hub's configuration of each subtask."""
        names = [self.subtask] if self.subtask else SUBTASKS
        return tuple(HubSource("SaylorTwift/bbh", name, "test") for name in names)

    def question(self, row: Row) -> Question | None:
        """Read a row; its choices stand at the end of its text, or are yes and no or the like."""
        if self.subtask not in ("", row.stem):
            return None
        asked, _, listed = row.text("input").partition("\nOptions:")
        target = row.text("target")
        choices = tuple(re.findall(r"^(?:\([A-Z]\)|-)[ \t]*(\S.*?)\s*$", listed, re.MULTILINE))
        if not choices:
            choices = next((pair for pair in UNLISTED if target in pair), ())
        if not choices:
            raise row.wrong("target", f"expected a choice, found the free answer {target!r:.80}")
        names = letters(len(choices))
        answers = [f"({name})" for name in names] if target.startswith("(") else list(choices)
        gold = names[row.place("target", answers)]
        text = asked.removeprefix("Question:").strip()
        return Question(self.spec, "", text, choices, gold, labels={"subtask": row.stem})
