"""How far the distributions of next tokens are from each other."""

import math
import sys

import torch

from cotfaith.schema import Divergence

LEAST = math.log(sys.float_info.min)
"""The log-probability of what has none."""


@torch.inference_mode()
def divergences(first: torch.Tensor, second: torch.Tensor, temperature: float = 1) -> list[Divergence]:
    """Compare two tensors of logits row by row, (rows, vocabulary), in float64.

    KL(first ‖ second), their Jensen-Shannon divergence and the entropy of the first, in nats. What has no
    probability counts as having the least that a number can be, so that all are finite.
    """
    p, q = ((one.double() / temperature).log_softmax(-1).clamp(min=LEAST) for one in (first, second))
    middle = torch.logaddexp(p, q) - math.log(2)
    values = (_kl(p, q), (_kl(p, middle) + _kl(q, middle)) / 2, -(p.exp() * p).sum(-1))
    rows = zip(*(value.clamp(min=0).tolist() for value in values), strict=True)
    return [Divergence(kl, js, entropy) for kl, js, entropy in rows]


def _kl(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    return (p.exp() * (p - q)).sum(-1)
