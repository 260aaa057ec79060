"""Divergences of next tokens, against values worked out by hand."""

import math

import pytest
import torch

from cotfaith.models.local.divergences import divergences


def logits(*rows: list[float]) -> torch.Tensor:
    """Return logits of rows of probabilities."""
    return torch.tensor(rows).log()


def test_they_are_those_worked_out_by_hand() -> None:
    (one,) = divergences(logits([0.5, 0.5]), logits([0.25, 0.75]))
    assert one.kl == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3), abs=1e-6)
    assert one.entropy == pytest.approx(math.log(2), abs=1e-6)


def test_equal_rows_are_not_apart_and_opposite_ones_as_far_as_can_be() -> None:
    same, opposite = divergences(logits([0.2, 0.8], [1, 0]), logits([0.2, 0.8], [0, 1]))
    assert [same.kl, same.js] == pytest.approx([0, 0], abs=1e-9)
    assert opposite.js == pytest.approx(math.log(2))
    assert math.isfinite(opposite.kl)
    assert opposite.kl > 100
    assert opposite.entropy == pytest.approx(0)


def test_a_temperature_is_applied_before() -> None:
    (sharper,) = divergences(logits([0.5, 0.5]), logits([0.25, 0.75]), temperature=0.5)
    assert sharper.kl == pytest.approx(0.5 * math.log(0.5 / 0.1) + 0.5 * math.log(0.5 / 0.9), abs=1e-6)
