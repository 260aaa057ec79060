"""What is installed is named where it was not tried, and where something fails."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.running import versions


@pytest.fixture
def too_new(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["numpy<2,>=1", "rich>=1", "nothing-of-this-name>=3", 'lm-eval; extra == "bench"']
    monkeypatch.setattr(versions, "requires", lambda name: wanted)


def test_a_version_outside_of_the_bounds_is_named_with_what_was_tried(too_new: None) -> None:
    import numpy as np

    assert list(versions.untried()) == [
        f"numpy {np.__version__} (tried: <2,>=1)",
        "nothing-of-this-name 0 (tried: >=3)",
    ]


def test_what_is_installed_here_was_tried() -> None:
    assert list(versions.untried()) == []


def test_a_failure_names_the_versions() -> None:
    code = (
        "import cotfaith.cli.app as c\n"
        "def fail(): raise AttributeError('no numel')\n"
        "c.build_app = lambda: fail\n"
        "c.main()"
    )
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    *_, error, said = failed.stderr.strip().splitlines()
    assert error == "AttributeError: no numel"
    assert said.startswith("with cotfaith ")
    assert f"torch {version('torch')}" in said


@pytest.mark.parametrize("name", ["cache", "past_key_values"])
def test_attention_behind_the_bridge_writes_to_its_cache_under_either_name(
    model_dir: Callable[..., Path], name: str
) -> None:
    from transformers import DynamicCache

    model = open_model(str(model_dir("neox")), ModelSettings(device="cpu"))
    cache, states = DynamicCache(), torch.randn(1, 5, 32)
    rotary = torch.ones(1, 5, 2), torch.zeros(1, 5, 2)
    model.engine.bridge.blocks[0].attn(  # type: ignore[attr-defined]
        hidden_states=states, position_embeddings=rotary, attention_mask=None, **{name: cache}
    )
    assert cache.get_seq_length() == 5
