"""LogiQA (Liu et al. 2020, arXiv 2007.08124)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cotfaith import (
    HubSource,
    InputError,
    MultipleChoice,
    OtherContentError,
    Question,
    Row,
    ending,
    letters,
    read_text,
    split_lines,
)

BLOCK = 7  # answer, context, question, four options


@dataclass(frozen=True)
class LogiQA(MultipleChoice):
    """Logical reasoning from the Chinese civil service examination, in English."""

    hub: ClassVar[HubSource | None] = HubSource(
        "lucasmccabe/logiqa", None, "test", revision="refs/convert/parquet"
    )
    files: ClassVar[tuple[str, ...]] = (
        "*logiqa/test.txt|*logiqa_dataset*/test.txt",
        "*logiqa*test*",
        "*logiqa*",
    )
    schemas: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("context", "query", "options", "correct_option"),
        ("context", "question", "options", "label"),
        ("text", "question", "options", "answer"),
    )

    def rows(self, path: Path) -> Iterator[Row | InputError]:
        """Read blocks of lines, as its first version's own files have them, or one of the other formats."""
        if ending(path) == ".txt" and not (text := read_text(path)).lstrip().startswith(("{", "[")):
            return _blocks(path, text)
        return super().rows(path)

    def question(self, row: Row) -> Question:
        """Read a row; the context stands before the question."""
        context = row.text("context" if row.has("context") else "text")
        asked = row.text("query" if row.has("query") else "question")
        options = tuple(re.sub(r"^[A-D]\.\s*", "", option) for option in row.texts("options"))
        names = letters(len(options))
        if row.has("label"):
            gold = row.place("label", [name.lower() for name in names])
        else:
            gold = row.index("correct_option" if row.has("correct_option") else "answer", len(options))
        return Question(self.spec, "", f"{context}\n{asked}", options, names[gold])


def _blocks(path: Path, text: str) -> Iterator[Row | InputError]:
    lines = [(number, line.strip()) for number, line in enumerate(split_lines(text), 1)]
    written = [(number, line) for number, line in lines if line]
    for start in range(0, len(written), BLOCK):
        number, answer = written[start]
        where = f"{path}, line {number}"
        texts = [line for _, line in written[start + 1 : start + BLOCK]]
        if answer not in ("a", "b", "c", "d") or len(texts) != BLOCK - 1:
            error = OtherContentError if start == 0 else InputError
            raise error(f"{where}: expected a block of {BLOCK} lines that begins with a, b, c or d.")
        yield Row(where, {"label": answer, "context": texts[0], "question": texts[1], "options": texts[2:]})
