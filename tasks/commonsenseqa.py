"""CommonsenseQA (Talmor et al. 2019, arXiv 1811.00937)."""

from dataclasses import dataclass
from typing import ClassVar

from cotfaith import ExamQuestions, HubSource


@dataclass(frozen=True)
class CommonsenseQA(ExamQuestions):
    """Everyday knowledge: the development questions, since the test has no published answers."""

    hub: ClassVar[HubSource | None] = HubSource("tau/commonsense_qa", None, "validation")
    files: ClassVar[tuple[str, ...]] = ("*dev_rand_split*", "*commonsense*validation*", "*commonsense*")
