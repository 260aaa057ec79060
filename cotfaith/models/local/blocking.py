"""A look inside: what a model answers when nothing behind a part of its prompt can attend to that part."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from cotfaith.models.local.files import load_tokenizer


@dataclass(frozen=True)
class Span:
    """A prompt in three parts, of which the middle one can be hidden from the last."""

    before: str
    hidden: str
    after: str


def answers_when_blocked(bridge: Any, source: str, spans: Sequence[Span], tokens: int) -> list[str]:
    """Continue prompts greedily with the attention from the last part to the hidden one blocked.

    Parameters
    ----------
    bridge : TransformerBridge
        The model behind TransformerLens's hook points.
    source : str
        The model's directory, for its tokenizer.
    spans : sequence of Span
        The prompts; no token may stand across a border of their parts.
    tokens : int
        Most tokens of a continuation.

    Returns
    -------
    list of str
        The continuations without special tokens, in the order of the prompts.

    Notes
    -----
    In every layer and head the attention scores from each token behind the hidden part, continuation
    included, to each token of it are set to −∞ before the softmax (attention knockout: Geva et al. 2023,
    arXiv 2304.14767). What the hidden part says can then reach the answer on no path. Positions stay as they
    were, so a model may be put off by the gap: an answer that changes has read the part or its presence.
    """
    tokenizer = load_tokenizer(source)
    rows = sorted(map(_row, range(len(spans)), spans, [tokenizer] * len(spans)), key=lambda row: len(row[1]))
    written: dict[int, str] = {}
    for _, group in groupby(rows, key=lambda row: len(row[1])):
        several = list(group)
        ids = _continued(bridge, several, tokens)
        ends = (ids == tokenizer.eos_token_id).int().cumsum(1)
        for (place, _, _), row, ended in zip(several, ids, ends, strict=True):
            written[place] = tokenizer.decode(row[ended == 0].tolist())
    return [written[place] for place in range(len(spans))]


Row = tuple[int, list[int], range]
"""A prompt's place among all, its tokens, and the places of those that are hidden."""


def _row(place: int, span: Span, tokenizer: Any) -> Row:
    encoded = tokenizer(span.before + span.hidden + span.after, return_offsets_mapping=True)
    begin, end = len(span.before), len(span.before) + len(span.hidden)
    hidden = [i for i, (start, _) in enumerate(encoded.offset_mapping) if begin <= start < end]
    return place, encoded.input_ids, range(hidden[0], hidden[-1] + 1) if hidden else range(0)


@torch.inference_mode()
def _continued(bridge: Any, rows: Sequence[Row], tokens: int) -> torch.Tensor:
    """Return the likeliest tokens behind prompts of one length, (prompts, tokens)."""
    prompts = torch.tensor([ids for _, ids, _ in rows])
    length = prompts.shape[1]
    hidden = torch.zeros(len(rows), 1, 1, length + tokens, dtype=torch.bool)
    behind = torch.full((len(rows), 1, length + tokens, 1), fill_value=False)
    for i, (_, _, places) in enumerate(rows):
        hidden[i, :, :, places.start : places.stop] = True
        behind[i, :, places.stop :] = True
    blocked = hidden & behind

    def knock_out(scores: torch.Tensor, hook: Any) -> torch.Tensor:  # noqa: ARG001 TransformerLens names it
        queries, keys = scores.shape[-2:]
        return scores.masked_fill(blocked[:, :, :queries, :keys], float("-inf"))

    hooks = [(f"blocks.{layer}.attn.hook_attn_scores", knock_out) for layer in range(bridge.cfg.n_layers)]
    for _ in range(tokens):
        logits = bridge.run_with_hooks(prompts, fwd_hooks=hooks, return_type="logits")
        prompts = torch.cat([prompts, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return prompts[:, length:]
