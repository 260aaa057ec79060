"""How dialogues about sums are written for models in training: plainly, or with a block of thinking."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cotfaith.dialogue.forms import Form, Plain
from cotfaith.dialogue.prompts import SHORT_ANSWER_PREFIX, answer_dialogue, reasoning_dialogue
from cotfaith.dialogue.thinking import Thinking
from cotfaith.ladder.tokenizer import make_thinking_tokenizer, make_tokenizer
from cotfaith.ladder.training import Document
from cotfaith.schema import Question


@dataclass(frozen=True)
class Script:
    """A form of dialogue with its tokenizer."""

    tokenizer: Any
    form: Form
    begins: Callable[[str], str]
    """What reasoning is where it begins: as it is, or without its leading space."""

    def reasoned(self, question: Question, shown: str, more: str, answer: int) -> Document:
        """Show a question and the first part of its reasoning; the rest and the answer are learnt."""
        reasoning = self.begins(shown + more)
        given = self.form.render(reasoning_dialogue(question, self.begins(shown)))
        return Document(self._whole(question, reasoning, answer), given)

    def answered(self, question: Question, reasoning: str, answer: int) -> Document:
        """Show a question with reasoning, or what stands in its place; the answer alone is learnt."""
        whole = self._whole(question, reasoning, answer)
        return Document(whole, given=whole[: whole.rindex(f" {answer}")])

    def _whole(self, question: Question, reasoning: str, answer: int) -> str:
        dialogue = answer_dialogue(question, reasoning, SHORT_ANSWER_PREFIX)
        return f"{self.form.render(dialogue)} {answer}"


def plain() -> Script:
    """Return the paper's dialogue."""
    return Script(make_tokenizer(), Plain(), str)


def thinking() -> Script:
    """Return the form in which reasoning stands in a block of thinking."""
    tokenizer = make_thinking_tokenizer()
    return Script(tokenizer, Thinking(tokenizer, "of the ladder"), str.lstrip)
