"""ARC-Easy (Clark et al. 2018, arXiv 1803.05457)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import ExamQuestions, HubSource


@dataclass(frozen=True)
class ArcEasy(ExamQuestions):
    """Grade-school science questions that retrieval or word overlap answers."""

    hub: ClassVar[HubSource | None] = HubSource("allenai/ai2_arc", "ARC-Easy", "test")
    files: ClassVar[tuple[str, ...]] = ("*arc_easy*test*", "*arc_easy*")
