"""What stands in a model's directory or on the hub, apart from the weights."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from cotfaith.errors import InputError

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
"""Names of weights in other formats than safetensors."""
LENGTHS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "seq_length",
    "context_length",
    "n_ctx",
)
"""What configurations call the longest sequence."""
UNLIMITED = 1 << 20


def load_config(source: str, *, trust_remote_code: bool = False) -> Any:
    """Return the model's configuration, or say why there is none."""
    from transformers import AutoConfig

    path = Path(source).expanduser()
    if path.is_dir() and not (path / "config.json").is_file():
        raise InputError(
            f"model {source!r}: the directory has no config.json; expected a Hugging Face model."
        )
    if not path.exists() and (source.startswith((".", "/", "~")) or source.count("/") > 1):
        raise InputError(f"model {source!r}: no such directory.")
    try:
        return AutoConfig.from_pretrained(
            str(path) if path.is_dir() else source, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError) as error:
        _refuse_code(source, error)
        raise InputError(
            f"unknown model {source!r}: neither a directory here nor to be had from the hub "
            f"({str(error).splitlines()[0]}). `cotfaith list` shows the models on this disk."
        ) from error


def load_tokenizer(source: str, *, trust_remote_code: bool = False) -> Any:
    """Return the model's tokenizer with its own defaults."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(source, trust_remote_code=trust_remote_code)
    except (OSError, ValueError) as error:
        _refuse_code(source, error)
        raise InputError(f"model {source!r}: no tokenizer ({str(error).splitlines()[0]}).") from error


@contextmanager
def on_day(day: str | None) -> Iterator[None]:
    """Let chat templates that print the date print this one, written as YYYY-MM-DD; None is today.

    Transformers gives templates the date by asking the clock, and takes no other.
    """
    from transformers.utils import chat_template_utils

    pinned = datetime.fromisoformat(day) if day else datetime.now()
    clock = type("Pinned", (datetime,), {"now": staticmethod(lambda *_: pinned)})
    before = chat_template_utils.datetime
    chat_template_utils.datetime = clock
    try:
        yield
    finally:
        chat_template_utils.datetime = before


def content_of(source: str, config: Any) -> str:
    """Return the hub's commit, or a hash of every file of the directory."""
    directory = Path(source)
    if not directory.is_dir():
        return f"{source}@{config._commit_hash}"
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in directory.iterdir() if path.is_file()):
        digest.update(os.fsencode(path.name))
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def context_of(config: Any) -> int:
    """Return the longest sequence, in tokens, that a configuration allows; a recurrent network may have none.

    Dynamic rotary embeddings go on beyond what the configuration calls the most, by their factor.
    """
    text = config.get_text_config()
    longest = next((int(n) for name in LENGTHS if isinstance(n := getattr(text, name, None), int)), UNLIMITED)
    rotary = getattr(text, "rope_parameters", None) or getattr(text, "rope_scaling", None) or {}
    dynamic = rotary.get("rope_type", rotary.get("type")) == "dynamic"
    return int(longest * rotary.get("factor", 1)) if dynamic else longest


def advised(source: str) -> dict[str, float]:
    """Return how a model's makers say that text is drawn from it, by the names of `Sampling`."""
    from transformers import GenerationConfig

    try:
        said = GenerationConfig.from_pretrained(source).to_diff_dict()
    except (OSError, ValueError):
        return {}
    names = ("temperature", "top_p", "top_k", "min_p")
    return {name: float(said[name]) for name in names if said.get("do_sample") and said.get(name) is not None}


def ends_of(source: str) -> set[int]:
    """Return the tokens with which the model's generation_config.json says that a text ends."""
    from transformers import GenerationConfig

    try:
        said = GenerationConfig.from_pretrained(source).eos_token_id
    except (OSError, ValueError):
        return set()
    return set() if said is None else set(said) if isinstance(said, list) else {said}


def n_params_of(source: str, config: Any, *, trust_remote_code: bool) -> int:
    """Count the parameters of a configuration, without any weights."""
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            skeleton = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    except ValueError as error:
        kind = getattr(config, "model_type", "unknown")
        raise InputError(f"model {source!r}: a {kind} model is no causal language model.") from error
    return sum(parameter.numel() for parameter in skeleton.parameters())


def refuse_pickles(source: str, *, allowed: bool) -> None:
    """Refuse a directory whose weights are in no safetensors file: unpickling can run any code."""
    directory = Path(source)
    if allowed or not directory.is_dir() or any(directory.glob("*.safetensors")):
        return
    pickled = sorted(path.name for pattern in PICKLED for path in directory.glob(pattern))
    if pickled:
        raise InputError(
            f"model {source!r}: its weights are no safetensors but {pickled[0]}, and loading such a file can "
            "run any code. Convert them, or trust the file and add --pickled-weights."
        )


def _refuse_code(source: str, error: Exception) -> None:
    """Say that a model needs code that comes with it."""
    if "trust_remote_code" in str(error):
        raise InputError(
            f"model {source!r}: needs Python code that comes with it. It is run only with "
            "--trust-remote-code; read it first."
        ) from error
