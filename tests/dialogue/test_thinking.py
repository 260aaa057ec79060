"""Chat templates of thinking models: a zoo of imitations, and how each is asked in its own form."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cotfaith.dialogue.prompts import CHOICE_PREFIX, answer_dialogue, mistake_dialogue, reasoning_dialogue
from cotfaith.dialogue.thinking import Markers, Thinking, markers_in, state_of
from cotfaith.errors import InputError
from cotfaith.schema import Question, Turn
from tests.make import save_tokenizer

QUESTION = Question("t", "q", "Which floats?", ("a nail", "a cork"), "B")
LAST_THOUGHT = "{% if loop.last and m.reasoning_content %}{{ OPEN + m.reasoning_content + CLOSE }}{% endif %}"


@dataclass
class Kind:
    """A family's template: what it writes of a turn, and what stands at the end of its prompt."""

    turn: str
    prompt: str
    markers: Markers
    source: str

    @property
    def template(self) -> str:
        turns = "{% for m in messages %}" + self.turn + "{% endfor %}"
        return turns + "{% if add_generation_prompt %}" + self.prompt + "{% endif %}"


def turn(
    begin: str = "<|turn|>{{ m.role }}\n", thought: str = "", content: str = "m.content", end: str = "<|end|>"
) -> str:
    return begin + thought + "{{ " + content + " }}" + end


def written(opening: str, closing: str) -> str:
    """Write the last thought, as templates do that know `reasoning_content`."""
    return LAST_THOUGHT.replace("OPEN", repr(opening)).replace("CLOSE", repr(closing))


QWEN = Markers("<think>\n", "\n</think>\n\n")
STRIPPED = "(m.content.split('</think>') | last)"
EMPTY_BEFORE = "{% if m.role == 'assistant' and not m.reasoning_content %}<think></think>{% endif %}"
ZOO = {
    "qwen3": Kind(
        turn(thought=written(*QWEN)), "<|turn|>assistant\n", QWEN, "as its chat template writes them"
    ),
    "qwen3-thinking": Kind(
        turn(thought=written("<think>\n", "\n</think>\n\n")),
        "<|turn|>assistant\n<think>\n",
        QWEN,
        "as its chat template writes them",
    ),
    "r1": Kind(turn(content=STRIPPED), "<|turn|>assistant<think>\n", QWEN, "as known of its family"),
    "deepseek-v3.1": Kind(
        turn(thought=written("<think>", "</think>")),
        "<|turn|>assistant\n{% if thinking %}<think>{% else %}</think>{% endif %}",
        Markers("<think>", "</think>"),
        "as its chat template writes them",
    ),
    "magistral": Kind(
        "{% if loop.first %}First think, as in [THINK]so[/THINK], then answer.<|end|>{% endif %}"
        + turn(thought=written("[THINK]", "[/THINK]")),
        "<|turn|>assistant\n",
        Markers("[THINK]", "[/THINK]"),
        "as its chat template writes them",
    ),
    "gpt-oss": Kind(
        turn(
            thought=written(
                "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"
            )
        ),
        "<|turn|>assistant\n",
        Markers("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
        "as its chat template writes them",
    ),
    "glm": Kind(
        turn(begin="<|turn|>{{ m.role }}", thought=EMPTY_BEFORE + written("\n<think>", "</think>\n")),
        "<|turn|>assistant",
        Markers("\n<think>", "</think>\n"),
        "as its chat template writes them",
    ),
    "seed-oss": Kind(
        turn(thought=written("<seed:think>", "</seed:think>")),
        "<|turn|>assistant\n",
        Markers("<seed:think>", "</seed:think>"),
        "as its chat template writes them",
    ),
    "exaone": Kind(
        turn(content="(m.content.split('</thought>') | last)"),
        "<|turn|>assistant\n<thought>\n",
        Markers("<thought>\n", "\n</thought>\n\n"),
        "as known of its family",
    ),
    "gemma4": Kind(
        turn(thought=written("<|channel>thought\n", "<channel|>")),
        "<|turn|>assistant\n{% if not enable_thinking %}<|channel>thought\n<channel|>{% endif %}",
        Markers("<|channel>thought\n", "<channel|>"),
        "as its chat template writes them",
    ),
}
FAMILIES = sorted(ZOO)


def tokenizer(folder: Path, template: str) -> Any:
    from transformers import AutoTokenizer

    save_tokenizer(folder)
    found = AutoTokenizer.from_pretrained(folder)
    found.chat_template = template
    return found


def form(folder: Path, family: str, **options: Any) -> Thinking:
    return Thinking(tokenizer(folder, ZOO[family].template), family, **options)


@pytest.mark.parametrize("family", FAMILIES)
def test_markers_are_found_and_it_is_told_where(tmp_path: Path, family: str) -> None:
    found = form(tmp_path, family)
    assert (found.markers, found.known_by) == (ZOO[family].markers, ZOO[family].source)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_block_is_opened_once_and_reasoning_goes_on_in_it(tmp_path: Path, family: str) -> None:
    found = form(tmp_path, family)
    opening, closing = (marker.strip() for marker in found.markers)
    sampled = found.render(reasoning_dialogue(QUESTION))
    behind = sampled[sampled.index("a cork") :]
    assert (behind.count(opening), behind.count(closing)) == (1, 0)
    assert state_of(behind, found.markers) == "open"
    assert "step by step" not in sampled
    resumed = found.render(reasoning_dialogue(QUESTION, "A cork is light."))
    assert resumed == sampled + "A cork is light."
    assert found.stops(reasoning_dialogue(QUESTION)) == ("<|end|>" if family == "gpt-oss" else closing,)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("reasoning", ["", "A cork is light.\n\nSo it floats."])
def test_the_answer_is_asked_in_the_same_turn_behind_the_closed_block(
    tmp_path: Path, family: str, reasoning: str
) -> None:
    found = form(tmp_path, family)
    dialogue = answer_dialogue(QUESTION, reasoning, CHOICE_PREFIX)
    asked = found.render(dialogue)
    before = found.render(reasoning_dialogue(QUESTION, reasoning))
    assert asked == before + found.markers.closing + CHOICE_PREFIX
    assert "Given all of the above" not in asked
    assert found.stops(dialogue) is None
    own = found.render((*reasoning_dialogue(QUESTION, reasoning), Turn("assistant", "")))
    assert own == before + found.markers.closing.rstrip()


@pytest.mark.parametrize(
    "family", [f for f in FAMILIES if ZOO[f].source == "as its chat template writes them"]
)
def test_what_is_put_together_is_what_the_template_itself_writes(tmp_path: Path, family: str) -> None:
    template = tokenizer(tmp_path, ZOO[family].template)
    found = Thinking(template, family)
    asked = Turn("human", "Why?")
    composed = found.render((asked, Turn("assistant", "x", reasoning="So."), asked, Turn("assistant", "B")))
    messages = [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "reasoning_content": "So.", "content": "B"},
    ]
    whole = template.apply_chat_template(messages, tokenize=False, enable_thinking=True, thinking=True)
    opening = composed[: composed.index("So.")]
    assert composed.removeprefix(opening) == whole[whole.index("So.") :].removesuffix("<|end|>")
    assert composed == whole.removesuffix("<|end|>")


