"""Asking on an engine that is written by hand: the next token's probability depends on the last one alone."""

import math
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from types import MappingProxyType

import pytest

from cotfaith.dialogue.forms import Plain
from cotfaith.dialogue.prompts import CHOICE_PREFIX, answer_dialogue, reasoning_dialogue
from cotfaith.dialogue.thinking import Thinking
from cotfaith.errors import InputError
from cotfaith.models import opening
from cotfaith.models.asking import AskedModel
from cotfaith.models.engine import Draw, Drawn, Tokens
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import Kind, open_model
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.plugins.registry import TASKS
from cotfaith.running.options import Study
from cotfaith.running.plan import build_interventions, prepare
from cotfaith.schema import (
    Abilities,
    ChoiceRequest,
    GenerationRequest,
    ModelInfo,
    Question,
    Sampling,
    TextRequest,
    Turn,
)
from tests.make import save_tokenizer

FLOATS = answer_dialogue(
    Question("t", "q", "Which floats?", ("a nail", "a cork")), " It floats.", CHOICE_PREFIX
)


class Alphabetical:
    """Behind a token, one that is n ids further on has the probability 2^-n, n > 0; greedily it counts on."""

    info = ModelInfo("by hand", "content", 1)
    arithmetic = "thought"
    advised: Mapping[str, float] = MappingProxyType({})
    floor = None
    told = ""
    at_once = None
    context = 200
    ends: Set[int] = frozenset({0})

    def __init__(self, abilities: Abilities = Abilities()) -> None:  # noqa: B008 a frozen value
        self.abilities = abilities
        self.asked: list[Tokens] = []

    def prove(self, kept: object) -> None:
        return None

    def next_logprobs(self, wanted: Mapping[Tokens, Set[int]]) -> dict[tuple[Tokens, int], float]:
        self.asked += wanted
        return {(s, t): -math.log(2) * (t - s[-1]) for s, tokens in wanted.items() for t in tokens}

    def text_logprobs(self, texts: Sequence[Tokens], begins: Sequence[int]) -> list[list[float]]:
        return [
            [-math.log(2) * (text[i] - text[i - 1]) for i in range(begin, len(text))]
            for text, begin in zip(texts, begins, strict=True)
        ]

    def draw(self, rows: Sequence[Draw]) -> list[Drawn]:
        self.asked += [row.prompt for row in rows]
        return [
            Drawn(tuple(range(row.prompt[-1] + 1, row.prompt[-1] + 1 + row.sampling.max_new_tokens)))
            for row in rows
        ]


@pytest.fixture
def vocabulary(tmp_path: Path) -> Vocabulary:
    from transformers import AutoTokenizer

    save_tokenizer(tmp_path)
    return Vocabulary(AutoTokenizer.from_pretrained(tmp_path))


@pytest.fixture
def model(vocabulary: Vocabulary) -> AskedModel:
    return AskedModel("hand", Alphabetical(), vocabulary, Plain())


def test_choices_are_asked_for_behind_what_they_share_and_normalised(
    model: AskedModel, vocabulary: Vocabulary
) -> None:
    (found,) = model.answer_probs([ChoiceRequest(FLOATS, ("A", "C"))])
    a, c, bracket = (vocabulary.tokenize([text])[0][-1] for text in ("A", "C", "("))
    mass = [2.0 ** -(token - bracket) for token in (a, c)]
    assert found.probs == pytest.approx([m / sum(mass) for m in mass])
    assert found.mass == pytest.approx(sum(mass))


def test_equal_requests_reach_the_engine_once(model: AskedModel) -> None:
    request = GenerationRequest(FLOATS, Sampling(max_new_tokens=3))
    first, second = model.generate([request, request])
    assert first == second
    assert isinstance(model.engine, Alphabetical)
    assert len(model.engine.asked) == 1


