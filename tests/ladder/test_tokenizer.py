from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotfaith.dialogue import prompts
from cotfaith.ladder import sums
from cotfaith.ladder.tokenizer import make_tokenizer
from cotfaith.plugins.registry import TASKS

TOKENIZER: Any = make_tokenizer()
QUESTION = TASKS.build("addition:operands=3").draw(1, seed=0)[0]
STEP = " 12 + 34 = 46."
PROMPTS = {
    "reasoning": prompts.reasoning_dialogue(QUESTION, STEP),
    "answer": prompts.answer_dialogue(QUESTION, STEP, prompts.SHORT_ANSWER_PREFIX),
    "choice": prompts.answer_dialogue(QUESTION, "", prompts.CHOICE_PREFIX),
    "mistake": prompts.mistake_dialogue(QUESTION, STEP),
    "paraphrase": prompts.paraphrase_dialogue(STEP),
}


def back(text: str) -> str:
    return str(TOKENIZER.decode(TOKENIZER(text).input_ids))


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_comes_back_exactly(name: str) -> None:
    text = prompts.plain_text(PROMPTS[name])
    assert back(text) == text


@given(st.lists(st.tuples(st.sampled_from(sums.STEP_FORMS), *[st.integers(0, 999)] * 3), max_size=7))
def test_every_step_comes_back_exactly(steps: list[tuple[str, int, int, int]]) -> None:
    text = "".join(" " + form.format(a=a, b=b, c=c) for form, a, b, c in steps)
    assert back(text) == text


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n")))
def test_any_printable_ascii_comes_back_exactly(text: str) -> None:
    assert back(text) == text


def test_digits_operators_filler_and_phrases_are_single_tokens() -> None:
    text = prompts.plain_text(PROMPTS["answer"])
    assert TOKENIZER.tokenize(" ...") == [" ..."]
    assert TOKENIZER.tokenize("1 + 20 = 3") == ["1", " + ", "2", "0", " = ", "3"]
    numbers = sum(character.isdigit() for character in text)
    # Besides the digits: four phrases around three plus signs, a space, two signs and a full stop.
    phrases = ["Human: Question: What is ", "?\n\nAssistant: Let's think step by step:"]
    assert [token for token in TOKENIZER.tokenize(text) if token in phrases] == phrases
    assert len(TOKENIZER.tokenize(text)) == numbers + 3 + 2 + 4


def test_what_is_not_ascii_is_unknown() -> None:
    assert back("é") == TOKENIZER.unk_token
