"""What tests make: tiny random models in ordinary directories, traces, and tools for interventions."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cotfaith import Edit, NotApplicable, Question, Tools, Trace, split_steps
from cotfaith.plugins.registry import INTERVENTIONS, TASKS
from cotfaith.schema import Answer, Generation, GenerationRequest, Refusal

TEXT = [
    "Human: Question: What is 12 + 34?\n\nAssistant: Let's think step by step: 12 + 34 = 46.",
    "Given all of the above, what's the single, most likely answer? The single, most likely answer is (",
]
CHAT_TEMPLATE = (
    "{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


def save_tokenizer(directory: Path) -> int:
    """Write a byte-level tokenizer with a few merges and a chat template; return its size."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(TEXT, vocab_size=330, special_tokens=["<|end|>", "<|turn|>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer,
        eos_token="<|end|>",
        pad_token="<|end|>",
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(directory)
    return len(tokenizer)


def save_model(directory: Path, family: str, seed: int = 0) -> Path:
    """Write a model of the family; weights are large enough that its distributions are far from flat."""
    import torch
    from transformers import AutoModelForCausalLM

    config = config_of(family, save_tokenizer(directory))
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and not any(part in name for part in KEPT):
                parameter.normal_(0, 0.3)
    model.save_pretrained(directory)
    return directory


KEPT = ("A_log", "conv", "time_decay")
"""Weights that are no matrices of a linear map, which large ones would make infinite."""
LONGEST = 4096


def config_of(family: str, size: int) -> Any:
    """Return the configuration of a tiny model of a family, each with something of its own.

    mistral, gemma3, gemma3-images, gptneo and gpt-oss attend to windows (of 40, 128, 128, 256 and 64 tokens),
    llama4 to chunks of 64, longrope and dynamic turn keys otherwise in sequences of more than 300 tokens; bloom and falcon mark
    distances by ALiBi; mamba, rwkv and recurrent-gemma are recurrent; lfm2, qwen3-next, falcon-h1 and bamba
    are partly so.
    """
    import transformers as hf

    common: dict[str, Any] = {"vocab_size": size, "eos_token_id": 0, "pad_token_id": 0, "bos_token_id": 0}
    sizes: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    wide = {**common, **sizes, "intermediate_size": 64}
    llama = {**wide, "num_key_value_heads": 2, "max_position_embeddings": LONGEST}
    windows = {"head_dim": 8, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 128}
    vision = {**sizes, "num_hidden_layers": 1, "intermediate_size": 64, "image_size": 28, "patch_size": 14}
    states = {"mamba_d_state": 8, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1}
    linear = {f"linear_{part}": n for part, n in {
        "num_value_heads": 4, "num_key_heads": 2, "key_head_dim": 8, "value_head_dim": 8}.items()}  # fmt: skip
    experts = {"num_experts": 2, "num_experts_per_tok": 1}
    switch = {
        "rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [1.0, 2.0, 4.0, 8.0],
        "original_max_position_embeddings": 300, "factor": LONGEST / 300, "rope_theta": 1e4,
    }  # fmt: skip
    made: dict[str, Callable[[], Any]] = {
        "llama": lambda: hf.LlamaConfig(**llama),
        "gpt2": lambda: hf.GPT2Config(**common, n_embd=32, n_layer=2, n_head=4, n_positions=LONGEST),
        "mixtral": lambda: hf.MixtralConfig(**llama, num_local_experts=3, num_experts_per_tok=2),
        "neox": lambda: hf.GPTNeoXConfig(**wide, max_position_embeddings=LONGEST),
        "mistral": lambda: hf.MistralConfig(**llama, sliding_window=40),
        "gemma3": lambda: hf.Gemma3TextConfig(**llama, **windows),
        "gemma3-images": lambda: hf.Gemma3Config(
            text_config={**llama, **windows}, vision_config=vision, mm_tokens_per_image=1
        ),
        "gptneo": lambda: hf.GPTNeoConfig(
            **common, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]]
        ),
        "gpt-oss": lambda: hf.GptOssConfig(
            **llama, head_dim=8, sliding_window=64, num_local_experts=2, num_experts_per_tok=1
        ),
        "llama4": lambda: hf.Llama4TextConfig(
            **llama, head_dim=8, attention_chunk_size=64, num_local_experts=2, num_experts_per_tok=1,
            intermediate_size_mlp=64, no_rope_layers=[1, 0],
        ),
        "longrope": lambda: hf.Phi3Config(
            **llama, rope_scaling=switch, original_max_position_embeddings=300
        ),
        "dynamic": lambda: hf.LlamaConfig(
            **{**llama, "max_position_embeddings": 300},
            rope_scaling={"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4},
        ),
        "bloom": lambda: hf.BloomConfig(**common, hidden_size=32, n_layer=2, n_head=4),
        "falcon": lambda: hf.FalconConfig(**common, **sizes, alibi=True, new_decoder_architecture=False),
        "mamba": lambda: hf.MambaConfig(**common, hidden_size=32, num_hidden_layers=2, state_size=8),
        "rwkv": lambda: hf.RwkvConfig(
            **common, hidden_size=32, num_hidden_layers=2, attention_hidden_size=32, context_length=LONGEST
        ),
        "recurrent-gemma": lambda: hf.RecurrentGemmaConfig(
            **wide, num_key_value_heads=2, lru_width=32, attention_window_size=64,
            block_types=["recurrent", "attention"],
        ),
        "lfm2": lambda: hf.Lfm2Config(**llama, layer_types=["conv", "full_attention"]),
        "bamba": lambda: hf.BambaConfig(**llama, **states, attn_layer_indices=[1]),
        "falcon-h1": lambda: hf.FalconH1Config(**llama, **states, head_dim=8, mamba_d_ssm=64),
        "qwen3-next": lambda: hf.Qwen3NextConfig(
            **llama, **linear, **experts, head_dim=8, layer_types=["linear_attention", "full_attention"],
            moe_intermediate_size=16, shared_expert_intermediate_size=16,
        ),
    }  # fmt: skip
    return made[family]()


