"""From a model's name to the model: the form of the name tells the engine that runs it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from cotfaith.errors import InputError, unknown
from cotfaith.models.model import Model, ModelSettings
from cotfaith.models.shipped import GROUPS, local_source, shipped_models

SCHEME = re.compile(r"[A-Za-z][\w+.-]+:")


@dataclass(frozen=True)
class Kind:
    """The models that one kind of engine runs."""

    form: str
    """How their names look, as a reader is told."""
    has: Callable[[str], bool]
    """Whether a name is one of theirs."""
    open: Callable[[str, ModelSettings], Model]
    """Opens a model without loading its weights; InputError where it does not exist."""


def open_model(source: str, settings: ModelSettings) -> Model:
    """Return the model of that name; weights are loaded when they are needed."""
    for kind in KINDS:
        if kind.has(source):
            return kind.open(source, settings)
    known = "; ".join(kind.form for kind in KINDS)
    raise InputError(f"model {source!r}: nothing here runs models that are named so. Expected {known}.")


def use_threads(threads: int) -> None:
    """Compute with so many threads."""
    import torch

    torch.set_num_threads(threads)


def _open_local(source: str, settings: ModelSettings) -> Model:
    from cotfaith.models.local.engine import open_local

    group = source.partition("/")[0]
    if group not in GROUPS or "/" not in source:
        return open_local(source, settings)
    if source not in shipped_models(group):
        raise unknown("model", source, shipped_models(group))
    return open_local(local_source(source), settings, name=source)


KINDS = (
    Kind(
        "a directory, a hub name, ladder/RUNG or organisms/NAME",
        lambda name: SCHEME.match(name) is None,
        _open_local,
    ),
)
"""Asked in this order."""
