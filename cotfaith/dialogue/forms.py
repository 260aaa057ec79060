"""The forms in which a dialogue is written for a model: plain text, or the model's own chat template."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, Protocol

from jinja2 import TemplateError

from cotfaith.dialogue.prompts import STOP_STRINGS, plain_text
from cotfaith.errors import InputError
from cotfaith.schema import Dialogue, Turn


class Form(Protocol):
    """How a dialogue becomes one text, which ends where the model goes on."""

    name: str
    """Part of the model's fingerprint."""
    writes_special_tokens: bool
    """Whether the text holds all special tokens, so that the tokenizer must add none."""

    def render(self, dialogue: Dialogue) -> str:
        """Write a dialogue as the model reads it."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What would be read as the border of a turn if it stood in a question."""


class Plain:
    """The paper's dialogue, for models without a form of their own."""

    name = "plain"
    writes_special_tokens = False
    marks = STOP_STRINGS

    def render(self, dialogue: Dialogue) -> str:
        """Write a dialogue as the model reads it."""
        return plain_text(dialogue)


EXAMPLE = (Turn("human", "Why?"), Turn("assistant", "Because:")) * 2
"""A dialogue by which a template is known."""
RENDERED_TIMES = 8


class Chat:
    """The chat template of a tokenizer."""

    name = "chat"
    writes_special_tokens = True

    def __init__(
        self, tokenizer: Any, source: str, pinned: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        """Refuse a template that is missing, that changes what the assistant has begun, or changes by itself.

        Within `pinned` the date that a template may print is always the same.
        """
        self._tokenizer = tokenizer
        self._pinned = pinned
        if not tokenizer.chat_template:
            raise InputError(f"model {source!r}: its tokenizer has no chat template; not for --chat.")
        try:
            whole, *again = (self.render(EXAMPLE) for _ in range(RENDERED_TIMES))
        except (ValueError, TemplateError) as error:
            raise InputError(f"model {source!r}: its chat template refuses: {error}.") from error
        if not whole.endswith("Because:") or whole.count("Because:") != 2:
            raise InputError(f"model {source!r}: its chat template changes the assistant's turn.")
        if {whole} != {*again}:
            raise InputError(f"model {source!r}: its chat template writes a dialogue in several ways.")

    def render(self, dialogue: Dialogue) -> str:
        """Write a dialogue as the model reads it."""
        roles = {"system": "system", "human": "user", "assistant": "assistant"}
        messages = [{"role": roles[turn.role], "content": turn.text} for turn in dialogue]
        with self._pinned():
            text = self._tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
        return str(text)

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """What the template writes between turns, line by line; a bare word marks nothing by itself."""
        pieces = re.split("Why[?]|Because:", self.render(EXAMPLE))[1:]
        lines = {line.strip() for piece in pieces for line in piece.splitlines()}
        return tuple(sorted(line for line in lines if line and not line.isalnum()))
