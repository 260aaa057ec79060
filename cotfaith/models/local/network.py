"""A transformers network: tokens in, logits out."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch

from cotfaith.models.engine import Tokens

CACHES = ("past_key_values", "cache", "cache_params", "state")
"""How networks call what they keep of the tokens before: the first, and since transformers 5.24 the next."""

ORIGINAL = "original_inv_freq"
"""How rotary embeddings call, behind a prefix, the frequencies with which they were trained."""


class Network:
    """The forward passes of a network, of sequences as such or of what they share."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._takes = inspect.signature(network.forward).parameters
        self.tokens_computed = 0
        """Of all passes so far, padding included and trials left out."""

    @contextmanager
    def on_trial(self) -> Iterator[None]:
        """Run what is only tried, without counting it."""
        before = self.tokens_computed
        yield
        self.tokens_computed = before

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._network.device  # type: ignore[no-any-return]

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its weights."""
        return self._network.dtype  # type: ignore[no-any-return]

    @property
    def vocabulary(self) -> int:
        """How many tokens it knows."""
        return int(self._network.get_input_embeddings().num_embeddings)

    @torch.inference_mode()
    def whole(self, sequences: Sequence[Tokens], read: Sequence[int] = (-1,)) -> torch.Tensor:
        """Run sequences of one length as they are, with nothing in front of them and nothing kept.

        This is the truth about a sequence: every other way must give its numbers. Returns the logits at the
        places that are read, (sequences, places, vocabulary), in float32.
        """
        places = [place % len(sequences[0]) for place in read]
        return self._run(torch.tensor(sequences), places, use_cache=False)[0]

    def over(
        self,
        ids: torch.Tensor,
        sees: torch.Tensor,
        positions: torch.Tensor,
        cache: Any,
        read: Sequence[int],
    ) -> torch.Tensor:
        """Run new tokens, each of which sees some of the places before it, (batch, new tokens, places).

        The cache is filled; returns logits as `whole` does.
        """
        passed = {
            "attention_mask": _additive(sees, self.dtype),
            "position_ids": positions,
            self._cache_name: cache,
        }
        return self._run(ids, read, use_cache=True, **passed)[0]

    def beside(self, ids: torch.Tensor, mask: torch.Tensor, cache: Any = None) -> tuple[torch.Tensor, Any]:
        """Run sequences beside each other, padded on the left; return the last logits and the cache.

        The mask is 0 on padding and covers what is cached and what is new, (batch, tokens).
        """
        passed = {} if cache is None else {self._cache_name: cache}
        if not bool(mask.all()):
            positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            passed |= {"attention_mask": mask, "position_ids": positions}
        logits, cache = self._run(ids, (ids.shape[1] - 1,), use_cache=True, **passed)
        return logits[:, -1], cache

    def _run(self, ids: torch.Tensor, read: Sequence[int], **passed: Any) -> tuple[torch.Tensor, Any]:
        self._reset_rotary()
        self.tokens_computed += ids.numel()
        if "logits_to_keep" in self._takes:
            passed["logits_to_keep"] = torch.tensor(read, dtype=torch.long)
        moved = {k: v.to(self.device) if isinstance(v, torch.Tensor) else v for k, v in passed.items()}
        out = self._network(input_ids=ids.to(self.device), **moved)
        logits: torch.Tensor = out.logits if "logits_to_keep" in self._takes else out.logits[:, list(read)]
        return logits.float(), getattr(out, self._cache_name, None)

    def _reset_rotary(self) -> None:
        """Undo what longer sequences have left: dynamic rotary embeddings stay as these had them."""
        for module in self._dynamic:
            for name in [name for name in vars(module) if name.endswith("max_seq_len_cached")]:
                setattr(module, name, module.original_max_seq_len)
            for name, trained in list(module.named_buffers(recurse=False)):
                if name.endswith(ORIGINAL):
                    frequencies = trained.to(self.device).clone()
                    module.register_buffer(name.replace(ORIGINAL, "inv_freq"), frequencies, persistent=False)

    @cached_property
    def _dynamic(self) -> list[Any]:
        """The rotary embeddings that depend on the longest sequence so far."""
        modules = self._network.modules()
        return [module for module in modules if "dynamic" in str(getattr(module, "rope_type", ""))]

    @cached_property
    def _cache_name(self) -> str:
        return next((name for name in reversed(CACHES) if name in self._takes), CACHES[0])


def _additive(sees: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return the mask that is added to attention scores, (batch, 1, new tokens, places)."""
    hidden = torch.zeros(sees.shape, dtype=dtype).masked_fill(~sees, torch.finfo(dtype).min)
    return hidden[:, None]
