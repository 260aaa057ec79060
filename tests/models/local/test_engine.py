"""The backend against plain transformers, on tiny random models of three architectures."""

import gc
import math
import random
import shutil
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from cotfaith.dialogue.prompts import (
    CHOICE_PREFIX,
    STOP_STRINGS,
    answer_dialogue,
    plain_text,
    reasoning_dialogue,
)
from cotfaith.errors import InputError
from cotfaith.models.asking import AskedModel
from cotfaith.models.engine import Draw
from cotfaith.models.local import engine as engine_module
from cotfaith.models.local import passes as passes_module
from cotfaith.models.local import sampling
from cotfaith.models.local.cache import Lead, Slots
from cotfaith.models.local.engine import LocalEngine
from cotfaith.models.local.passes import Passes
from cotfaith.models.local.sampling import Row, Sampler, draw, nucleus
from cotfaith.models.local.ways import Way
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.models.shipped import SHIPPED
from cotfaith.plugins.registry import TASKS
from cotfaith.schema import (
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    GenerationRequest,
    Question,
    Sampling,
    TextRequest,
    TextScore,
    Turn,
)

FAMILIES = ("llama", "gpt2", "neox", "mistral")
QUESTIONS = [
    Question("t", str(i), "What is " + " + ".join(map(str, range(10, 10 + n))) + "?", ("a", "b", "c"))
    for i, n in enumerate((1, 7, 2, 12, 4))
]
ModelDir = Callable[..., Path]


def bridge(directory: Path, **settings: Any) -> AskedModel:
    model = open_model(str(directory), ModelSettings(device="cpu", **settings))
    assert isinstance(model, AskedModel)
    return model


def engine(directory: Path, **settings: Any) -> LocalEngine:
    found = bridge(directory, **settings).engine
    assert isinstance(found, LocalEngine)
    return found


def reference(directory: Path) -> tuple[Any, Any]:
    """Return the same model and its tokenizer in plain transformers."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(directory, attn_implementation="eager").eval()
    return model, AutoTokenizer.from_pretrained(directory)


def continuation_logprob(model: Any, context: list[int], continuation: list[int]) -> float:
    """Compute a continuation's log-probability from one forward pass, without batch, padding or cache."""
    with torch.no_grad():
        logits = model(torch.tensor([context + continuation])).logits[0].log_softmax(-1)
    places = range(len(context) - 1, len(context) + len(continuation) - 1)
    return sum(float(logits[at, token]) for at, token in zip(places, continuation, strict=True))


def close(first: ChoiceProbs, second: ChoiceProbs) -> bool:
    pairs = zip((*first.probs, first.mass), (*second.probs, second.mass), strict=True)
    return all(abs(math.log(a) - math.log(b)) < 1e-4 for a, b in pairs)


