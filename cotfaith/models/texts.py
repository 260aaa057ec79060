"""From dialogues to a model's tokens and back."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from cotfaith.errors import InputError
from cotfaith.models.batches import Tokens, common_length
from cotfaith.prompts import STOP_STRINGS, TURN_SEPARATOR, plain_text
from cotfaith.schema import Dialogue, Turn

IN_STEP = 4
"""Tokens before a choice's first, in which the end by itself must agree with the whole dialogue."""


class Texts:
    """A tokenizer, and the form in which dialogues are written for it: plain, or its own chat template."""

    def __init__(self, tokenizer: Any, source: str, *, chat: bool) -> None:
        self.tokenizer = tokenizer
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
        return self.tokenizer.eos_token_id  # type: ignore[no-any-return]

    @cached_property
    def special(self) -> set[int]:
        """The tokens that are no text."""
        added = self.tokenizer.added_tokens_decoder.items()
        return {*self.tokenizer.all_special_ids, *(i for i, token in added if token.special)}

    @property
    def unknown(self) -> int | None:
        """The token of what the tokenizer does not know."""
        return self.tokenizer.unk_token_id  # type: ignore[no-any-return]

    def refusals(self, dialogues: Sequence[Dialogue], encoded: Sequence[Tokens]) -> list[str]:
        """Say why each dialogue with these tokens is not what the model would read; nothing where it is.

        A turn that holds markers of the dialogue's form would be read as several. What the assistant said
        must be what its tokens decode to; characters of a question may be normalised.
        """
        if not dialogues:
            return []
        decoded = self.tokenizer.batch_decode(list(encoded), clean_up_tokenization_spaces=False)
        return [self._refusal(dialogue, text) for dialogue, text in zip(dialogues, decoded, strict=True)]

    def _refusal(self, dialogue: Dialogue, decoded: str) -> str:
        for turn in dialogue:
            found = [marker for marker in self._markers(turn.role) if marker in turn.text]
            if found:
                return f"holds {found[0].strip()!r}, which the model reads as a mark between turns"
            if turn.role == "assistant" and turn.text not in decoded:
                return "its tokens decode to another text than the reasoning"
        return ""

    def _markers(self, role: str) -> tuple[str, ...]:
        """Return the marks that would end a turn: in what is asked, also the form's own lines."""
        return self._marks if role == "human" else self._special

    @cached_property
    def _special(self) -> tuple[str, ...]:
        texts = self.tokenizer.convert_ids_to_tokens(sorted(self.special))
        return tuple(filter(str.strip, texts))

    @cached_property
    def _marks(self) -> tuple[str, ...]:
        return (*self._special, *(self._template_lines() if self._chat else STOP_STRINGS))

    def _template_lines(self) -> Iterator[str]:
        """Yield what the template writes between turns, line by line; a bare word marks nothing by itself."""
        turns = (Turn("human", "Why?"), Turn("assistant", "Because:"))
        pieces = re.split("Why[?]|Because:", self.render((*turns, *turns)))[1:]
        lines = {line.strip() for piece in pieces for line in piece.splitlines()}
        yield from sorted(line for line in lines if line and not line.isalnum())

    def count(self, text: str) -> int:
        """Count the tokens of a text by itself, without special tokens."""
        if text not in self._counted:
            self._counted[text] = len(self.tokenizer(text, add_special_tokens=False).input_ids)
        return self._counted[text]

    @cached_property
    def _each(self) -> list[str]:
        """The text of every token by itself."""
        tokens = [[token] for token in range(len(self.tokenizer))]
        return list(self.tokenizer.batch_decode(tokens, clean_up_tokenization_spaces=False))

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
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
        return str(text)

    def _check_template(self) -> None:
        """Refuse a template that is missing, or that changes or refuses what the assistant has begun."""
        if not self.tokenizer.chat_template:
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
        return [tuple(ids) for ids in self.tokenizer(list(texts), add_special_tokens=special).input_ids]

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
        return str(self.tokenizer.decode(tokens, clean_up_tokenization_spaces=False))
