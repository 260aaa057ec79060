"""How dialogues are written, whatever turns they have."""

import re
from functools import partial
from pathlib import Path

import pytest

from cotfaith.dialogue.forms import Chat, Plain
from cotfaith.dialogue.thinking import Markers, Thinking
from cotfaith.errors import InputError
from cotfaith.models.local.files import on_day
from cotfaith.schema import Turn
from tests.make import save_tokenizer

DIALOGUE = (Turn("system", "Be brief."), Turn("human", "Why?"), Turn("assistant", "Because:"))


def tokenizer(folder: Path, template: str | None = None):  # type: ignore[no-untyped-def]
    from transformers import AutoTokenizer

    save_tokenizer(folder)
    found = AutoTokenizer.from_pretrained(folder)
    if template is not None:
        found.chat_template = template
    return found


def test_plain_text_names_who_speaks_and_not_what_frames_it() -> None:
    assert Plain().render(DIALOGUE) == "Be brief.\n\nHuman: Why?\n\nAssistant: Because:"


def test_a_template_is_given_every_turn_in_its_role(tmp_path: Path) -> None:
    form = Chat(tokenizer(tmp_path), "m")
    assert (
        form.render(DIALOGUE)
        == "<|turn|>system\nBe brief.<|end|><|turn|>user\nWhy?<|end|><|turn|>assistant\nBecause:"
    )
    assert form.marks == ("<|end|><|turn|>assistant", "<|end|><|turn|>user")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("", "has no chat template"),
        (
            "{{ messages[0]['content'] }}{{ raise_exception('no turns') }}",
            "its chat template refuses: no turns",
        ),
        ("{% for m in messages %}{{ m['content'] | upper }}{% endfor %}", "chat template"),
    ],
)
def test_a_template_that_does_not_write_what_it_is_given_is_refused(
    tmp_path: Path, template: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        Chat(tokenizer(tmp_path, template), "m")


DATED = (
    "{% if strftime_now is defined %}Today is {{ strftime_now('%d %B %Y, %H:%M') }}. {% endif %}"
    "{% for m in messages %}{{ m['content'] }}{% endfor %}"
)


def test_a_template_that_prints_the_date_is_given_the_day_on_which_the_run_began(tmp_path: Path) -> None:
    form = Chat(tokenizer(tmp_path, DATED), "m", partial(on_day, "2024-02-29"))
    assert form.render(DIALOGUE) == "Today is 29 February 2024, 00:00. Be brief.Why?Because:"


def test_a_template_that_writes_otherwise_every_time_is_refused(tmp_path: Path) -> None:
    chance = "{{ range(9) | random }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(InputError, match="writes a dialogue in several ways"):
        Chat(tokenizer(tmp_path, chance), "m")


TURN = "<|turn|>{{ m['role'] }}\n"
EMPTY = "<think>\n\n</think>\n\n"


def thinking(of_last: str, content: str = "m['content']") -> str:
    """Return a template that writes something of its own into the assistant's last turn."""
    last = "{% if m['role'] == 'assistant' and loop.last %}" + of_last + "{% endif %}"
    return "{% for m in messages %}" + TURN + last + "{{ " + content + " }}<|end|>{% endfor %}"


def test_a_template_that_closes_an_empty_block_in_the_last_turn_reads_reasoning_as_it_was_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    form = Chat(tokenizer(tmp_path, thinking(EMPTY)), "m")
    asked = (Turn("human", "2 + 3?"), Turn("assistant", "Let's think: 2 + 3 = 5."))
    answer = (*asked, Turn("human", "So?"), Turn("assistant", "The answer is"))
    assert form.render(asked) == "<|turn|>user\n2 + 3?<|end|><|turn|>assistant\nLet's think: 2 + 3 = 5."
    assert form.render(answer).startswith(form.render(asked))
    assert form.render(answer).endswith("<|turn|>assistant\n<think>\n\n</think>\n\nThe answer is")
    assert "blocks of thinking (<think>)" in caplog.text
    assert "it is closed and empty" in caplog.text


def test_reasoning_that_a_template_trims_stands_behind_the_same_text(tmp_path: Path) -> None:
    form = Chat(tokenizer(tmp_path, thinking(EMPTY, "m['content'] | trim")), "m")
    asked = form.render((Turn("human", "2 + 3?"), Turn("assistant", "Let's think: So\n\n")))
    assert asked == "<|turn|>user\n2 + 3?<|end|><|turn|>assistant\nLet's think: So"


@pytest.mark.parametrize(
    ("marker", "template"),
    [
        ("<think>", thinking("<think>\n")),
        ("[THINK]", thinking("[THINK]")),
        ("<think>", thinking(EMPTY + "<think>")),
    ],
)
def test_an_answer_inside_of_an_open_block_is_refused(tmp_path: Path, marker: str, template: str) -> None:
    with pytest.raises(
        InputError, match=f"inside of a block of thinking that it opens with {re.escape(marker)}"
    ):
        Chat(tokenizer(tmp_path, template), "m")


def test_a_template_that_strips_thinking_says_that_there_is_no_block(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Chat(tokenizer(tmp_path, thinking("", STRIPPED)), "m")
    assert "where the model answers, there is none" in caplog.text


STRIPPED = "m['content'].split('</think>')[-1]"


def test_reasoning_behind_earlier_turns_is_read_behind_the_same_text(tmp_path: Path) -> None:
    form = Chat(tokenizer(tmp_path, thinking(EMPTY)), "m")
    before = (Turn("human", "1 + 1?"), Turn("assistant", "The answer is 2."))
    asked = (*before, Turn("human", "2 + 3?"), Turn("assistant", "Let's think: 5.", reasoning=" 5."))
    answer = (*asked, Turn("human", "So?"), Turn("assistant", "The answer is"))
    assert form.render(asked).endswith("<|turn|>user\n2 + 3?<|end|><|turn|>assistant\nLet's think: 5.")
    assert form.render(answer).startswith(form.render(asked))


def test_a_block_of_thinking_stands_behind_earlier_turns(tmp_path: Path) -> None:
    form = Thinking(tokenizer(tmp_path), "m", Markers("<think>\n", "\n</think>\n\n"))
    before = (Turn("human", "1 + 1?"), Turn("assistant", "The answer is 2."))
    asked = (*before, Turn("human", "2 + 3?"), Turn("assistant", "Let's think: 5.", reasoning=" 5."))
    said = "The answer is 2.<|end|><|turn|>user\n2 + 3?<|end|><|turn|>assistant\n<think>\n 5."
    assert form.render(asked).endswith(said)
    answer = (*asked, Turn("human", "So?"), Turn("assistant", "It is"))
    assert form.render(answer) == form.render(asked) + "\n</think>\n\nIt is"
