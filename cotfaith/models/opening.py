"""From a model's name to the model: the form of the name tells the engine that runs it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from cotfaith.errors import InputError, unknown
from cotfaith.models.model import Model, ModelSettings
from cotfaith.models.shipped import GROUPS, local_source, shipped_models
from cotfaith.schema import Sampling

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
    here: bool = True
    """Whether it is loaded here, so that device, format and memory are ours to choose."""


def open_model(source: str, settings: ModelSettings) -> Model:
    """Return the model of that name; weights are loaded when they are needed."""
    for kind in KINDS:
        if kind.has(source):
            return kind.open(source, settings)
    known = "; ".join(kind.form for kind in KINDS)
    raise InputError(f"model {source!r}: nothing here runs models that are named so. Expected {known}.")


def loaded_here(source: str) -> bool:
    """Tell whether a model of that name is loaded here, and not asked on a server."""
    return next((kind.here for kind in KINDS if kind.has(source)), True)


def refuse_sampling(source: str, sampling: Sampling) -> None:
    """Raise InputError where the model of that name cannot be drawn from so."""
    if not loaded_here(source):
        from cotfaith.models.served.opening import refuse_sampling as refuse

        refuse(source, sampling)


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


def _open_served(source: str, settings: ModelSettings) -> Model:
    from cotfaith.models.served.opening import open_served

    return open_served(source, settings)


def _open_started(source: str, settings: ModelSettings) -> Model:
    from cotfaith.models.served.opening import open_started

    return open_started(source, settings)


KINDS = (
    Kind(
        "a directory, a hub name, ladder/RUNG or organisms/NAME",
        lambda name: SCHEME.match(name) is None,
        _open_local,
    ),
    Kind(
        "http://HOST:PORT/v1#NAME for a model on a server",
        lambda name: name.startswith(("http://", "https://")),
        _open_served,
        here=False,
    ),
    Kind(
        "vllm:DIRECTORY or vllm:HUB-NAME to start a server",
        lambda name: name.startswith("vllm:"),
        _open_started,
        here=False,
    ),
)
"""Asked in this order."""
