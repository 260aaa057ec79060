"""Models by name: those that are shipped beside this file, and all that are on this disk."""

import os
from collections.abc import Iterable
from pathlib import Path

SHIPPED = Path(__file__).parent
LADDER = "ladder"
"""The name of the shipped models of rising size together; `ladder/RUNG` is one of them."""
ORGANISMS = "organisms"
"""The name of the shipped models with a planted mechanism together; `organisms/NAME` is one of them."""
THINKING = "-thinking"
"""What the name of a group ends in whose models think in a block of their own."""
CUED = "-cues"
"""What the name of the organisms ends in that do with cues what was planted."""
GROUPS = (LADDER, ORGANISMS, LADDER + THINKING, ORGANISMS + THINKING, ORGANISMS + CUED)
"""The shipped models, by their kind."""
CARD = "card.json"
"""What an organism's directory holds beside the model: its mechanism and the checks of it."""


def local_source(source: str) -> str:
    """Return a shipped model's directory, and any other source as it is."""
    shipped = any(source in shipped_models(group) for group in GROUPS)
    return str(SHIPPED / source) if shipped else source


def shipped_models(group: str = LADDER) -> list[str]:
    """List the ladder's rungs, or the organisms, the smallest first."""
    weights = sorted(
        (SHIPPED / group).glob("*/model.safetensors"), key=lambda path: (path.stat().st_size, path)
    )
    return [f"{group}/{path.parent.name}" for path in weights]


def expand(names: Iterable[str]) -> list[str]:
    """Put the rungs in the ladder's place and each organism in the organisms'; name no model twice."""
    each = (shipped_models(name) if name in GROUPS else [name] for name in names)
    return list(dict.fromkeys(name for several in each for name in several))


def models_on_disk() -> list[str]:
    """List what can be given to --model without a download: those shipped, ./.models, the hub's cache."""
    local = sorted(str(path.parent) for path in Path(".models").glob("*/config.json"))
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    hub = sorted(
        path.name.removeprefix("models--").replace("--", "/")
        for path in cache.glob("models--*")
        if any(path.glob("snapshots/*/config.json"))
    )
    return [name for group in GROUPS for name in shipped_models(group)] + local + hub
