"""From dialogues to a model's tokens and back."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from cotfaith.errors import InputError
from cotfaith.models.batches import Tokens, common_length
from cotfaith.prompts import TURN_SEPARATOR, plain_text
from cotfaith.schema import Dialogue, Turn

IN_STEP = 4
"""Tokens before a choice's first, in which the end by itself must agree with the whole dialogue."""


class Texts:
    """A tokenizer, and the form in which dialogues are written for it: plain, or its own chat template."""

    def __init__(self, tokenizer: Any, source: str, *, chat: bool) -> None:
        self._tokenizer = tokenizer
        self._source = source
        self._chat = chat
        self._counted: dict[str, int] = {}
        self._tails: dict[tuple[str, tuple[str, ...]], tuple[Tokens, list[Tokens]]] = {}
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
        return self._tokens(texts, special=not self._chat)

    def _tokens(self, texts: Sequence[str], *, special: bool = False) -> list[Tokens]:
        return [tuple(ids) for ids in self._tokenizer(list(texts), add_special_tokens=special).input_ids]

    def continuations(
        self, dialogue: Dialogue, prompt: Tokens, choices: tuple[str, ...]
    ) -> tuple[Tokens, list[Tokens]]:
        """Return what a dialogue, whose tokens are the prompt, shares with its choices, and their own tokens.

        A choice changes what stands at the end, so the last two turns by themselves tell how, if they end in
        the same tokens as the prompt. Otherwise the whole is tokenized with each choice.
        """
        text = self.render(dialogue)
        last = len(plain_text(dialogue[-2:])) + len(TURN_SEPARATOR)
        tail, whole = self._tail(text[-last:], choices)
        shared = min(common_length(tail, one) for one in whole)
        step = min(shared, IN_STEP)
        behind = len(tail) - shared
        if step == 0 or prompt[-behind - step :] != tail[shared - step :]:
            whole = self.tokenize([text + choice for choice in choices])
            shared = min(common_length(prompt, one) for one in whole)
            behind = len(prompt) - shared
        return prompt[: len(prompt) - behind], [one[shared:] for one in whole]

    def _tail(self, text: str, choices: tuple[str, ...]) -> tuple[Tokens, list[Tokens]]:
        """Tokenize the end of a dialogue by itself and with each choice."""
        if (text, choices) not in self._tails:
            tail, *whole = self._tokens([text, *(text + choice for choice in choices)])
            self._tails[text, choices] = tail, whole
        return self._tails[text, choices]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return str(self._tokenizer.decode(tokens, clean_up_tokenization_spaces=False))
