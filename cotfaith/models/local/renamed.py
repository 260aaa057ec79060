"""What transformers calls a cache: `past_key_values`, and `cache` since 5.24. Asked of what is installed."""

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformer_lens.model_bridge.generalized_components import AttentionBridge

BEFORE, SINCE = "past_key_values", "cache"


def cache_name(network: Any) -> str:
    """Return the name under which a network takes its cache."""
    return SINCE if SINCE in inspect.signature(network.forward).parameters else BEFORE


def hand_on_cache(bridge: Any) -> None:
    """Give a bridge's attention its cache under the name that TransformerLens knows.

    Without it, attention that is handed a cache by its new name writes nothing to it.
    """
    for module in bridge.modules():
        if isinstance(module, AttentionBridge):
            module.register_forward_pre_hook(_renamed, with_kwargs=True)


@contextmanager
def both_names() -> Iterator[None]:
    """Silence the warning about the cache's old name in attention that TransformerLens leaves as it is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f"`{BEFORE}` is deprecated", FutureWarning)
        yield


def _renamed(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return args, {BEFORE if name == SINCE else name: value for name, value in kwargs.items()}
