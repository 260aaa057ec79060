"""Fixtures that several tests use."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.make import save_model


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that gives a model's directory, made once a session."""
    made: dict[tuple[str, int], Path] = {}

    def make(family: str = "llama", seed: int = 0) -> Path:
        if (family, seed) not in made:
            made[family, seed] = save_model(tmp_path_factory.mktemp(f"{family}{seed}-"), family, seed)
        return made[family, seed]

    return make
