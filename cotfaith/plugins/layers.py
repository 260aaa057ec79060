"""Which layers something is done in, as they are written on the command line."""

import re
from itertools import pairwise

from cotfaith.errors import InputError

ALL = "all"
"""What all layers at once are called."""
Group = tuple[str, tuple[int, ...]]
"""Some layers, and what they are called."""


def layer_groups(spec: str, layers: int) -> list[Group]:
    """Return the groups of layers that something is done in, one group after another.

    `all` is all of them at once, `each` every layer alone, `thirds` the early, the middle and the late ones,
    `first` the first, `12` and `12-20` those; InputError for anything else, and where there are fewer.
    """
    every = tuple(range(layers))
    if spec == ALL:
        return [(ALL, every)]
    if spec == "first":
        return [_named((0,))]
    if spec == "each":
        return [_named((layer,)) for layer in every]
    if spec == "thirds":
        borders = [round(layers * third / 3) for third in range(4)]
        return [_named(every[a:b]) for a, b in pairwise(borders) if a < b]
    found = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", spec)
    if not found:
        raise InputError(f"layers={spec}: expected all, each, thirds, first, a layer or a range, e.g. 12-20.")
    begin, end = int(found[1]), int(found[2] or found[1])
    if not begin <= end < layers:
        raise InputError(f"layers={spec}: there are {layers}, from 0 to {layers - 1}.")
    return [_named(tuple(range(begin, end + 1)))]


def layer_order(name: str) -> tuple[bool, int]:
    """Return what sorts groups of layers from the first to the last, with all at once behind them."""
    first = name.partition("-")[0]
    return name == ALL, int(first) if first.isdigit() else -1


def _named(layers: tuple[int, ...]) -> Group:
    return (str(layers[0]) if len(layers) == 1 else f"{layers[0]}-{layers[-1]}"), layers