def test_the_helper_does_not_think(tmp_path: Path) -> None:
    found = form(tmp_path, "qwen3")
    asked = found.render(mistake_dialogue(QUESTION, " A cork floats."))
    assert asked.endswith("<|turn|>assistant\n<think>\n\n</think>\n\nThe sentence with a mistake:")


def test_a_tasks_own_beginning_begins_the_thinking(tmp_path: Path) -> None:
    found = form(tmp_path, "qwen3")
    begun = reasoning_dialogue(QUESTION, " First", cot_prefix="Let us not be biased:")
    assert found.render(begun).endswith("<think>\nLet us not be biased: First")


def test_markers_that_are_given_come_before_what_a_template_writes(tmp_path: Path) -> None:
    found = form(tmp_path, "qwen3", markers=Markers("<mine>", "</mine>"))
    assert found.known_by == "as given"
    assert found.render(answer_dialogue(QUESTION, "So.", "B")).endswith("assistant\n<mine>So.</mine>B")


def test_arguments_reach_the_template_and_are_part_of_what_decides(tmp_path: Path) -> None:
    telling = ZOO["gpt-oss"].template + "{% if effort is defined %}{{ effort }}{% endif %}"
    low = Thinking(tokenizer(tmp_path, telling), "m", arguments={"effort": "low"})
    assert "low" in low.render(reasoning_dialogue(QUESTION))
    assert low.name != Thinking(tokenizer(tmp_path, telling), "m").name


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("", "has no chat template; not for --thinking"),
        ("{% for m in messages %}" + turn() + "{% endfor %}", "shows no thinking. Name the markers"),
        ("{{ raise_exception('no such turns') }}", "refuses: no such turns"),
        (
            "{% for m in messages %}" + turn(thought=written(*QWEN)) + "{% endfor %}"
            "{% if add_generation_prompt %}<|turn|>assistant\n<think>\n\n</think>\n\n{% endif %}",
            "closes the block of thinking itself",
        ),
    ],
)
def test_a_template_without_an_open_block_is_refused(tmp_path: Path, template: str, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        Thinking(tokenizer(tmp_path, template), "m")


@pytest.mark.parametrize(
    ("text", "state"),
    [("", "none"), ("<think>\n", "open"), ("<think>\n\n</think>", "empty"), ("<think>So</think>", "closed")],
)
def test_the_state_of_a_block_is_that_of_the_last_one(text: str, state: str) -> None:
    assert state_of(text, QWEN) == state
    assert markers_in("a </think> b") == QWEN
