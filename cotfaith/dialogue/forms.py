"""The forms in which a dialogue is written for a model: plain text, or the model's own chat template."""

import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, Protocol

from jinja2 import TemplateError

from cotfaith.dialogue.prompts import STOP_STRINGS, plain_text
from cotfaith.dialogue.thinking import ROLES, markers_in, state_of
from cotfaith.errors import InputError
from cotfaith.schema import Dialogue, Turn

log = logging.getLogger(__name__)


class Form(Protocol):
    """How a dialogue becomes one text, which ends where the model goes on."""

    @property
    def name(self) -> str:
        """Part of the model's fingerprint."""

    writes_special_tokens: bool
    """Whether the text holds all special tokens, so that the tokenizer must add none."""

    def render(self, dialogue: Dialogue) -> str:
        """Write a dialogue as the model reads it."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What would be read as the border of a turn if it stood in a question."""

    @property
    def never(self) -> tuple[str, ...]:
        """What would be read as a border wherever it stood."""

    @property
    def told(self) -> str:
        """What a reader must know of the form."""

    def spoken(self, turn: Turn) -> str:
        """Return what of a turn the text holds."""

    def stops(self, dialogue: Dialogue) -> tuple[str, ...] | None:
        """Return with what a continuation ends; None: as is asked."""


class AsTurns:
    """What forms have in common that write every turn of a dialogue."""

    never: tuple[str, ...] = ()
    told = ""

    def spoken(self, turn: Turn) -> str:
        """Return what of a turn the text holds."""
        return turn.text

    def stops(self, dialogue: Dialogue) -> tuple[str, ...] | None:
        """Return with what a continuation ends; None: as is asked."""
        return None


class Plain(AsTurns):
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


def tell_unasked_thinking(tokenizer: Any, source: str) -> None:
    """Say that a model is asked plainly whose chat template has blocks of thinking."""
    markers = markers_in(tokenizer.get_chat_template()) if tokenizer.chat_template else None
    if markers is not None:
        log.warning(
            "model %r: its chat template has blocks of thinking (%s), and it is asked in the plain dialogue, "
            "outside of them. A model that was trained to think in them is asked so with --thinking.",
            source, markers.opening.strip(),
        )  # fmt: skip


class Chat(AsTurns):
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
        self._tell_thinking(source, whole)

    @cached_property
    def _tells_the_last(self) -> bool:
        """Whether the assistant's last turn is written otherwise than when another one follows."""
        return not self._written(EXAMPLE).startswith(self._written(EXAMPLE[:2]))

    def render(self, dialogue: Dialogue) -> str:
        """Write a dialogue as the model reads it.

        Reasoning, or the first turn of the assistant, is written as when the answer is asked behind it: else
        a model would reason behind another text than that in which its reasoning is read.
        """
        only = len([turn for turn in dialogue if turn.role == "assistant"]) == 1
        if not (only or dialogue[-1].reasoning is not None) or not self._tells_the_last:
            return self._written(dialogue)
        whole = self._written((*dialogue, *EXAMPLE[2:]))
        begun = dialogue[-1].text.rstrip()  # some templates trim what a turn says
        start = whole.rfind(begun, 0, whole.rfind(EXAMPLE[2].text))
        if start < 0:
            raise ValueError(f"the template does not write {begun!r:.80}")
        return whole[: start + len(begun)]

    def _tell_thinking(self, source: str, asked: str) -> None:
        """Say in which state a block of thinking is where the model answers; refuse an open one."""
        markers = markers_in(self._tokenizer.get_chat_template())
        if markers is None:
            return
        state = state_of(asked[asked.rfind(EXAMPLE[2].text) :], markers)
        if state == "open":
            raise InputError(
                f"model {source!r}: its chat template leaves the answer inside of a block of thinking that "
                f"it opens with {markers.opening.strip()}; not for --chat."
            )
        told = {"none": "there is none", "empty": "it is closed and empty", "closed": "it is closed"}[state]
        log.warning(
            "model %r: its chat template has blocks of thinking (%s). With --chat the reasoning stands "
            "outside of them; where the model answers, %s.",
            source, markers.opening.strip(), told,
        )  # fmt: skip

    def _written(self, dialogue: Dialogue) -> str:
        messages = [{"role": ROLES[turn.role], "content": turn.text} for turn in dialogue]
        with self._pinned():
            text = self._tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
        return str(text)

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """What the template writes between turns, line by line; a bare word marks nothing by itself."""
        pieces = re.split("Why[?]|Because:", self.render(EXAMPLE))[1:]
        lines = {line.strip() for piece in pieces for line in piece.splitlines()}
        return tuple(sorted(line for line in lines if line and not line.isalnum()))
