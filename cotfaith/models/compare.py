"""What is changed inside beside what is not: how far the distributions of the next tokens move."""

import math
from collections.abc import Iterator, Sequence

from cotfaith.models.engine import InsideEngine, Touch, Touched
from cotfaith.models.inside import Parts
from cotfaith.schema import Divergence

Pair = tuple[Touched, Touched]
"""The same tokens in two places, or under two changes."""
TEMPERATURE = 0.6
"""At which steps are compared in Thought Anchors."""
LEAST_KL = 1e-9
"""What is added to a KL divergence before its logarithm is taken, there too."""


def means(engine: InsideEngine, compared: Sequence[Sequence[Pair]]) -> Iterator[Divergence | None]:
    """Yield the mean divergence of each sequence of pairs; None for an empty one."""
    distinct = list(dict.fromkeys(pair for pairs in compared for pair in pairs))
    found = dict(zip(distinct, engine.divergences_inside(distinct), strict=True))
    for pairs in compared:
        each = [found[pair] for pair in pairs]
        n = len(each)
        yield (
            Divergence(
                sum(one.kl for one in each) / n,
                sum(one.js for one in each) / n,
                sum(one.entropy for one in each) / n,
            )
            if each
            else None
        )


def on_steps(
    engine: InsideEngine, asked: Sequence[tuple[Parts, Touch, int]]
) -> list[tuple[float | None, ...]]:
    """Return how far each step behind a number of steps moves: the mean of log KL over its tokens.

    Bogdan et al. 2025, arXiv 2506.19143, as their code computes it; but over the whole vocabulary, where they
    keep the likeliest tokens, and at the places that predict a step's tokens, where they take its own.
    """
    pairs = [
        [
            (Touched(parts.tokens[:place]), Touched(parts.tokens[:place], touch))
            for begin, end in parts.steps[last + 1 :]
            for place in range(begin, end)
        ]
        for parts, touch, last in asked
    ]
    distinct = list(dict.fromkeys(pair for each in pairs for pair in each))
    found = dict(zip(distinct, engine.divergences_inside(distinct, TEMPERATURE), strict=True))
    effects = []
    for (parts, _, last), each in zip(asked, pairs, strict=True):
        logs = iter(math.log(found[pair].kl + LEAST_KL) for pair in each)
        steps = [[next(logs) for _ in range(begin, end)] for begin, end in parts.steps[last + 1 :]]
        effects.append(tuple(sum(step) / len(step) if step else None for step in steps))
    return effects
