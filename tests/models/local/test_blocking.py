"""Blocked attention, against transformers' own masks."""

from collections.abc import Callable
from pathlib import Path

import torch

from cotfaith.models.local.blocking import Span, answers_when_blocked
from cotfaith.models.local.engine import LocalEngine, open_local
from cotfaith.models.local.files import load_tokenizer
from cotfaith.models.model import ModelSettings

SPANS = [
    Span("What is 12 + 34?", " 12 + 34 = 46.", " The answer is"),
    Span("What is 9 + 9?", " 9 + 9 = 18. It is 18.", " The answer is"),
    Span("What is 9 + 9?", "", " The answer is"),
]
TOKENS = 4


def by_masks(directory: Path, span: Span, *, blocked: bool) -> str:
    """Continue greedily under a four-dimensional attention mask."""
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(str(directory))
    model = AutoModelForCausalLM.from_pretrained(directory, attn_implementation="eager").eval()
    parts = [tokenizer(part).input_ids for part in (span.before, span.hidden, span.after)]
    begin, end = len(parts[0]), len(parts[0]) + len(parts[1])
    ids = torch.tensor([[token for part in parts for token in part]])
    length = ids.shape[1]
    for _ in range(TOKENS):
        n = ids.shape[1]
        mask = torch.full((n, n), torch.finfo(torch.float32).min).triu(1)
        if blocked:
            mask[end:, begin:end] = torch.finfo(torch.float32).min
        logits = model(input_ids=ids, attention_mask=mask[None, None]).logits
        ids = torch.cat([ids, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return str(tokenizer.decode(ids[0, length:].tolist()))


def test_blocked_attention_is_what_a_mask_does(model_dir: Callable[..., Path]) -> None:
    directory = model_dir("llama")
    engine = open_local(str(directory), ModelSettings(device="cpu")).engine
    assert isinstance(engine, LocalEngine)
    found = answers_when_blocked(engine.bridge, str(directory), SPANS, TOKENS)
    assert found == [by_masks(directory, span, blocked=True) for span in SPANS]
    free = [by_masks(directory, span, blocked=False) for span in SPANS]
    assert found[:2] != free[:2]
    assert found[2] == free[2]
