"""What stands in a model's directory or on the hub, apart from the weights."""

import hashlib
import os
from pathlib import Path
from typing import Any

from cotfaith.errors import InputError


def load_config(source: str) -> Any:
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
        return AutoConfig.from_pretrained(str(path) if path.is_dir() else source)
    except (OSError, ValueError) as error:
        raise InputError(
            f"unknown model {source!r}: neither a directory here nor to be had from the hub "
            f"({str(error).splitlines()[0]}). `cotfaith list` shows the models on this disk."
        ) from error


def load_tokenizer(source: str) -> Any:
    """Return the model's tokenizer with its own defaults."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise InputError(f"model {source!r}: no tokenizer ({str(error).splitlines()[0]}).") from error


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
