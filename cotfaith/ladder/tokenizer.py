"""The tokenizers of the models that are trained here: few tokens for a prompt, and none that joins digits."""

import re
import string
from collections.abc import Iterator, Sequence
from typing import Any

from cotfaith.dialogue.prompts import SHORT_ANSWER_PREFIX, answer_dialogue, plain_text
from cotfaith.dialogue.thinking import Thinking
from cotfaith.ladder.sums import STEP_FORMS, question_text
from cotfaith.schema import Dialogue, Question

END = "<|end|>"
UNKNOWN = "<|unknown|>"
FILLER = " ..."
ROLES = ("<|user|>", "<|assistant|>")
THINK = ("<think>", "</think>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>\n"
    "{{ message.content.split('</think>') | last }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n<think>\n{% endif %}"
)
"""The chat template of those that think: like DeepSeek-R1's it opens the block where the assistant
begins, and leaves it out of all turns before."""


def phrases() -> list[str]:
    """Return what stands between the numbers of the prompts and steps of a sum, each as one token."""
    steps = (" " + form.format(a=1, b=2, c=3) for form in STEP_FORMS)
    return list(dict.fromkeys(part for text in (plain_text(_example()), *steps) for part in _between(text)))


def make_tokenizer(more: Sequence[str] = ()) -> Any:
    """Return a transformers tokenizer: the phrases, filler, and single characters of printable ASCII.

    Decoding gives back every text of these characters exactly; any other character is the unknown token.
    Behind all of them `more` phrases can be given.
    """
    known = phrases()
    return _tokenizer(known, more=[phrase for phrase in more if phrase not in known])


def make_thinking_tokenizer() -> Any:
    """Return the same for models that think, with a chat template and, behind all others, tokens of its own.

    The markers of the block of thinking are tokens, though no special ones, as in Qwen3 and DeepSeek-R1.
    """
    bare = _tokenizer(phrases(), more=THINK, roles=ROLES)
    bare.chat_template = TEMPLATE
    written = Thinking(bare, "of the ladder").render(_example())
    between = [
        part
        for text in re.split("|".join(map(re.escape, (*ROLES, *THINK, END))), written)
        for part in _between(text)
    ]
    new = [part for part in dict.fromkeys(between) if part not in phrases()]
    tokenizer = _tokenizer(phrases(), more=(*THINK, *new), roles=ROLES)
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _example() -> Dialogue:
    return answer_dialogue(Question("", "", question_text([1, 2])), FILLER, SHORT_ANSWER_PREFIX)


def _tokenizer(first: Sequence[str], more: Sequence[str] = (), roles: Sequence[str] = ()) -> Any:
    """Make a tokenizer of phrases, characters, and behind them further phrases and special tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models
    from tokenizers.pre_tokenizers import Split
    from transformers import PreTrainedTokenizerFast

    characters = [*string.printable[:95], "\n"]
    listed = [END, UNKNOWN, *first, *characters, *more, *roles]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(listed))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, UNKNOWN))
    tokenizer.pre_tokenizer = Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    joined = [phrase for phrase in (*first, *more) if len(phrase) > 1]
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in joined])
    tokenizer.add_special_tokens([AddedToken(role, special=True, normalized=False) for role in roles])
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
