"""From dialogues to a model's tokens and back."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from cotfaith.errors import InputError
from cotfaith.models.batches import Tokens
from cotfaith.prompts import plain_text
from cotfaith.schema import Dialogue, Turn


class Texts:
    """A tokenizer, and the form in which dialogues are written for it: plain, or its own chat template."""

    def __init__(self, tokenizer: Any, source: str, *, chat: bool) -> None:
        self._tokenizer = tokenizer
        self._source = source
        self._chat = chat
        self._counted: dict[str, int] = {}
        self._closing: dict[tuple[str, ...], set[int]] = {}
        if chat:
            self._check_template()

    @property
    def end(self) -> int | None:
        """The token that ends a text."""
        return self._tokenizer.eos_token_id  # type: ignore[no-any-return]

    def count(self, text: str) -> int:
        """Count the tokens of a text by itself, without special tokens."""
        if text not in self._counted:
            self._counted[text] = len(self._tokenizer(text, add_special_tokens=False).input_ids)
        return self._counted[text]

    @cached_property
    def _each(self) -> list[str]:
        """The text of every token by itself."""
        tokens = [[token] for token in range(len(self._tokenizer))]
        return list(self._tokenizer.batch_decode(tokens, clean_up_tokenization_spaces=False))

    def closers(self, stop: tuple[str, ...]) -> set[int]:
        """Return the tokens with which a stop string can end."""
        if stop not in self._closing:
            last = [text[-1] for text in stop]
            self._closing[stop] = {
                token
                for token, text in enumerate(self._each)
                if any(c in text or not c.isascii() for c in last)
            }
        return self._closing[stop]

    def render(self, dialogue: Dialogue) -> str:
        """Write a dialogue as the model reads it."""
        if not self._chat:
            return plain_text(dialogue)
        roles = {"human": "user", "assistant": "assistant"}
        messages = [{"role": roles[turn.role], "content": turn.text} for turn in dialogue]
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
        return str(text)

    def _check_template(self) -> None:
        """Refuse a template that is missing, or that changes or refuses what the assistant has begun."""
        if not self._tokenizer.chat_template:
            raise InputError(f"model {self._source!r}: its tokenizer has no chat template; not for --chat.")
        begun = (Turn("human", "Why?"), Turn("assistant", "Because:"))
        try:
            whole = self.render((*begun, *begun))
        except (ValueError, TemplateError) as error:
            raise InputError(f"model {self._source!r}: its chat template refuses: {error}.") from error
        if not whole.endswith("Because:") or whole.count("Because:") != 2:
            raise InputError(f"model {self._source!r}: its chat template changes the assistant's turn.")

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenize rendered dialogues; a chat template writes its own special tokens."""
        if not texts:
            return []
        encoded = self._tokenizer(list(texts), add_special_tokens=not self._chat)
        return [tuple(tokens) for tokens in encoded.input_ids]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return str(self._tokenizer.decode(tokens, clean_up_tokenization_spaces=False))
