"""The same network behind TransformerLens's hook points."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.generalized_components import AttentionBridge
from transformer_lens.model_bridge.sources.transformers import helpers

from cotfaith.errors import InputError
from cotfaith.models.local.network import CACHES
from cotfaith.models.local.passes import Passes
from cotfaith.models.local.ways import FIRST, apart
from cotfaith.models.model import ModelSettings


def bridged(source: str, network: Any, tokenizer: Any, settings: ModelSettings) -> Any:
    """Return a TransformerBridge over a copy of a network that shares its weights.

    InputError where TransformerLens knows no architecture of its kind.
    """
    weights = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    try:
        with _nothing_installed():
            bridge = TransformerBridge.boot_transformers(
                source,
                device=str(network.device),
                dtype=network.dtype,
                tokenizer=tokenizer,
                trust_remote_code=settings.trust_remote_code,
                hf_model=copy.deepcopy(network, weights),
            )
    except (OSError, ValueError, RuntimeError, NotImplementedError, ImportError) as error:
        raise InputError(f"model {source!r}: no TransformerBridge: {error}") from error
    _hand_on_cache(bridge)
    return bridge.eval()


@torch.inference_mode()
def refuse_other(bridge: Any, source: str, passes: Passes) -> None:
    """Raise InputError where a bridge does not compute what its network does: not all that boot are right."""
    sequence = passes.ways.tokens(0, FIRST)
    true = passes.network.whole([sequence], range(FIRST))[0]
    try:
        found = bridge(torch.tensor([sequence], device=true.device), return_type="logits")[0].float()
    except Exception as error:
        raise InputError(f"model {source!r}: its TransformerBridge fails: {error!r}.") from error
    far = apart(found, true)
    if far > passes.ways.tolerance:
        raise InputError(
            f"model {source!r}: its TransformerBridge computes other numbers than transformers, "
            f"log-probabilities {far:.2g} apart. It cannot be looked inside."
        )


def _hand_on_cache(bridge: Any) -> None:
    """Give a bridge's attention its cache under the name that TransformerLens knows.

    Without it, attention that is handed a cache by its new name writes nothing to it.
    """
    for module in bridge.modules():
        if isinstance(module, AttentionBridge):
            module.register_forward_pre_hook(_renamed, with_kwargs=True)


def _renamed(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    before, since, *_ = CACHES
    return args, {before if name == since else name: value for name, value in kwargs.items()}


@contextmanager
def _nothing_installed() -> Iterator[None]:
    """Keep TransformerLens from installing packages, which it does for models that also take images."""
    installs = getattr(helpers, "_ensure_torchvision", None)
    if installs is None:
        yield
        return
    helpers._ensure_torchvision = lambda: False
    try:
        yield
    finally:
        helpers._ensure_torchvision = installs
