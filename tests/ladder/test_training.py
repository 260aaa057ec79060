import csv
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cotfaith.errors import InputError
from cotfaith.ladder import training
from cotfaith.ladder.tokenizer import make_tokenizer
from cotfaith.ladder.training import Document, Recipe, Training, train

RECIPE = Recipe(width=16, layers=1, heads=1, steps=60, learning_rate=1e-2)


class Successors:
    """After a digit comes the next one: learnt in a minute by the smallest of models."""

    tokenizer = make_tokenizer()

    def batches(self, rng: random.Random) -> Mapping[str, Sequence[Document]]:
        return {"next": [Document(f"{d}={(d + 1) % 10}", given="=") for d in rng.choices(range(10), k=32)]}

    def checks(self) -> Mapping[str, Sequence[Document]]:
        return {"next": [Document(f"{d}={(d + 1) % 10}", given="=") for d in range(10)]}


@contextmanager
def nothing(steps: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHECK_EVERY", 20)
    monkeypatch.setattr(training, "WARMUP", 5)


def weights(trained: Training) -> dict[str, torch.Tensor]:
    return dict(trained.model.state_dict())


def test_a_rule_is_learnt_and_the_curve_shows_it(tmp_path: Path, often: None) -> None:
    trained = train(replace(RECIPE, steps=300), Successors(), tmp_path, nothing)
    trained.save_curve(tmp_path / "curve.csv")
    rows = list(csv.DictReader((tmp_path / "curve.csv").read_text(encoding="utf-8").splitlines()))
    assert [int(row["step"]) for row in rows] == list(range(20, 301, 20))
    assert float(rows[0]["loss next"]) > 1 > float(rows[-1]["loss next"])
    assert float(rows[-1]["accuracy next"]) == 1


def test_only_what_is_not_given_is_learnt() -> None:
    trained = Training(RECIPE, Successors())
    ids, labels = trained._encode([Document("1 + 2 = 3", given="= "), Document("1", given="1")])
    tokens = trained.tokenizer.convert_ids_to_tokens(ids[0])
    learnt = [
        token for token, label in zip(tokens, labels[0].tolist(), strict=True) if label != training.NOT_LEARNT
    ]
    assert learnt == ["3", trained.tokenizer.eos_token]
    assert labels[1].tolist().count(training.NOT_LEARNT) == len(tokens) - 1


def test_a_training_that_was_interrupted_ends_like_one_that_was_not(tmp_path: Path, often: None) -> None:
    def dies_at(last: int) -> None:
        @contextmanager
        def until(steps: int) -> Iterator[Callable[[int], None]]:
            done = [RECIPE.steps - steps]

            def advance(more: int) -> None:
                done[0] += more
                if done[0] == last:
                    raise KeyboardInterrupt

            yield advance

        with pytest.raises(KeyboardInterrupt):
            train(RECIPE, Successors(), tmp_path / "died", until)

    dies_at(7)
    dies_at(50)
    died = train(RECIPE, Successors(), tmp_path / "died", nothing)
    whole = train(RECIPE, Successors(), tmp_path / "whole", nothing)
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(weights(died)[name], tensor)
    assert [row["step"] for row in died.curve] == [20, 40, 60]


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path, often: None) -> None:
    train(RECIPE, Successors(), tmp_path, nothing)
    with pytest.raises(InputError, match=r"is of .*'seed': 0.*, not of .*'seed': 1"):
        train(replace(RECIPE, seed=1), Successors(), tmp_path, nothing)
