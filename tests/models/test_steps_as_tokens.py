"""Which tokens are a step, the question, or what reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cotfaith.dialogue.forms import Chat, Plain
from cotfaith.dialogue.prompts import CHOICE_PREFIX, answer_dialogue, question_block, reasoning_dialogue
from cotfaith.models.engine import Hidden, Taken
from cotfaith.models.inside import CannotError, Insides
from cotfaith.models.local.files import load_tokenizer
from cotfaith.models.shipped import local_source
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import Blocked, InsideRequest, Patched, Question, TextRequest
from tests.dialogue.test_thinking import FAMILIES, ZOO, form
from tests.dialogue.test_thinking import tokenizer as tokenizer_of

QUESTION = Question("t", "q", "What is 12 + 34?", ("46", "47"))
STEPS = (" 12 + 34 = 46.", "\n\nSo it is 46.")
DONOR = (" 12 + 34 = 47.", STEPS[1])


def request(*inside: Blocked | Patched, steps: tuple[str, ...] = STEPS) -> InsideRequest:
    dialogue = answer_dialogue(QUESTION, "".join(steps), CHOICE_PREFIX)
    donors = [one.donor for one in inside if isinstance(one, Patched)]
    shown = tuple(answer_dialogue(QUESTION, "".join(donor), CHOICE_PREFIX) for donor in donors)
    asked = TextRequest(dialogue, "A")
    return InsideRequest(asked, reasoning_dialogue(QUESTION), question_block(QUESTION), steps, inside, shown)


def text_of(tokenizer: Any, insides: Insides, asked: InsideRequest, places: Sequence[int]) -> str:
    """Return the text of some tokens of what is asked."""
    tokens = insides._found(asked.before, asked.question, asked.request.dialogue, asked.steps).tokens
    return str(tokenizer.decode([tokens[i] for i in places]))


@pytest.mark.parametrize("form", ["plain", "chat"])
def test_what_is_hidden_is_the_step_and_who_reads_stands_behind_it(
    model_dir: Callable[..., Path], form: str
) -> None:
    tokenizer = load_tokenizer(str(model_dir("llama")))
    insides = Insides(Vocabulary(tokenizer), Plain() if form == "plain" else Chat(tokenizer, "m"), 2)
    closing = "\n\nHuman: Given" if form == "plain" else "<|end|><|turn|>user\nGiven"
    for readers, behind in (("closing", closing), ("later", STEPS[1]), ("answer", "(")):
        asked = request(Blocked((0,), readers=readers))  # type: ignore[arg-type]
        (hidden,) = insides.touch(asked)
        assert isinstance(hidden, Hidden)
        assert text_of(tokenizer, insides, asked, range(hidden.begin, hidden.end)) == STEPS[0]
        reads = text_of(
            tokenizer,
            insides,
            asked,
            range(hidden.first, hidden.first + 20 if readers != "answer" else hidden.first + 1),
        )
        assert reads.startswith(behind)
    asked = request(Blocked((0,), readers="reasoning"))
    (hidden,) = insides.touch(asked)
    assert isinstance(hidden, Hidden)
    assert hidden.last is not None
    assert text_of(tokenizer, insides, asked, range(hidden.first, hidden.last)) == STEPS[1]


def test_the_question_is_hidden_with_its_choices(model_dir: Callable[..., Path]) -> None:
    tokenizer = load_tokenizer(str(model_dir("llama")))
    insides = Insides(Vocabulary(tokenizer), Plain(), 2)
    asked = request(Blocked(question=True, layers=(1,)))
    (hidden,) = insides.touch(asked)
    assert isinstance(hidden, Hidden)
    shown = text_of(tokenizer, insides, asked, range(hidden.begin, hidden.end))
    assert shown.strip() == "What is 12 + 34?\nChoices:\n(A): 46\n(B): 47"
    assert hidden.layers == (1,)


@pytest.mark.parametrize("family", FAMILIES)
def test_within_a_block_of_thinking_steps_are_found_in_every_familys_template(
    tmp_path: Path, family: str
) -> None:
    found = form(tmp_path, family)
    tokenizer = tokenizer_of(tmp_path, ZOO[family].template)
    insides = Insides(Vocabulary(tokenizer), found, 2)
    asked = request(Blocked((0, 1)), Blocked(question=True))
    parts = insides.parts(asked)
    first, second, question = (
        text_of(tokenizer, insides, asked, range(begin, end)) for begin, end in (*parts.steps, parts.question)
    )
    assert first.strip() == STEPS[0].strip()
    assert second.strip() == STEPS[1].strip()
    assert question.strip().startswith(QUESTION.text)
    closing = text_of(tokenizer, insides, asked, range(parts.closing, len(parts.tokens)))
    assert closing.strip().startswith(found.never[-1].strip())
    assert QUESTION.text not in closing


def test_states_are_taken_from_the_same_places(model_dir: Callable[..., Path]) -> None:
    tokenizer = load_tokenizer(str(model_dir("llama")))
    insides = Insides(Vocabulary(tokenizer), Plain(), 2)
    (taken,) = insides.touch(request(Patched((0,), DONOR, (1,))))
    assert isinstance(taken, Taken)
    assert taken.layers == (1,)
    assert len(taken.donor) == taken.end
    assert tokenizer.decode(list(taken.donor[taken.begin :])) == DONOR[0]


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        (Patched((1,), (" Twelve and 34 are 46.", STEPS[1])), "other numbers of tokens"),
        (Blocked((0,), layers=(2,)), "layer 2 of a model that has layers 0 to 1"),
        (Patched((0,), DONOR, (0, 5)), "layer 5"),
    ],
)
def test_what_cannot_be_done_has_a_reason(
    model_dir: Callable[..., Path], inside: Blocked | Patched, why: str
) -> None:
    insides = Insides(Vocabulary(load_tokenizer(str(model_dir("llama")))), Plain(), 2)
    assert why in insides.refusal(request(inside))
    with pytest.raises(CannotError, match=why):
        insides.touch(request(inside))
    assert not insides.refusal(request(Blocked((0, 1))))


def test_a_template_that_changes_the_reasoning_is_a_reason(model_dir: Callable[..., Path]) -> None:
    insides = Insides(Vocabulary(load_tokenizer(str(model_dir("llama")))), Plain(), 2)
    asked = request(Blocked((0,)))
    other = InsideRequest(asked.request, asked.before, asked.question, (" Other.",), asked.inside)
    assert insides.refusal(other) == "its chat template does not write the reasoning as it is"
    other = InsideRequest(asked.request, asked.before, "Other?", asked.steps, asked.inside)
    assert insides.refusal(other) == "its chat template does not write the question as it is"


@dataclass
class Cutting:
    """A tokenizer with given pieces, whose offsets leave out white space as GPT-2's do."""

    pieces: list[str]
    is_fast: bool = True
    input_ids: list[int] = field(default_factory=list)
    offset_mapping: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, text: str, **options: object) -> "Cutting":
        assert "".join(self.pieces) == text
        self.input_ids, self.offset_mapping, at = list(range(len(self.pieces))), [], 0
        for piece in self.pieces:
            end = at + len(piece)
            said = end - len(piece.lstrip()), at + len(piece.rstrip())
            self.offset_mapping.append(said if piece.strip() else (end, end))
            at = end
        return self

    def decode(self, tokens: Sequence[int], **options: object) -> str:
        return "".join(self.pieces[token] for token in tokens)


