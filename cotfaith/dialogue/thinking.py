"""Blocks in which models think before they answer, as chat templates mark them."""

from typing import Literal, NamedTuple


class Markers(NamedTuple):
    """What opens a block of thinking, and what closes it."""

    opening: str
    closing: str


KNOWN = (
    Markers("<think>", "</think>"),
    Markers("[THINK]", "[/THINK]"),
    Markers("<thought>", "</thought>"),
    Markers("<seed:think>", "</seed:think>"),
    Markers("<|START_THINKING|>", "<|END_THINKING|>"),
    Markers("<|channel|>analysis<|message|>", "<|end|>"),
    Markers("<|channel>thought", "<channel|>"),
)
"""Of the families of models that are known to think, from their published templates."""

State = Literal["none", "empty", "closed", "open"]


def markers_in(template: str) -> Markers | None:
    """Return the markers that a template writes or looks for, None if it has none."""
    return next((known for known in KNOWN if known.opening in template or known.closing in template), None)


def state_of(text: str, markers: Markers) -> State:
    """Tell in which state the last block in a text is: none is there, or it is empty, closed or open."""
    opened, closed = text.rfind(markers.opening), text.rfind(markers.closing)
    if opened < 0:
        return "none"
    if closed < opened:
        return "open"
    return "closed" if text[opened + len(markers.opening) : closed].strip() else "empty"