def test_drawn_tokens_are_decoded_behind_the_prompt_and_cut_before_a_stop_string(
    model: AskedModel, vocabulary: Vocabulary
) -> None:
    bracket = vocabulary.tokenize(["("])[0][0]
    following = vocabulary.decode(range(bracket + 1, bracket + 6))
    whole, cut = model.generate(
        [GenerationRequest(FLOATS, Sampling(max_new_tokens=5), stop=stop) for stop in ((), (following[2:4],))]
    )
    assert (whole.text, whole.tokens, whole.hit_limit) == (following, 5, True)
    assert cut.text == following[:2]


def test_room_is_what_the_context_leaves_and_without_any_nothing_is_drawn(model: AskedModel) -> None:
    used = len(model._encode([FLOATS])[0])
    few, none = model.generate(
        [
            GenerationRequest(FLOATS, Sampling(max_new_tokens=500), reserve=reserve)
            for reserve in (200 - used - 4, 200 - used)
        ]
    )
    assert (few.tokens, none.tokens, none.hit_limit) == (4, 0, True)


def test_texts_are_scored_from_where_they_part_from_their_dialogue(
    model: AskedModel, vocabulary: Vocabulary
) -> None:
    (score,) = model.text_scores([TextRequest(FLOATS, "BD")])
    b, d = (vocabulary.tokenize([letter])[0][0] for letter in "BD")
    bracket = vocabulary.tokenize(["("])[0][0]
    assert score.tokens == 2
    assert score.logprob == pytest.approx(-math.log(2) * (b - bracket + d - b))


@pytest.mark.parametrize(
    "before",
    [(Turn("system", "Be brief."),), (Turn("human", "Is it wet?"), Turn("assistant", "Yes."))],
    ids=["a system turn", "an earlier exchange"],
)
def test_turns_before_the_question_change_nothing_in_how_choices_are_split(
    model: AskedModel, before: tuple[Turn, ...]
) -> None:
    alone, behind = model.answer_probs(
        [ChoiceRequest(dialogue, ("A", "C")) for dialogue in (FLOATS, (*before, *FLOATS))]
    )
    assert behind == alone


def test_the_form_is_part_of_what_decides_the_answers(model: AskedModel) -> None:
    assert model.info == ModelInfo("by hand", "content-plain", 1)


def test_a_name_of_a_form_that_no_engine_has_is_refused() -> None:
    with pytest.raises(InputError, match=r"'nosuch:model': nothing here runs models that are named so"):
        open_model("nosuch:model", ModelSettings())


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch, vocabulary: Vocabulary) -> Callable[..., None]:
    """Let names that begin with `hand:` be models without some abilities."""

    def without(*lacking: str) -> None:
        abilities = Abilities(**dict.fromkeys(lacking, False))
        kind = Kind(
            "hand:NAME",
            lambda name: name.startswith("hand:"),
            lambda name, settings: AskedModel(name, Alphabetical(abilities), vocabulary, Plain()),
        )
        monkeypatch.setattr(opening, "KINDS", (kind, *opening.KINDS))

    return without


def own_questions(folder: Path) -> Path:
    path = folder / "own.jsonl"
    path.write_text('{"question": "Which floats?", "choices": ["a nail", "a cork"], "answer": "B"}\n')
    return path


def test_a_task_that_reads_letters_is_refused_to_a_model_without_their_probabilities(
    mute: Callable[..., None], tmp_path: Path
) -> None:
    mute("logprobs")
    study = Study(model=("hand:x",), task=("jsonl",), data=(str(own_questions(tmp_path)),), questions=1)
    with pytest.raises(
        InputError,
        match=r"task 'jsonl' needs a model that tells the log-probabilities of chosen tokens, and 'hand:x' is "
        r"none\. Have the answer written \(TASK:written=true\)",
    ):
        prepare(study, ())
    assert TASKS.build("arc-challenge:written=true").needs(Question("t", "q", "?", ("a", "b"))) == set()
    prepare(Study(model=("hand:x",), task=("addition",), questions=1), build_interventions(["truncation"]))


def test_an_intervention_is_refused_to_a_model_that_cannot_be_asked_after_an_edit(
    mute: Callable[..., None],
) -> None:
    mute("prefill")
    study = Study(model=("hand:x",), task=("addition",), questions=1)
    with pytest.raises(InputError, match=r"'hand:x' is none\. Take a model that is loaded here"):
        prepare(study, build_interventions(["truncation"]))