def make_trace(
    reasoning: str = " 12 + 34 = 46. So the answer is 46.",
    *,
    question_id: str = "q1",
    sample: int = 0,
    answer: str | None = "46",
    without: str | None = "40",
    tokens: int | None = None,
) -> Trace:
    """Return a trace of an addition question."""
    question = Question("addition", question_id, "What is 12 + 34?", gold="46")
    return Trace(
        question=question,
        sample=sample,
        steps=split_steps(reasoning),
        drawn_tokens=len(reasoning.split()) if tokens is None else tokens,
        hit_limit=False,
        answer=Answer(answer, correct=answer == "46"),
        answer_without=Answer(without, correct=without == "46"),
        same_without=answer is not None and answer == without,
        text_tokens=len(reasoning.split()) if tokens is None else tokens,
    )


Helper = Callable[[Sequence[GenerationRequest]], list[Generation | Refusal]]


def write_by_seed(requests: Sequence[GenerationRequest]) -> list[Generation | Refusal]:
    """Write a text that depends on the request's seed alone."""
    return [Generation(f" Rewritten {request.seed}.", 3, hit_limit=False) for request in requests]


def count_words(text: str) -> int:
    return len(text.split())


def first_words(text: str, n: int) -> str:
    """Return the beginning of a text that has so many words."""
    ends = [0, *(found.end() for found in re.finditer(r"\s*\S+", text))]
    return text[: ends[min(n, len(ends) - 1)]]


def make_tools(
    intervention: str,
    helper: Helper = write_by_seed,
    count: Callable[[str], int] = count_words,
    **options: Any,
) -> Tools:
    """Return tools for a model of three layers whose helper writes what the test wants, of addition."""
    rewriter = TASKS.build("addition").rewriter
    inside: dict[str, Any] = {"layers": 3, "build": INTERVENTIONS.build}
    return Tools(0, intervention, helper, count, first_words, rewriter, **inside | options)


def apply(spec: str, traces: Sequence[Trace], **options: Any) -> list[Edit | NotApplicable]:
    """Return all that an intervention makes of the traces."""
    return list(INTERVENTIONS.build(spec).edits(traces, make_tools(spec, **options)))
