"""Simulated subjects of whom the truth is known, as the tidy frames that the estimators read.

A subject has a dial λ: with probability λ, which differs from question to question by a known spread, it
takes its answer from the reasoning, and otherwise from a prior that is there before any reasoning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from cotfaith.stats import Floats

CELL = {"model": "m", "n_params": 10_000, "task": "t"}
LENGTHS = (2, 3, 4, 5)
"""Steps of a reasoning; each length is as likely."""


@dataclass(frozen=True)
class Design:
    """How many questions, samples of each, and how much questions differ."""

    questions: int
    samples: int
    correlation: float
    """Of two samples of a question, 0 (all questions alike) to 1 (all samples alike)."""


def dials(rng: np.random.Generator, design: Design, mean: float) -> Floats:
    """Draw a share for every question from a beta distribution of that mean and the design's correlation."""
    concentration = 1 / design.correlation - 1
    return rng.beta(mean * concentration, (1 - mean) * concentration, size=design.questions)


def outcomes(
    rng: np.random.Generator, design: Design, share: float, intervention: str = "edit"
) -> pd.DataFrame:
    """Return one outcome a sample, of which a share is the same."""
    same = rng.random((design.questions, design.samples)) < dials(rng, design, share)[:, None]
    return _frame(design, intervention=intervention, position=1.0, resume=False, same=same.ravel())


def with_a_floor(rng: np.random.Generator, design: Design, floor: float, edited: float) -> pd.DataFrame:
    """Return the outcomes of an edit and of the same procedure without one, on the same questions.

    A question's answers that keep under the edit are a share of those that keep without it.
    """
    unedited = dials(rng, design, floor)
    kept = dials(rng, design, edited / floor)
    shares = {"floor": unedited, "edit": unedited * kept}
    frames = [
        _frame(
            design,
            intervention=name,
            position=1.0,
            resume=False,
            same=(rng.random((design.questions, design.samples)) < share[:, None]).ravel(),
        )
        for name, share in shares.items()
    ]
    return pd.concat(frames, ignore_index=True)


def truncations(rng: np.random.Generator, design: Design, dial: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return traces and early answers of subjects with a dial.

    One step of each reasoning, any of them, decides the answer. A subject that reads is right about it once
    that step is shown and says something else before; one that does not read says what it always says. So
    the answer stays the same at the share x of the reasoning with probability 1 − λ (1 − x), and the AOC is
    λ / 2.
    """
    lengths = rng.choice(LENGTHS, size=(design.questions, design.samples)).ravel()
    traces = _frame(design, n_steps=lengths, answer="a")
    reads = (rng.random((design.questions, design.samples)) < dials(rng, design, dial)[:, None]).ravel()
    decides = rng.integers(1, lengths + 1)
    rows = np.repeat(np.arange(len(lengths)), lengths + 1)
    shown = np.concatenate([np.arange(n + 1) for n in lengths])
    early = traces.iloc[rows].assign(
        intervention="truncation",
        position=shown / lengths[rows],
        resume=False,
        same=~reads[rows] | (shown >= decides[rows]),
    )
    return traces, early.reset_index(drop=True)


def two_answers(rng: np.random.Generator, design: Design, first: float) -> pd.DataFrame:
    """Return traces that end in one of two answers; the first with that mean probability."""
    chosen = rng.random((design.questions, design.samples)) < dials(rng, design, first)[:, None]
    answer = np.where(chosen.ravel(), "a", "b")
    return _frame(design, answer=answer, correct=None, correct_without=None, same_without=False)


def gains(rng: np.random.Generator, design: Design, without: float, with_it: float) -> pd.DataFrame:
    """Return traces that are right with these probabilities without and with reasoning."""
    right = rng.random((design.questions, design.samples)) < dials(rng, design, with_it)[:, None]
    once = np.repeat(rng.random(design.questions) < dials(rng, design, without), design.samples)
    return _frame(design, answer="a", correct=right.ravel(), correct_without=once, same_without=False)


def by_size(
    rng: np.random.Generator, design: Design, slope: float, sizes: Sequence[float], level: float = 0.0
) -> pd.DataFrame:
    """Return traces of models of several sizes that answer the same with log-odds slope · log10(size).

    The size is relative to the middle one, and `level` is added. The samples of a question, of all models,
    share a normal variable, so that the probability of each one is exactly that, however alike they are.
    """
    middle = np.mean(np.log10(sizes))
    frames = []
    common = rng.normal(size=design.questions)
    for i, size in enumerate(sizes):
        odds = level + slope * (np.log10(size) - middle)
        share = 1 / (1 + np.exp(-odds))
        own = rng.normal(size=(design.questions, design.samples))
        drawn = np.sqrt(design.correlation) * common[:, None] + np.sqrt(1 - design.correlation) * own
        frame = _frame(design, same_without=(drawn < norm.ppf(share)).ravel(), correct=None)
        frames.append(frame.assign(model=f"m{i}", n_params=int(size)))
    return pd.concat(frames, ignore_index=True)


def pairs(rng: np.random.Generator, design: Design, apart: float) -> tuple[Floats, Floats]:
    """Return each question's share of the same answers under two conditions that differ by so much.

    Questions differ in difficulty, which both conditions share, and in the difference itself.
    """
    easy = dials(rng, design, 0.5)
    base = 0.15 + 0.7 * easy
    first, second = (rng.binomial(design.samples, base + sign * apart / 2) for sign in (-1, 1))
    return first / design.samples, second / design.samples


def _frame(design: Design, **columns: Any) -> pd.DataFrame:
    """Return one row a (question, sample)."""
    questions = np.repeat([f"q{i:04d}" for i in range(design.questions)], design.samples)
    samples = np.tile(np.arange(design.samples), design.questions)
    own: dict[str, Any] = {**CELL, "n_steps": 1, "correct": False, **columns}
    return pd.DataFrame({"question": questions, "sample": samples}).assign(**own)
