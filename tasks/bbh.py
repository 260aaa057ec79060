"""BIG-Bench Hard (Suzgun et al. 2022, arXiv 2210.09261)."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import (
    HubSource,
    MultipleChoice,
    Question,
    Row,
    answer_part,
    letters,
    parse_choice,
    parse_number,
    unknown,
)

SUBTASKS = """
boolean_expressions causal_judgement date_understanding disambiguation_qa dyck_languages formal_fallacies
geometric_shapes hyperbaton logical_deduction_five_objects logical_deduction_seven_objects
logical_deduction_three_objects movie_recommendation multistep_arithmetic_two navigate object_counting
penguins_in_a_table reasoning_about_colored_objects ruin_names salient_translation_error_detection snarks
sports_understanding temporal_sequences tracking_shuffled_objects_five_objects
tracking_shuffled_objects_seven_objects tracking_shuffled_objects_three_objects web_of_lies word_sorting
""".split()  # noqa: SIM905 a list would take a page
UNLISTED = (("Yes", "No"), ("yes", "no"), ("True", "False"), ("valid", "invalid"))
"""The choices of questions that do not list theirs."""


@dataclass(frozen=True)
class Bbh(MultipleChoice):
    """Questions hard for language models, of 27 subtasks or of the one that `subtask` names.

    Four subtasks have no choices and are asked in words: two for numbers, one for brackets, one for words.
    """

    subtask: str = ""

    answer_tokens: ClassVar[int] = 96  # twenty words, or forty brackets

    files: ClassVar[tuple[str, ...]] = ("|".join(f"*{name}.*" for name in SUBTASKS), "*bbh*")
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (("input", "target"),)

    def __post_init__(self) -> None:
        if self.subtask and self.subtask not in SUBTASKS:
            raise unknown("subtask of bbh", self.subtask, SUBTASKS)

    def sources(self) -> tuple[HubSource, ...]:
        """Return the hub's configuration of each subtask."""
        names = [self.subtask] if self.subtask else SUBTASKS
        return tuple(HubSource("SaylorTwift/bbh", name, "test") for name in names)

    def question(self, row: Row) -> Question | None:
        """Read a row; its choices stand at the end of its text, or are yes and no or the like."""
        subtask = row.folder if row.folder in SUBTASKS else row.stem
        if self.subtask not in ("", subtask):
            return None
        asked, _, listed = row.text("input").partition("\nOptions:")
        target, text = row.written("target"), asked.removeprefix("Question:").strip()
        if subtask in IN_WORDS:
            gold = IN_WORDS[subtask](target)
            if gold is None:
                raise row.wrong("target", f"expected an answer of {subtask}, found {target!r:.80}")
            return Question(self.spec, "", text, gold=gold, labels={"subtask": subtask})
        choices = tuple(re.findall(r"^(?:\([A-Z]\)|-)[ \t]*(\S.*?)\s*$", listed, re.MULTILINE))
        if not choices:
            choices = next((pair for pair in UNLISTED if target in pair), ())
        if not choices:
            raise row.wrong("target", f"expected a choice, found the free answer {target!r:.80}")
        names = letters(len(choices))
        answers = [f"({name})" for name in names] if target.startswith("(") else list(choices)
        gold = names[row.place("target", answers)]
        return Question(self.spec, "", text, choices, gold, labels={"subtask": subtask})

    def parse(self, question: Question, completion: str) -> str | None:
        """Return the choice that was written, or the number, the brackets or the words."""
        if question.choices:
            return parse_choice(completion, question.choices)
        return IN_WORDS[question.labels["subtask"]](completion)


def parse_brackets(completion: str) -> str | None:
    """Read brackets, with one space between them; None where anything else but quotation marks is said."""
    brackets = "".join(answer_part(completion).split()).rstrip(".").strip("`'\"$")
    return " ".join(brackets) if re.fullmatch(r"[][(){}<>]+", brackets) else None


def parse_sequence(completion: str) -> str | None:
    """Read words in their order, in lower case, with spaces or commas between them; None where none stand."""
    listed = re.sub(r",\s+and\s+", " ", answer_part(completion).casefold()).rpartition(":")[2]
    words = [word.strip("`'\"*.") for word in re.split(r"[\s,;]+", listed)]
    spoken = [word for word in words if word]
    return " ".join(spoken) if spoken and not any(map(str.isdecimal, spoken)) else None


IN_WORDS = {
    "dyck_languages": parse_brackets,
    "multistep_arithmetic_two": parse_number,
    "object_counting": parse_number,
    "word_sorting": parse_sequence,
}
"""What reads the answers of the subtasks without choices."""