def test_what_an_intervention_needs_beside_that_is_asked_for_by_name(
    mute: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mute()
    (inside,) = build_interventions(["sham"])
    monkeypatch.setattr(type(inside), "needs", frozenset({"hooks"}))
    with pytest.raises(InputError, match=r"intervention 'sham' needs a model that can be read and changed"):
        prepare(Study(model=("hand:x",), task=("addition",), questions=1), (inside,))
    prepare(Study(model=("ladder/11k",), task=("addition",), questions=1), (inside,))
    monkeypatch.setattr(type(inside), "needs", frozenset({"hook"}))
    with pytest.raises(
        InputError, match=r"unknown ability of intervention 'sham' 'hook'. Did you mean 'hooks'"
    ):
        prepare(Study(model=("ladder/11k",), task=("addition",), questions=1), (inside,))


THINKING_TEMPLATE = (
    "{% for m in messages %}<|turn|>{{ m.role }}\n{{ (m.content.split('</think>') | last) }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant<think>\n{% endif %}"
)


class Writing(Alphabetical):
    """Writes what the test wants, and ends its turn behind it or not."""

    def __init__(self, tokens: Tokens, *, stopped: bool) -> None:
        super().__init__()
        self._drawn = Drawn(tokens, stopped)
        self.stops: list[tuple[str, ...]] = []

    def draw(self, rows: Sequence[Draw]) -> list[Drawn]:
        self.stops += [row.stop for row in rows]
        return [self._drawn for _ in rows]


@pytest.mark.parametrize("marker", ["text", "added", "special"])
@pytest.mark.parametrize(
    ("written", "stopped", "closed", "hit_limit"),
    [
        ("So it floats.\n</think>", True, True, False),
        ("So it floats.\n<|end|>", True, False, False),
        ("So it floats.\n", False, False, True),
    ],
)
def test_thinking_ends_at_its_marker_and_it_is_told_how_it_ended(
    tmp_path: Path, marker: str, written: str, stopped: bool, closed: bool, hit_limit: bool
) -> None:
    from transformers import AddedToken, AutoTokenizer

    save_tokenizer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.chat_template = THINKING_TEMPLATE
    if marker != "text":
        special = marker == "special"
        tokenizer.add_tokens([AddedToken(name, special=special) for name in ("<think>", "</think>")], special)
    vocabulary = Vocabulary(tokenizer)
    engine = Writing(vocabulary.tokenize([written])[0], stopped=stopped)
    engine.ends = frozenset(vocabulary.special)
    model = AskedModel("hand", engine, vocabulary, Thinking(tokenizer, "hand"))
    question = Question("t", "q", "Which floats?", ("a nail", "a cork"))
    (found,) = model.generate([GenerationRequest(reasoning_dialogue(question), Sampling(), stop=("\n",))])
    assert found.text.rstrip() == "So it floats."
    assert (found.closed, found.hit_limit) == (closed, hit_limit)
    reply = (*reasoning_dialogue(question, "So."), Turn("assistant", ""))
    (own,) = model.generate([GenerationRequest(reply, Sampling())])
    assert (own.closed, own.hit_limit) == (True, hit_limit)
    assert engine.stops == [("</think>",), ()]


def test_a_question_or_an_edit_that_holds_a_marker_of_thinking_is_told(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    save_tokenizer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.chat_template = THINKING_TEMPLATE
    vocabulary = Vocabulary(tokenizer)
    model = AskedModel("hand", Alphabetical(), vocabulary, Thinking(tokenizer, "hand"))
    texts = [("Floats?", "So."), ("What is </think>?", "So."), ("Floats?", "So. <think>"), ("Floats?", "")]
    asked = [answer_dialogue(Question("t", "q", q), r, "Thus") for q, r in texts]
    reasons = [reason.partition(",")[0] for reason in model.refusals(asked, 1)]
    assert reasons == ["", "holds '</think>'", "holds '<think>'", ""]
