"""How dialogues are written, whatever turns they have."""

from functools import partial
from pathlib import Path

import pytest

from cotfaith.dialogue.forms import Chat, Plain
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
