"""The tokenizer of the models that are trained here: few tokens for a prompt, and none that joins digits."""

import re
import string
from collections.abc import Iterator
from typing import Any

from cotfaith.dialogue.prompts import SHORT_ANSWER_PREFIX, answer_dialogue, plain_text
from cotfaith.ladder.sums import STEP_FORMS, question_text
from cotfaith.schema import Question

END = "<|end|>"
UNKNOWN = "<|unknown|>"
FILLER = " ..."


def phrases() -> list[str]:
    """Return what stands between the numbers of the prompts and steps of a sum, each as one token."""
    dialogue = answer_dialogue(Question("", "", question_text([1, 2])), FILLER, SHORT_ANSWER_PREFIX)
    steps = (" " + form.format(a=1, b=2, c=3) for form in STEP_FORMS)
    return list(dict.fromkeys(part for text in (plain_text(dialogue), *steps) for part in _between(text)))


def make_tokenizer() -> Any:
    """Return a transformers tokenizer: the phrases, filler, and single characters of printable ASCII.

    Decoding gives back every text of these characters exactly; any other character is the unknown token.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models
    from tokenizers.pre_tokenizers import Split
    from transformers import PreTrainedTokenizerFast

    characters = [*string.printable[:95], "\n"]
    listed = [END, UNKNOWN, *phrases(), *characters]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(listed))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, UNKNOWN))
    tokenizer.pre_tokenizer = Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases() if len(phrase) > 1])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        bos_token=END,
        pad_token=END,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
    )


def _between(text: str) -> Iterator[str]:
    """Yield the text between numbers, with the filler by itself."""
    for part in re.split(rf"\d+|({re.escape(FILLER)})", text):
        if part:
            yield part
