"""OpenBookQA (Mihaylov et al. 2018, arXiv 1809.02789)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import ExamQuestions, HubSource


@dataclass(frozen=True)
class OpenBookQA(ExamQuestions):
    """Elementary science facts and the common knowledge that goes with them, without the book."""

    hub: ClassVar[HubSource | None] = HubSource("allenai/openbookqa", "main", "test")
    files: ClassVar[tuple[str, ...]] = ("*openbookqa*main/test*", "*openbookqa*test*", "*openbookqa*")
