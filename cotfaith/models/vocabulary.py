"""From text to a model's tokens and back."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

from cotfaith.models.engine import Tokens, common_length

COUNTED = 1 << 16
"""Texts whose number of tokens is remembered."""


class Vocabulary:
    """A transformers tokenizer, asked for what is needed here."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.count = lru_cache(COUNTED)(self._count)
        self.closers = lru_cache(COUNTED)(self._closers)

    @property
    def end(self) -> int | None:
        """The token that ends a text."""
        return self.tokenizer.eos_token_id  # type: ignore[no-any-return]

    @property
    def unknown(self) -> int | None:
        """The token of what the tokenizer does not know."""
        return self.tokenizer.unk_token_id  # type: ignore[no-any-return]

    @cached_property
    def special(self) -> set[int]:
        """The tokens that are no text."""
        added = self.tokenizer.added_tokens_decoder.items()
        return {*self.tokenizer.all_special_ids, *(i for i, token in added if token.special)}

    @cached_property
    def special_texts(self) -> tuple[str, ...]:
        """How the tokens that are no text are written."""
        texts = self.tokenizer.convert_ids_to_tokens(sorted(self.special))
        return tuple(filter(str.strip, texts))

    def tokenize(self, texts: Sequence[str], *, special: bool = False) -> list[Tokens]:
        """Tokenize texts, each with the special tokens that the tokenizer puts in front of it, or without.

        Those that it puts behind a text are left out: what follows is asked for.
        """
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), add_special_tokens=special).input_ids
        behind = self._behind[special]
        return [tuple(ids[: len(ids) - behind]) for ids in encoded]

    def begins(self, text: str, tokens: Tokens, *, special: bool = False) -> list[int] | None:
        """Return where in a text each of its tokens begins; None where the tokenizer cannot tell.

        Some tokenizers leave out white space at the ends of tokens, which then is the next token's if that
        begins with such, and some have several tokens for one character, which begin with it.
        """
        if not self.tokenizer.is_fast:
            return None
        encoded = self.tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
        if tuple(encoded.input_ids[: len(tokens)]) != tokens:
            return None
        begins, reached = list[int](), 0
        for token, (start, end) in zip(tokens, encoded.offset_mapping, strict=False):
            passed = start > reached and not self.decode([token])[:1].isspace()
            begins.append(start if passed else min(start, reached))
            reached = max(reached, end)
        return begins

    @cached_property
    def _behind(self) -> dict[bool, int]:
        """How many tokens the tokenizer puts behind every text, where it may add special ones and else."""
        return {may: self._common_end(may) for may in (False, True)}

    def _common_end(self, special: bool) -> int:
        some, none = self.tokenizer(["a", ""], add_special_tokens=special).input_ids
        return common_length(tuple(some[::-1]), tuple(none[::-1]))

    def first(self, text: str, n: int) -> str:
        """Return the longest beginning of a text that has at most n of its tokens."""
        if n <= 0 or not text:
            return ""
        if not self.tokenizer.is_fast:
            return text[: bisect_right(range(len(text)), n, key=lambda end: self._count(text[: end + 1]))]
        ends = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
        return text if n >= len(ends) else text[: ends[n][0]]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return str(self.tokenizer.decode(tokens, clean_up_tokenization_spaces=False))

    def decode_each(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Return the texts of sequences of tokens."""
        return list(self.tokenizer.batch_decode(list(sequences), clean_up_tokenization_spaces=False))

    @cached_property
    def _texts(self) -> list[str]:
        return self.decode_each([[token] for token in range(len(self.tokenizer))])

    def _count(self, text: str) -> int:
        """Count the tokens of a text by itself, without special tokens."""
        return len(self.tokenize([text])[0])

    def _closers(self, stop: tuple[str, ...]) -> frozenset[int]:
        """Return the tokens with which a stop string can end."""
        last = [text[-1] for text in stop]
        return frozenset(
            token for token, text in enumerate(self._texts) if any(c in text or not c.isascii() for c in last)
        )
