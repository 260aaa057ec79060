"""Which ways of running sequences together are right for a network: tiny ones of every kind, against the network alone."""

import logging
import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from cotfaith.errors import InputError
from cotfaith.models.asking import AskedModel
from cotfaith.models.engine import Draw, Tokens
from cotfaith.models.local.engine import LocalEngine
from cotfaith.models.local.network import Network
from cotfaith.models.local.ways import Way
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.schema import Sampling

ModelDir = Callable[..., Path]
WINDOWS = ("mistral", "gemma3", "gemma3-images", "gptneo", "gpt-oss", "llama4")
SWITCHES = ("longrope", "dynamic")
RECURRENT = ("mamba", "rwkv", "recurrent-gemma", "lfm2", "bamba", "falcon-h1", "qwen3-next")
KINDS = ("llama", *WINDOWS, *SWITCHES, "bloom", "falcon", *RECURRENT)


@cache
def engine(directory: Path, dtype: Any = "float32") -> LocalEngine:
    model = open_model(str(directory), ModelSettings(device="cpu", dtype=dtype))
    assert isinstance(model, AskedModel)
    assert isinstance(model.engine, LocalEngine)
    return model.engine


def sequences() -> list[Tokens]:
    """Return sequences of 25 to 490 tokens, of which each begins like a longer one."""
    rng = random.Random(5)
    common = tuple(rng.choices(range(5, 250), k=400))
    sizes = [(20, 5), (20, 60), (100, 45), (100, 190), (250, 10), (250, 120), (400, 20), (400, 90)]
    return [(*common[:n], *rng.choices(range(5, 250), k=more)) for n, more in sizes]


def likeliest(directory: Path, sequence: Tokens, steps: int, ends: Sequence[int]) -> list[int]:
    """Go on greedily, each token from a fresh pass of a freshly loaded network."""
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(directory).eval()
    written: list[int] = []
    while len(written) < steps and not (written and written[-1] in ends):
        with torch.no_grad():
            logits = Network(network).whole([(*sequence, *written)])
        written.append(int(logits[0, 0].argmax()))
    return written


@pytest.mark.parametrize("family", KINDS)
def test_short_and_long_sequences_asked_together_are_what_each_is_alone(
    family: str, model_dir: ModelDir
) -> None:
    from transformers import AutoModelForCausalLM

    directory = model_dir(family)
    found = engine(directory).next_logprobs({sequence: set(range(5, 250)) for sequence in sequences()})
    for sequence in sequences():
        network = AutoModelForCausalLM.from_pretrained(directory).eval()
        with torch.no_grad():
            true = network(torch.tensor([sequence])).logits[0, -1].log_softmax(-1)
        computed = torch.tensor([found[sequence, token] for token in range(5, 250)])
        assert torch.allclose(computed, true[5:250], atol=1e-4), len(sequence)


@pytest.mark.parametrize("family", KINDS)
def test_greedy_texts_drawn_together_are_what_each_is_alone(family: str, model_dir: ModelDir) -> None:
    directory = model_dir(family)
    some = sequences()[1::2]  # one of them grows from 290 tokens over the switch at 300
    drawn = engine(directory).draw([Draw(sequence, Sampling(0, 1, 14)) for sequence in some])
    ends = sorted(engine(directory).ends)
    assert [list(one.tokens) for one in drawn] == [likeliest(directory, one, 14, ends) for one in some]


@pytest.mark.parametrize(
    ("family", "limit"),
    [("mistral", 40), ("gemma3", 128), ("gpt-oss", 64), ("llama4", 64), ("longrope", 300), ("dynamic", 300)],
)
def test_beginnings_are_shared_up_to_the_length_at_which_something_changes(
    family: str, limit: int, model_dir: ModelDir, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    engine.cache_clear()
    ways = engine(model_dir(family))._passes.ways
    assert ways.of(500) is not Way.SHARED
    assert ways.of(limit) is Way.SHARED
    assert ways.of(limit + 1) is not Way.SHARED
    assert f"sequences of more than {limit} tokens are not" in caplog.text


def test_a_window_over_places_lets_nothing_be_shared_however_short(model_dir: ModelDir) -> None:
    assert engine(model_dir("gptneo"))._passes.ways.of(20) is Way.PADDED


def test_what_nothing_changes_is_shared_at_every_length(model_dir: ModelDir) -> None:
    ways = engine(model_dir("llama"))._passes.ways
    assert {ways.of(n) for n in (1, 128, 129, 900, 2000)} == {Way.SHARED}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_hides_no_window_and_invents_none(dtype: Any, model_dir: ModelDir) -> None:
    engine.cache_clear()
    assert engine(model_dir("llama"), dtype)._passes.ways.of(500) is Way.SHARED
    for family in ("gemma3", "gptneo", "mistral", "longrope"):
        assert engine(model_dir(family), dtype)._passes.ways.of(500) is not Way.SHARED, family


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_as_near_to_itself_as_the_trial_allows(dtype: Any, model_dir: ModelDir) -> None:
    half = engine(model_dir("llama"), dtype)
    found = half.next_logprobs({sequence: set(range(5, 250)) for sequence in sequences()})
    for sequence in sequences():
        true = half._passes.network.whole([sequence])[0, 0].log_softmax(-1)[5:250]
        computed = torch.tensor([found[sequence, token] for token in range(5, 250)])
        assert float((computed - true).abs().mean()) < 4 * half._passes.ways.tolerance


def test_a_network_that_remembers_what_it_ran_is_refused(
    model_dir: ModelDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.cache_clear()
    plain, longest = Network.whole, 0

    def remembering(network: Network, several: Sequence[Tokens], read: Sequence[int] = (-1,)) -> torch.Tensor:
        nonlocal longest
        longest = max(longest, len(several[0])) if len(several[0]) > 8 else 0
        logits = plain(network, several, read)
        return logits + longest * torch.linspace(0, 0.01, logits.shape[-1])

    monkeypatch.setattr(Network, "whole", remembering)
    with pytest.raises(InputError, match="other numbers when it has run another one before"):
        engine(model_dir("llama"))._passes.ways.of(500)
    engine.cache_clear()


def test_a_bridge_that_computes_otherwise_is_refused_where_it_is_needed(model_dir: ModelDir) -> None:
    with pytest.raises(InputError, match="its TransformerBridge computes other numbers than transformers"):
        _ = engine(model_dir("falcon")).bridge


def test_a_model_that_also_takes_images_installs_nothing(
    model_dir: ModelDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was to be installed")

    monkeypatch.setattr(subprocess, "check_call", refuse)
    assert engine(model_dir("gemma3-images")).bridge is not None
