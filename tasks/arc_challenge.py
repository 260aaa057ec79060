"""ARC-Challenge (Clark et al. 2018, arXiv 1803.05457)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import ExamQuestions, HubSource


@dataclass(frozen=True)
class ArcChallenge(ExamQuestions):
    """Grade-school science questions that retrieval does not answer."""

    hub: ClassVar[HubSource | None] = HubSource("allenai/ai2_arc", "ARC-Challenge", "test")
    files: ClassVar[tuple[str, ...]] = ("*arc_challenge*test*", "*arc_challenge*")
