"""Beginnings of a text in tokens, whatever the tokenizer."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from cotfaith.models.vocabulary import Vocabulary
from tests.make import save_tokenizer

TEXTS = [" 5 + 6 = 11. Überraschung: 日本語 😀\n\nWait", "no lead.  Two spaces", " ", "", "\n\n  x"]


class Slow:
    """The same without offsets, as tokenizers that are written in Python are."""

    is_fast = False

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, *texts: Any, **options: Any) -> Any:
        return self._tokenizer(*texts, **options)


def bytewise(folder: Path) -> Any:
    save_tokenizer(folder)
    return AutoTokenizer.from_pretrained(folder)


def with_a_space_in_front(folder: Path) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=90, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 20, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


@pytest.mark.parametrize("kind", [bytewise, with_a_space_in_front])
@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("text", TEXTS)
def test_the_first_tokens_of_a_text_begin_it_and_are_no_more_than_asked(
    tmp_path: Path, kind: Any, slow: bool, text: str
) -> None:
    tokenizer = kind(tmp_path)
    vocabulary = Vocabulary(Slow(tokenizer) if slow else tokenizer)
    found = [vocabulary.first(text, n) for n in range(vocabulary.count(text) + 2)]
    assert all(text.startswith(first) for first in found)
    assert [len(first) for first in found] == sorted(len(first) for first in found)
    assert all(vocabulary.count(first) <= n + 1 for n, first in enumerate(found))  # a border may move by one
    assert (found[0], found[-2], found[-1]) == ("", text, text)