@pytest.mark.parametrize(
    "pieces", [["One", ".", " Two", ".\n\n", "Human"], ["One", ".", " ", "Two", ".", "\n\n", "Human"]]
)
def test_white_space_belongs_to_the_token_that_holds_it(pieces: list[str]) -> None:
    text = "".join(pieces)
    begins = Vocabulary(Cutting(pieces)).begins(text, tuple(range(len(pieces))))
    assert begins == [sum(map(len, pieces[:i])) for i in range(len(pieces))]


def test_a_character_of_several_tokens_begins_with_the_first() -> None:
    """As byte-level tokenizers write what they have no token for: each has the offsets of all."""

    class Bytes(Cutting):
        def __call__(self, text: str, **options: object) -> "Cutting":
            self.input_ids, self.offset_mapping = [0, 1, 2, 3], [(0, 1), (0, 1), (0, 1), (1, 2)]
            return self

    assert Vocabulary(Bytes([])).begins("€a", (0, 1, 2, 3)) == [0, 0, 0, 1]


def test_a_tokenizer_that_tells_no_places_is_a_reason() -> None:
    assert Vocabulary(Cutting([], is_fast=False)).begins("a", (0,)) is None


def test_the_shipped_tokenizer_tells_its_places() -> None:
    tokenizer = load_tokenizer(local_source("ladder/11k"))
    text = "What is 12 + 34? 12 + 34 = 46."
    (tokens,) = Vocabulary(tokenizer).tokenize([text])
    begins = Vocabulary(tokenizer).begins(text, tokens)
    assert begins is not None
    ends = [*begins[1:], len(text)]
    pieces = [text[a:b] for a, b in zip(begins, ends, strict=True)]
    assert "".join(pieces) == text
    assert pieces == [tokenizer.decode([token]) for token in tokens]
