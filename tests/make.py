"""What tests make: tiny random models in ordinary directories, traces, and tools for interventions."""

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
    from transformers import (
        AutoModelForCausalLM,
        GPT2Config,
        GPTNeoXConfig,
        LlamaConfig,
        MistralConfig,
    )

    size = save_tokenizer(directory)
    common: dict[str, Any] = {"vocab_size": size, "eos_token_id": 0, "pad_token_id": 0, "bos_token_id": 0}
    wide = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = {
        "llama": lambda: LlamaConfig(**common, **wide, num_key_value_heads=2, max_position_embeddings=4096),
        "gpt2": lambda: GPT2Config(**common, n_embd=32, n_layer=2, n_head=4, n_positions=4096),
        "mistral": lambda: MistralConfig(
            **common, **wide, num_key_value_heads=2, max_position_embeddings=4096, sliding_window=40
        ),
        "neox": lambda: GPTNeoXConfig(**common, **wide, max_position_embeddings=4096),
    }[family]()
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.3)
    model.save_pretrained(directory)
    return directory


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
    )


Helper = Callable[[Sequence[GenerationRequest]], list[Generation | Refusal]]


def write_by_seed(requests: Sequence[GenerationRequest]) -> list[Generation | Refusal]:
    """Write a text that depends on the request's seed alone."""
    return [Generation(f" Rewritten {request.seed}.", 3, hit_limit=False) for request in requests]


def count_words(text: str) -> int:
    return len(text.split())


def make_tools(
    intervention: str, helper: Helper = write_by_seed, count: Callable[[str], int] = count_words
) -> Tools:
    """Return tools whose helper writes what the test wants, with the rewriter of addition."""
    return Tools(0, intervention, helper, count, TASKS.build("addition").rewriter)


def apply(spec: str, traces: Sequence[Trace]) -> list[Edit | NotApplicable]:
    """Return all that an intervention makes of the traces."""
    return list(INTERVENTIONS.build(spec).edits(traces, make_tools(spec)))
