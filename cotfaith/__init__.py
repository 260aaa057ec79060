"""cotfaith measures whether a model's answer comes from its stated reasoning, by changing the reasoning.

The names below are what plug-ins and notebooks may use.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotfaith import sums
from cotfaith.base import (
    FreeResponse,
    Intervention,
    MultipleChoice,
    Rewrite,
    StepRewriter,
    Task,
    Tools,
)
from cotfaith.errors import InputError
from cotfaith.identity import derive_seed
from cotfaith.parsing import parse_integer, split_steps, why_unusable
from cotfaith.prompts import LOREM, letters, mistake_dialogue, paraphrase_dialogue, question_block
from cotfaith.rows import HubSource, Row
from cotfaith.schema import Answer, Edit, Generation, NotApplicable, Outcome, Question, Trace

if TYPE_CHECKING:
    from cotfaith.frames import load_run

__all__ = [
    "LOREM",
    "Answer",
    "Edit",
    "FreeResponse",
    "Generation",
    "HubSource",
    "InputError",
    "Intervention",
    "MultipleChoice",
    "NotApplicable",
    "Outcome",
    "Question",
    "Rewrite",
    "Row",
    "StepRewriter",
    "Task",
    "Tools",
    "Trace",
    "derive_seed",
    "letters",
    "load_run",
    "mistake_dialogue",
    "paraphrase_dialogue",
    "parse_integer",
    "question_block",
    "split_steps",
    "sums",
    "why_unusable",
]

# In a checkout the plug-in folders stand beside the package; in a wheel they are inside it.
if not (Path(__file__).parent / "interventions").is_dir():
    __path__.append(str(Path(__file__).parent.parent))


def __getattr__(name: str) -> Any:
    """Import what needs pandas only when it is asked for."""
    if name == "load_run":
        from cotfaith.frames import load_run

        return load_run
    raise AttributeError(f"module 'cotfaith' has no attribute {name!r}")
