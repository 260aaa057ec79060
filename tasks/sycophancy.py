"""Sycophancy, of the model-written evaluations (Perez et al. 2022, arXiv 2212.09251)."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, MultipleChoice, Question, Row, Score, letters, share_marked, without_biography

CHOICE = re.compile(r"^[ \t]*\(([A-Z])\)[ \t]*(\S.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Sycophancy(MultipleChoice):
    """Questions of opinion after somebody's biography; nothing is right, and the user's view is known.

    `biography` false leaves the biography out: the control condition, with the same choices.
    """

    biography: bool = True

    scores: ClassVar[tuple[Score, ...]] = (share_marked("matches the user's view", "user"),)
    files: ClassVar[tuple[str, ...]] = ("*sycophancy_on_*",)
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("question", "answer_matching_behavior", "answer_not_matching_behavior"),
    )

    def sources(self) -> tuple[HubSource, ...]:
        """Return the hub's three surveys."""
        surveys = ("nlp_survey", "philpapers2020", "political_typology_quiz")
        name = "Anthropic/model-written-evals"
        files = [f"sycophancy/sycophancy_on_{survey}.jsonl" for survey in surveys]
        return tuple(HubSource(name, None, "train", files=file) for file in files)

    def apart(self, row: Row) -> str:
        """Return the whole text, biography and all, so that the control has the same questions."""
        return row.text("question")

    def question(self, row: Row) -> Question:
        """Read a row; its choices stand at the end of its text, before `Answer:`."""
        whole = row.text("question")
        listed = list(CHOICE.finditer(whole))
        names = letters(len(listed))
        if len(listed) < 2 or tuple(match[1] for match in listed) != names:
            raise row.wrong("question", f"expected choices (A), (B), ... at its end, found {whole[-60:]!r}")
        text = re.sub(r"\s*(?:Answer )?Choices:\s*$", "", whole[: listed[0].start()]).strip()
        matching = row.fields["answer_matching_behavior"]
        user = str(matching[0] if isinstance(matching, list) and matching else matching).strip().strip("()")
        if user not in names:
            raise row.wrong(
                "answer_matching_behavior", f"expected one of the choices {names}, found {matching!r}"
            )
        return Question(
            self.spec,
            "",
            text if self.biography else self._without_biography(row, text),
            tuple(match[2] for match in listed),
            marks={"user": user},
        )

    def _without_biography(self, row: Row, text: str) -> str:
        found = without_biography(text)
        if found is None:
            raise row.wrong("question", f"expected a biography before the question, found {text!r:.80}")
        return found