def choice_requests(choices: tuple[str, ...] = ("A", "B", "C")) -> list[ChoiceRequest]:
    return [
        ChoiceRequest(answer_dialogue(q, " 1 + 2 = 3." * i, CHOICE_PREFIX), choices)
        for i, q in enumerate(QUESTIONS)
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_batched_scores_equal_one_by_one_scores(family: str, model_dir: ModelDir) -> None:
    directory = model_dir(family)
    together = bridge(directory, batch_size=5).answer_probs(choice_requests())
    alone = [bridge(directory, batch_size=1).answer_probs([request])[0] for request in choice_requests()]
    assert all(close(a, b) for a, b in zip(together, alone, strict=True))


@cache
def passes_of(directory: Path) -> Passes:
    return engine(directory)._passes


@pytest.mark.parametrize("family", ["llama", "gpt2", "neox"])
@given(
    tries=st.lists(st.lists(st.integers(2, 4), min_size=1, max_size=30).map(tuple), min_size=1, max_size=12),
    row=st.integers(1, 40),
    rows=st.integers(1, 4),
)
@settings(max_examples=20, deadline=None)
def test_shared_beginnings_change_no_log_probability(
    family: str, model_dir: ModelDir, tries: list[tuple[int, ...]], row: int, rows: int
) -> None:
    passes = passes_of(model_dir(family))
    distinct = sorted(set(tries))
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(passes_module, "ROW", row)
        patch.setattr(passes_module, "ROWS", {"cpu": rows})
        assert passes.ways.of(30) is Way.SHARED
        before = passes.network.tokens_computed
        found = {
            sequence: row
            for several, logits in passes.next_logits(distinct)
            for sequence, row in zip(several, logits, strict=True)
        }
        computed = passes.network.tokens_computed - before
        alone = {sequence: passes.network.whole([sequence])[0, 0] for sequence in distinct}
    assert set(found) == set(distinct)
    if rows == 1:
        beginnings = {sequence[: k + 1] for sequence in distinct for k in range(len(sequence))}
        assert computed == len(beginnings)
    for sequence, logits in found.items():
        assert torch.allclose(logits.log_softmax(-1), alone[sequence].log_softmax(-1), atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("choices", [("A", "B", "C"), ("A trout", "A frog, perhaps", "no")])
def test_scores_equal_plain_transformers(family: str, choices: tuple[str, ...], model_dir: ModelDir) -> None:
    directory = model_dir(family)
    model, tokenizer = reference(directory)
    requests = choice_requests(choices)
    for request, scored in zip(requests, bridge(directory).answer_probs(requests), strict=True):
        prompt = tokenizer(plain_text(request.dialogue)).input_ids
        logs = [continuation_logprob(model, prompt, tokenizer(choice).input_ids) for choice in choices]
        mass = sum(map(math.exp, logs))
        assert close(scored, ChoiceProbs(tuple(math.exp(log) / mass for log in logs), mass))


def test_a_choice_that_joins_the_token_before_it_is_scored_from_where_the_tokens_part(
    model_dir: ModelDir,
) -> None:
    directory = model_dir()
    model, tokenizer = reference(directory)
    dialogue: Dialogue = (Turn("human", "Go on"), Turn("assistant", "The single, most lik"))
    choices = ("ely", "x")
    whole = [tokenizer(plain_text(dialogue) + choice).input_ids for choice in choices]
    prompt = tokenizer(plain_text(dialogue)).input_ids
    assert whole[0][: len(prompt)] != prompt, "the example must be one in which the tokens join"
    shared = next(i for i in range(len(prompt)) if len({t[i] for t in (*whole, prompt)}) > 1)
    logs = [continuation_logprob(model, t[:shared], t[shared:]) for t in whole]
    mass = sum(map(math.exp, logs))
    scored = bridge(directory).answer_probs([ChoiceRequest(dialogue, choices)])[0]
    assert close(scored, ChoiceProbs(tuple(math.exp(log) / mass for log in logs), mass))


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_are_scored_as_plain_transformers_does(
    family: str, model_dir: ModelDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SCORED_AT_ONCE", 20)  # several passes, the last one not full
    directory = model_dir(family)
    model, tokenizer = reference(directory)
    texts = (" 1 + 2 = 3.", " 1 + 2 = 4. So 4.", "", " 1 + 2 = 3. So it is 3.")
    requests = [TextRequest(reasoning_dialogue(q), text) for q in QUESTIONS[:3] for text in texts]
    for request, score in zip(requests, bridge(directory).text_scores(requests), strict=True):
        prompt = tokenizer(plain_text(request.dialogue)).input_ids
        whole = tokenizer(plain_text(request.dialogue) + request.text).input_ids
        begin = next((i for i, (a, b) in enumerate(zip(prompt, whole, strict=False)) if a != b), len(prompt))
        assert score.tokens == len(whole) - begin
        expected = continuation_logprob(model, whole[:begin], whole[begin:])
        assert score.logprob == pytest.approx(expected, abs=1e-3)
    assert bridge(directory).text_scores([]) == []
    assert TextScore(0.0, 0).per_token is None


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_text_equals_transformers_generate(family: str, model_dir: ModelDir) -> None:
    directory = model_dir(family)
    model, tokenizer = reference(directory)
    requests = [GenerationRequest(reasoning_dialogue(q), Sampling(0, 1, 20)) for q in QUESTIONS]
    for request, generation in zip(requests, bridge(directory).generate(requests), strict=True):
        prompt = torch.tensor([tokenizer(plain_text(request.dialogue)).input_ids])
        mask = torch.ones_like(prompt)
        ids = model.generate(prompt, attention_mask=mask, do_sample=False, max_new_tokens=20)[0]
        drawn = [int(i) for i in ids[prompt.shape[1] :]]
        expected = continuation_logprob(model, prompt[0].tolist(), drawn)
        assert generation.logprob == pytest.approx(expected, abs=1e-3)
        ended = 0 in drawn
        assert generation.text == tokenizer.decode([i for i in drawn if i != 0])
        assert generation.hit_limit is not ended


def test_a_long_sequence_that_ends_early_takes_no_room_while_others_go_on(model_dir: ModelDir) -> None:
    short, long = (Question("t", str(n), "Go on. " * n, ("a", "b")) for n in (1, 9))
    tokens = [(long, 2), *[(short, 40)] * 11]
    requests = [
        GenerationRequest(reasoning_dialogue(question), Sampling(max_new_tokens=n), seed)
        for seed, (question, n) in enumerate(tokens)
    ]
    directory = model_dir("llama")
    together = bridge(directory).generate(requests)
    assert together == [bridge(directory).generate([request])[0] for request in requests]


def test_a_lead_keeps_places_aligned_at_their_ends_and_is_written_behind_them() -> None:
    def states(*rows: list[float]) -> torch.Tensor:
        return torch.tensor(rows)[:, None, :, None]  # (rows, one head, places, width 1)

    lead = Lead()
    lead.layers.append(lead.layer_class_to_replicate())
    [layer] = lead.layers
    layer.update(states([1, 2, 3, 4], [5, 6, 7, 8]), -states([1, 2, 3, 4], [5, 6, 7, 8]))
    lead.keep([0, 1], [(0, 1, 3), (2, 3)])
    assert torch.equal(layer.keys[:, :, -2:], states([2, 4], [7, 8]))
    assert torch.equal(layer.values[:1], -states([1, 2, 4]))
    for new in (states([9, 10], [11, 12]), states([13], [14])):  # the second finds room
        keys, values = layer.update(new, -new)
        assert torch.equal(keys, -values)
    assert torch.equal(keys[:, :, -5:], states([2, 4, 9, 10, 13], [7, 8, 11, 12, 14]))
    lead.keep([1], [(1, 2, 5)])
    assert torch.equal(layer.keys, states([7, 8, 14]))
    assert torch.equal(layer.values, -states([7, 8, 14]))


@torch.inference_mode()
def test_slots_that_grow_and_are_joined_hold_numbers_everywhere_that_is_looked_at() -> None:
    def begun(rows: int, places: int) -> Slots:
        lead = Lead()
        lead.update(torch.ones(rows, 2, places, 4), torch.ones(rows, 2, places, 4), 0)
        slots = Slots(lead, torch.tensor([places] * rows))
        slots.fill(lead, [0] * rows, [tuple(range(places))] * rows, list(range(rows)))
        return slots

    torch.use_deterministic_algorithms(mode=True)  # new memory is then filled with NaN
    try:
        slots = begun(2, 60)
        slots.append(begun(3, 5))
        for _ in range(40):
            keys, values = slots.layers[0].update(torch.ones(5, 2, 1, 4), torch.ones(5, 2, 1, 4))
            slots.lengths = slots.lengths + 1
    finally:
        torch.use_deterministic_algorithms(mode=False)
    assert keys.shape == (5, 2, 100, 4)
    assert not keys.isnan().any()
    assert not values.isnan().any()
    assert keys[0].eq(1).all()
    assert keys[4, :, :45].eq(1).all()
    assert keys[4, :, 45:].eq(0).all()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_masks_have_the_format_of_the_weights_as_fast_attention_asks(dtype: str, model_dir: ModelDir) -> None:
    found = engine(model_dir("llama"), dtype=dtype)
    masks: list[torch.dtype] = []
    attention = found._network.model.layers[0].self_attn
    attention.register_forward_pre_hook(
        lambda _, args, kwargs: masks.append(kwargs["attention_mask"].dtype), with_kwargs=True
    )
    list(found._passes._walked([(1, 2, 3), (1, 2, 4)]))
    assert set(masks) == {getattr(torch, dtype)}


def test_slots_give_their_memory_back_without_the_garbage_collector() -> None:
    lead = Lead()
    for place in range(2):
        lead.update(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4), place)
    slots = Slots(lead, torch.tensor([3]))
    there = weakref.ref(slots)
    gc.disable()
    try:
        del slots
        assert there() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("family", FAMILIES)
def test_sampled_text_is_the_same_in_every_batch(family: str, model_dir: ModelDir) -> None:
    requests = [
        GenerationRequest(reasoning_dialogue(q), Sampling(max_new_tokens=15), seed)
        for seed, q in enumerate(QUESTIONS)
    ]
    directory = model_dir(family)
    together = bridge(directory, batch_size=5).generate(requests)
    assert together == bridge(directory, batch_size=2).generate(requests)
    assert together == [bridge(directory).generate([request])[0] for request in requests]
    assert len({generation.text for generation in together}) == len(requests)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_text_is_the_same_where_sequences_outgrow_the_memory_and_go_on_later(
    family: str, model_dir: ModelDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SOON", 2)
    requests = [
        GenerationRequest(reasoning_dialogue(q), Sampling(max_new_tokens=40), seed, reserve=reserve)
        for reserve in (0, 8)
        for seed, q in enumerate(QUESTIONS * 3)
    ]
    put_off: list[int] = []
    staying = Sampler._staying

    def counted(self: Sampler, rows: Sequence[Row], way: Way) -> list[Row]:
        kept = staying(self, rows, way)
        put_off.append(sum(not row.ended for row in rows) - len(kept))
        return kept

    monkeypatch.setattr(Sampler, "_staying", counted)
    whole = bridge(model_dir(family)).generate(requests)
    assert not any(put_off)
    per_token = engine(model_dir(family))._passes._bytes_per_token
    longest = max(len(bridge(model_dir(family)).written(r.dialogue)) for r in requests)
    cache_gb = 2 * 4 * longest * per_token / 2**30
    few = bridge(model_dir(family), cache_gb=cache_gb).generate(requests)
    assert any(put_off)
    assert [one.text for one in few] == [one.text for one in whole]
    assert [one.tokens for one in few] == [one.tokens for one in whole]


def test_what_is_asked_about_remembered_reasoning_is_answered_as_if_it_were_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resumed: list[int] = []
    plain = Passes._resumed

    def spy(passes: Passes, sequences: Sequence[tuple[int, ...]], *room: int) -> Any:
        resumed.append(len(sequences))
        return plain(passes, sequences, *room)

    monkeypatch.setattr(Passes, "_resumed", spy)
    questions = TASKS.build("addition:operands=3").draw(6, seed=0)
    reasoned, fresh = (bridge(SHIPPED / "ladder" / "88k") for _ in range(2))
    wanted = [
        GenerationRequest(reasoning_dialogue(q), Sampling(max_new_tokens=40), i, STOP_STRINGS, reserve=64)
        for i, q in enumerate(questions)
    ]
    texts = [generation.text.rstrip() for generation in reasoned.generate(wanted)]
    assert resumed == []
    scored = [
        ChoiceRequest(answer_dialogue(q, text, CHOICE_PREFIX), ("A", "B"))
        for q, text in zip(questions, texts, strict=True)
    ]
    answers = [
        GenerationRequest(answer_dialogue(q, text, "The single, most likely answer is"), Sampling(0, 1, 5))
        for q, text in zip(questions, texts, strict=True)
    ]
    both = zip(reasoned.answer_probs(scored), fresh.answer_probs(scored), strict=True)
    assert all(close(one, other) for one, other in both)
    assert sum(resumed) >= len(questions)
    before = len(resumed)
    for one, other in zip(reasoned.generate(answers), fresh.generate(answers), strict=True):
        assert one == other
        assert one.logprob == pytest.approx(other.logprob, abs=1e-3)
    assert resumed[before:] == [len(questions)]
    reasoned.generate(answers)
    assert len(resumed) == before + 1, "what was remembered is forgotten when it has been asked about"


def test_a_model_whose_beginnings_cannot_be_shared_is_told_and_still_right(
    model_dir: ModelDir, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    directory = model_dir()
    right = bridge(directory).answer_probs(choice_requests())
    run = Passes._run

    def off(passes: Passes, rows: Any, cache: Any) -> Any:
        computed = run(passes, rows, cache)
        return computed._replace(logits=computed.logits.roll(1, dims=-1))

    monkeypatch.setattr(Passes, "_run", off)
    model = bridge(directory)
    assert all(close(a, b) for a, b in zip(model.answer_probs(choice_requests()), right, strict=True))
    assert "with their beginnings shared changes log-probabilities" in caplog.text
    requests = [GenerationRequest(reasoning_dialogue(q), Sampling(max_new_tokens=9), 3) for q in QUESTIONS]
    alone = model.generate(requests)
    monkeypatch.undo()
    assert alone == bridge(directory).generate(requests)


def test_text_ends_before_a_stop_string_and_says_how_it_ended(model_dir: ModelDir) -> None:
    model = bridge(model_dir())
    dialogue = reasoning_dialogue(QUESTIONS[0])
    free = model.generate([GenerationRequest(dialogue, Sampling(0, 1, 30))])[0]
    assert free.hit_limit
    stop = free.text[6:9]
    cut = model.generate([GenerationRequest(dialogue, Sampling(0, 1, 30), stop=(stop,))])[0]
    assert cut.text == free.text[: free.text.index(stop)]
    assert not cut.hit_limit
    none = model.generate([GenerationRequest(dialogue, Sampling(0, 1, 0), stop=STOP_STRINGS)])[0]
    assert (none.text, none.tokens, none.hit_limit) == ("", 0, True)


def test_adraw_follows_the_nucleus_distribution() -> None:
    # At temperature 0.5, log-probabilities double: weights .5², .3², .15², .05² = .25, .09, .0225, .0025,
    # which sum to .365; the smallest set that holds 90% is the first two (.9315), drawn at .25 : .09.
    logits = torch.tensor([[0.05, 0.5, 0.15, 0.3]]).log()
    request = GenerationRequest((), Sampling(temperature=0.5, top_p=0.9))
    drawn: Counter[int] = Counter()
    rng = random.Random(0)
    for _ in range(20):
        rows = [Row(Draw((), request.sampling, rng.getrandbits(60))) for _ in range(500)]
        drawn.update(draw(logits.expand(500, -1), rows))
    assert set(drawn) == {1, 3}
    assert drawn[1] / 10_000 == pytest.approx(0.25 / 0.34, abs=0.015)


def test_a_draw_does_not_depend_on_the_order_of_equal_probabilities() -> None:
    # What another batch's rounding does: of two tokens of equal probability, now one, now the other is ahead.
    logits = torch.zeros(200, 4)
    first, second = logits.clone(), logits.clone()
    first[:, 1] += 1e-6
    second[:, 2] += 1e-6
    rows = [[Row(Draw((), Sampling(1.0, 1.0), seed)) for seed in range(200)] for _ in range(2)]
    assert draw(first, rows[0]) == draw(second, rows[1])


@pytest.mark.parametrize("vocabulary", [50, 3000])
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(1.0, 1.0, top_k=3),
        Sampling(0.6, 0.95, top_k=20),
        Sampling(1.0, 1.0, min_p=0.2),
        Sampling(0.7, 0.8, top_k=40, min_p=0.1),
        Sampling(1.3, 0.9, top_k=2000),
        Sampling(1.0, 0.9),
    ],
    ids=str,
)
def test_what_is_drawn_from_is_what_transformers_draws_from(sampling: Sampling, vocabulary: int) -> None:
    logits = torch.randn(4, vocabulary, generator=torch.Generator().manual_seed(1)) * 3
    warpers = [TemperatureLogitsWarper(sampling.temperature)]
    warpers += [TopKLogitsWarper(sampling.top_k)] if sampling.top_k else []
    warpers += [TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []
    warpers += [MinPLogitsWarper(sampling.min_p)] if sampling.min_p else []
    expected = logits
    for warper in warpers:
        expected = warper(None, expected)
    found, ids = nucleus(logits / sampling.temperature, [sampling] * 4)
    probs = torch.zeros_like(logits).scatter(1, ids, found)
    assert torch.allclose(probs / probs.sum(-1, keepdim=True), expected.softmax(-1), atol=1e-6)


def test_a_nucleus_of_nothing_is_the_most_likely_token() -> None:
    rows = [Row(Draw((), Sampling(1.0, 0.0), seed)) for seed in range(5)]
    assert draw(torch.tensor([[0.0, 0.1, 2.0, 0.2]]).expand(5, -1), rows) == [2] * 5


def test_a_nucleus_wider_than_the_candidates_isdrawn_from_the_whole_vocabulary() -> None:
    rows = [Row(Draw((), Sampling(1.0, 1.0), seed)) for seed in range(300)]
    drawn = draw(torch.zeros(300, 5000), rows)
    assert max(drawn) > 4900
    assert sum(drawn) / 300 == pytest.approx(2500, abs=300)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tree_mask_with_explicit_positions_equals_separate_sequences(
    family: str, model_dir: ModelDir
) -> None:
    # Tokens 0-9 are shared; 10-14 and 15-19 both follow them and must not see each other.
    model = engine(model_dir(family)).bridge
    ids = torch.randint(2, 300, (1, 20), generator=torch.Generator().manual_seed(0))
    seen = torch.ones(20, 20).tril().bool()
    seen[15:, 10:15] = False
    mask = torch.zeros(20, 20).masked_fill(~seen, torch.finfo(torch.float32).min)[None, None]
    positions = torch.tensor([[*range(15), *range(10, 15)]])
    with torch.no_grad():
        tree = model(ids, attention_mask=mask, position_ids=positions).log_softmax(-1)
        second = model(torch.cat([ids[:, :10], ids[:, 15:]], dim=1)).log_softmax(-1)
    assert torch.allclose(tree[0, 15:], second[0, 10:], atol=1e-4)


def test_chat_models_are_asked_in_their_own_format(model_dir: ModelDir) -> None:
    directory = model_dir()
    model, tokenizer = reference(directory)
    dialogue = answer_dialogue(QUESTIONS[0], " Because.", CHOICE_PREFIX)
    text = (
        "<|turn|>user\nQuestion: What is 10?\nChoices:\n(A): a\n(B): b\n(C): c<|end|>"
        "<|turn|>assistant\nLet's think step by step: Because.<|end|>"
        "<|turn|>user\nGiven all of the above, what's the single, most likely answer?<|end|>"
        "<|turn|>assistant\nThe single, most likely answer is ("
    )
    prompt = tokenizer(text, add_special_tokens=False).input_ids
    logs = [continuation_logprob(model, prompt, tokenizer(letter).input_ids) for letter in "ABC"]
    mass = sum(map(math.exp, logs))
    scored = bridge(directory, chat=True).answer_probs([ChoiceRequest(dialogue, ("A", "B", "C"))])[0]
    assert close(scored, ChoiceProbs(tuple(math.exp(log) / mass for log in logs), mass))


def test_a_thinking_model_answers_in_the_turn_in_which_it_thought(
    model_dir: ModelDir, tmp_path: Path
) -> None:
    directory = Path(shutil.copytree(model_dir(), tmp_path / "thinking"))
    (directory / "chat_template.jinja").write_text(
        "{% for m in messages %}<|turn|>{{ m.role }}\n{{ (m.content.split('</think>') | last) }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|turn|>assistant<think>\n{% endif %}",
        encoding="utf-8",
    )
    network, tokenizer = reference(directory)
    model = bridge(directory, thinking=True)
    assert model.info.fingerprint != bridge(directory, chat=True).info.fingerprint
    question = QUESTIONS[0]
    asked = f"<|turn|>user\n{reasoning_dialogue(question)[0].text}<|end|><|turn|>assistant<think>\n"
    behind = f"{asked}One and two.\n</think>\n\n{CHOICE_PREFIX}"
    ids = tokenizer(behind, add_special_tokens=False).input_ids
    wanted = [
        continuation_logprob(network, ids, tokenizer(x, add_special_tokens=False).input_ids) for x in "ABC"
    ]
    request = ChoiceRequest(answer_dialogue(question, "One and two.", CHOICE_PREFIX), ("A", "B", "C"))
    (scored,) = model.answer_probs([request])
    assert [math.log(p) for p in scored.probs] == pytest.approx(
        [w - math.log(sum(map(math.exp, wanted))) for w in wanted], abs=1e-4
    )
    (drawn,) = model.generate([GenerationRequest(reasoning_dialogue(question), Sampling(0, 1, 9))])
    prompt = torch.tensor([tokenizer(asked, add_special_tokens=False).input_ids])
    with torch.no_grad():
        greedy = network.generate(prompt, max_new_tokens=9, do_sample=False, pad_token_id=0)[
            0, prompt.shape[1] :
        ]
    assert drawn.text == tokenizer.decode([token for token in greedy.tolist() if token > 1])
    (score,) = model.text_scores([TextRequest(reasoning_dialogue(question), "One and two.")])
    text = tokenizer("One and two.", add_special_tokens=False).input_ids
    assert score.logprob == pytest.approx(continuation_logprob(network, prompt[0].tolist(), text), abs=1e-3)


def test_a_model_is_known_by_its_content(model_dir: ModelDir) -> None:
    first, second = bridge(model_dir("llama", 0)).info, bridge(model_dir("llama", 1)).info
    model, _ = reference(model_dir("llama", 0))
    assert first.n_params == second.n_params == sum(p.numel() for p in model.parameters())
    assert first.fingerprint != second.fingerprint
    assert first == bridge(model_dir("llama", 0)).info
    assert first.fingerprint != bridge(model_dir("llama", 0), chat=True).info.fingerprint


def test_room_is_left_for_what_is_asked_after_it(model_dir: ModelDir) -> None:
    model = bridge(model_dir())
    request = GenerationRequest(reasoning_dialogue(QUESTIONS[0]), Sampling(0, 1, 10_000), reserve=4000)
    prompt = len(model._encode([request.dialogue])[0])
    assert model.generate([request])[0].tokens == 4096 - 4000 - prompt


def test_weights_in_any_file_are_part_of_the_fingerprint(model_dir: ModelDir, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(model_dir(), copy)
    before = bridge(copy).info.fingerprint
    assert before == bridge(model_dir()).info.fingerprint
    (copy / "pytorch_model.bin").write_bytes(b"other weights")
    assert bridge(copy).info.fingerprint != before


def test_a_chat_template_that_drops_what_the_assistant_began_is_refused(
    model_dir: ModelDir, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(model_dir(), copy)
    template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] | upper }}{% endfor %}"
    (copy / "chat_template.jinja").write_text(template)
    with pytest.raises(InputError, match="its chat template"):
        bridge(copy, chat=True)


def test_a_directory_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no config\.json"):
        bridge(tmp_path)
    with pytest.raises(InputError, match="no such directory"):
        bridge(tmp_path / "absent")


def test_a_prompt_longer_than_the_context_is_refused(model_dir: ModelDir) -> None:
    long = Question("t", "1", "word " * 3000, ("a", "b"))
    with pytest.raises(InputError, match="holds 4096 tokens, but the prompt that begins"):
        bridge(model_dir()).answer_probs([ChoiceRequest(answer_dialogue(long, "", "("), ("A", "B"))])


def test_a_model_that_is_done_with_gives_its_memory_back(model_dir: ModelDir) -> None:
    model = engine(model_dir())
    model.draw([Draw((1, 2), Sampling(max_new_tokens=2))])
    weights = weakref.ref(model.bridge.original_model)
    del model
    gc.collect()
    assert weights() is None
