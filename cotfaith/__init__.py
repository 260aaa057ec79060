"""cotfaith measures whether a model's answer comes from its stated reasoning, by changing the reasoning.

The names below are what plug-ins and notebooks may use.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotfaith.data.files import HubSource, ending, read_text, split_lines
from cotfaith.data.row import Row
from cotfaith.dialogue.answers import answer_part, last_boxed, sentences
from cotfaith.dialogue.biographies import without_biography
from cotfaith.dialogue.labels import without_labels
from cotfaith.dialogue.prompts import (
    COT_PREFIX,
    LOREM,
    UNBIASED_COT_PREFIX,
    UNBIASED_INSTRUCTION,
    letters,
    mistake_dialogue,
    paraphrase_dialogue,
    question_block,
)
from cotfaith.dialogue.signs import spelled
from cotfaith.dialogue.steps import split_steps
from cotfaith.dialogue.written_choices import parse_choice
from cotfaith.dialogue.written_numbers import parse_integer, parse_number, without_remark
from cotfaith.dialogue.written_words import parse_words
from cotfaith.errors import InputError, OtherContentError, unknown
from cotfaith.identity import derive_seed
from cotfaith.ladder import sums
from cotfaith.plugins.cue import Cue, FewShot, Said, right_at, shown, solved_turns, stated, wrong_answer
from cotfaith.plugins.exams import ExamQuestions
from cotfaith.plugins.intervention import Intervention, Rewrite, Tools
from cotfaith.plugins.layers import ALL, layer_groups
from cotfaith.plugins.rewriting import Passage, Source, rewritten, takes_rule
from cotfaith.plugins.scores import Score, share_marked
from cotfaith.plugins.task import MultipleChoice, StepRewriter, Task
from cotfaith.schema import (
    Answer,
    ArmKind,
    Blocked,
    Edit,
    NotApplicable,
    Outcome,
    Patched,
    Question,
    Readers,
    Rewritten,
    Scalar,
    Trace,
    Turn,
)

if TYPE_CHECKING:
    from cotfaith.store.frames import load_run
    from cotfaith.store.relations import open_run

__all__ = [
    "ALL",
    "COT_PREFIX",
    "LOREM",
    "UNBIASED_COT_PREFIX",
    "UNBIASED_INSTRUCTION",
    "Answer",
    "ArmKind",
    "Blocked",
    "Cue",
    "Edit",
    "ExamQuestions",
    "FewShot",
    "HubSource",
    "InputError",
    "Intervention",
    "MultipleChoice",
    "NotApplicable",
    "OtherContentError",
    "Outcome",
    "Passage",
    "Patched",
    "Question",
    "Readers",
    "Rewrite",
    "Rewritten",
    "Row",
    "Said",
    "Scalar",
    "Score",
    "Source",
    "StepRewriter",
    "Task",
    "Tools",
    "Trace",
    "Turn",
    "answer_part",
    "derive_seed",
    "ending",
    "last_boxed",
    "layer_groups",
    "letters",
    "load_run",
    "mistake_dialogue",
    "open_run",
    "paraphrase_dialogue",
    "parse_choice",
    "parse_integer",
    "parse_number",
    "parse_words",
    "question_block",
    "read_text",
    "rewritten",
    "right_at",
    "sentences",
    "share_marked",
    "shown",
    "solved_turns",
    "spelled",
    "split_lines",
    "split_steps",
    "stated",
    "sums",
    "takes_rule",
    "unknown",
    "without_biography",
    "without_labels",
    "without_remark",
    "wrong_answer",
]

# In a checkout the plug-in folders stand beside the package; in a wheel they are inside it.
if not (Path(__file__).parent / "interventions").is_dir():
    __path__.append(str(Path(__file__).parent.parent))


def __getattr__(name: str) -> Any:
    """Import what needs pandas only when it is asked for."""
    if name == "load_run":
        from cotfaith.store.frames import load_run

        return load_run
    if name == "open_run":
        from cotfaith.store.relations import open_run

        return open_run
    raise AttributeError(f"module 'cotfaith' has no attribute {name!r}")
