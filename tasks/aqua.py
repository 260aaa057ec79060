"""AQuA-RAT (Ling et al. 2017, arXiv 1705.04146)."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import HubSource, MultipleChoice, Question, Row, letters


@dataclass(frozen=True)
class Aqua(MultipleChoice):
    """Algebra word problems with five choices."""

    hub: ClassVar[HubSource | None] = HubSource("deepmind/aqua_rat", "raw", "test")
    files: ClassVar[tuple[str, ...]] = ("*aqua*/test.*", "*aqua*test*", "*aqua*")
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (("question", "options", "correct"),)

    def question(self, row: Row) -> Question:
        """Read a row; each option carries its letter, as in `A)12`."""
        options = row.texts("options")
        names = letters(len(options))
        texts = [re.sub(rf"^{name}\s*\)\s*", "", option) for name, option in zip(names, options, strict=True)]
        if any(text in ("", option) for text, option in zip(texts, options, strict=True)):
            raise row.wrong(
                "options", f"expected each to begin with its letter, as in 'A)12', found {options}"
            )
        gold = names[row.place("correct", names)]
        return Question(self.spec, "", row.text("question"), tuple(texts), gold)
