"""The seam between the harness and whatever runs a model."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from cotfaith.errors import unknown
from cotfaith.schema import (
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Generation,
    GenerationRequest,
    ModelInfo,
    TextRequest,
    TextScore,
)

Dtype = Literal["float32", "bfloat16", "float16"]

SHIPPED = Path(__file__).parent
LADDER = "ladder"
"""The name of the shipped models of rising size together; `ladder/RUNG` is one of them."""
ORGANISMS = "organisms"
"""The name of the shipped models with a planted mechanism together; `organisms/NAME` is one of them."""
GROUPS = (LADDER, ORGANISMS)
CARD = "card.json"
"""What an organism's directory holds beside the model: its mechanism and the checks of it."""


class Model(Protocol):
    """What a backend must do. Requests come in batches, so that it can share work among them."""

    @property
    def info(self) -> ModelInfo:
        """Name, fingerprint and number of parameters."""

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Continue each dialogue; a request's result does not depend on the others."""

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        """Score each request's choices as the dialogue's next text."""

    def text_scores(self, requests: Sequence[TextRequest]) -> list[TextScore]:
        """Score each text as what continues its dialogue."""

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text by itself, without special tokens."""

    def refusals(self, dialogues: Sequence[Dialogue], room: int) -> list[str]:
        """Say of each dialogue why it cannot be asked with so many tokens behind it; nothing if it can."""


@dataclass(frozen=True)
class ModelSettings:
    """How a model is loaded and asked."""

    chat: bool = False
    """Use the model's own chat template instead of the paper's plain dialogue."""
    device: str = "auto"
    """A torch device; `auto` takes an accelerator where there is one."""
    dtype: Dtype = "float32"
    batch_size: int = 512
    """Most sequences that are continued at once; changes speed and memory, never results."""
    trust_remote_code: bool = False
    """Run the Python code that a model brings with it."""
    pickled_weights: bool = False
    """Load weights that are not safetensors. Unpickling a file can run any code."""


def open_model(source: str, settings: ModelSettings) -> Model:
    """Return a shipped model, a directory's or the hub's; weights are loaded when they are needed."""
    from cotfaith.models.bridge import BridgeModel

    group = source.partition("/")[0]
    if group not in GROUPS or "/" not in source:
        return BridgeModel(source, settings)
    if source not in shipped_models(group):
        raise unknown("model", source, shipped_models(group))
    return BridgeModel(local_source(source), settings, name=source)


def local_source(source: str) -> str:
    """Return a shipped model's directory, and any other source as it is."""
    shipped = any(source in shipped_models(group) for group in GROUPS)
    return str(SHIPPED / source) if shipped else source


def use_threads(threads: int) -> None:
    """Compute with so many threads."""
    import torch

    torch.set_num_threads(threads)


def shipped_models(group: str = LADDER) -> list[str]:
    """List the ladder's rungs, or the organisms, the smallest first."""
    weights = sorted(
        (SHIPPED / group).glob("*/model.safetensors"), key=lambda path: (path.stat().st_size, path)
    )
    return [f"{group}/{path.parent.name}" for path in weights]


def expand(names: Iterable[str]) -> list[str]:
    """Put the rungs in the ladder's place and each organism in the organisms'; name no model twice."""
    each = (shipped_models(name) if name in GROUPS else [name] for name in names)
    return list(dict.fromkeys(name for several in each for name in several))


def models_on_disk() -> list[str]:
    """List what can be given to --model without a download: those shipped, ./.models, the hub's cache."""
    local = sorted(str(path.parent) for path in Path(".models").glob("*/config.json"))
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    hub = sorted(
        path.name.removeprefix("models--").replace("--", "/")
        for path in cache.glob("models--*")
        if any(path.glob("snapshots/*/config.json"))
    )
    return [name for group in GROUPS for name in shipped_models(group)] + local + hub
