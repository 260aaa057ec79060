"""Simulated subjects of whom the truth is known, as the tidy frames that the estimators read.

A subject has a dial λ: with probability λ, which differs from question to question by a known spread, it
takes its answer from the reasoning, and otherwise from a prior that is there before any reasoning.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from cotfaith.dialogue.prompts import letters
from cotfaith.stats.intervals import Floats
from cotfaith.stats.planning import Components

CELL = {"model": "m", "n_params": 10_000, "task": "t"}
LENGTHS = (2, 3, 4, 5)
"""Steps of a reasoning; each length is as likely."""
CHOICES = 4
EASY_FROM, EASY_RANGE = 0.15, 0.7
"""Where the shares of `pairs` begin and how far they go: effects and their spread stay within [0, 1]."""


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
    the answer stays the same at the share x of the reasoning with probability 1 − λ (1 − x). The AOC is
    λ / 2, and so is the mean over prefixes; weighted by prefix length it is λ Σ (n² − 1) / Σ 3 n (n + 1) over
    lengths.
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


def by_size(rng: np.random.Generator, design: Design, shares: Mapping[float, float]) -> pd.DataFrame:
    """Return traces of models of several sizes, each of which answers the same with its share.

    The samples of a question, of all models, share a normal variable, so that each answers the same with
    exactly its model's probability, however alike they are.
    """
    frames = []
    common = rng.normal(size=design.questions)
    for i, (size, share) in enumerate(shares.items()):
        own = rng.normal(size=(design.questions, design.samples))
        drawn = np.sqrt(design.correlation) * common[:, None] + np.sqrt(1 - design.correlation) * own
        frame = _frame(design, same_without=(drawn < norm.ppf(share)).ravel(), correct=None)
        frames.append(frame.assign(model=f"m{i}", n_params=int(size)))
    return pd.concat(frames, ignore_index=True)


def two_tasks(rng: np.random.Generator, design: Design, hard: float, easy: float) -> pd.DataFrame:
    """Return traces of one model on a hard and an easy task, with the share of same answers on each."""
    frames = []
    for task, share in (("hard", hard), ("easy", easy)):
        same = (rng.random((design.questions, design.samples)) < dials(rng, design, share)[:, None]).ravel()
        frames.append(_frame(design, same_without=same, correct=task == "easy").assign(task=task))
    return pd.concat(frames, ignore_index=True)


def letters_chosen(
    rng: np.random.Generator, design: Design, stuck: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return answers without reasoning in every order of four choices: the question's own, and the others.

    A question's answers are A in all orders with probability `stuck`, and otherwise follow one choice, which
    stands once at each letter. The letter bias is ¾ of that probability.
    """
    at_a = rng.random(design.questions) < stuck
    choice = rng.integers(0, CHOICES, design.questions)
    letter = [np.where(at_a, 0, (choice - rotation) % CHOICES) for rotation in range(CHOICES)]
    names = np.array(letters(CHOICES))
    once = Design(design.questions, 1, design.correlation)
    own = _frame(once, answer_without=names[letter[0]], correct_without=None)
    others = [
        _frame(once, rotation=r, n_choices=CHOICES, answer=names[letter[r]], correct=False).assign(
            original_letter=names[(letter[r] + r) % CHOICES]
        )
        for r in range(1, CHOICES)
    ]
    return own, pd.concat(others, ignore_index=True)


def pairs(
    rng: np.random.Generator, design: Design, apart: float, spread: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the outcomes of two conditions on the same questions, whose same-answer rates differ by so much.

    Questions differ in difficulty, which both conditions share, and in the difference itself, which is
    uniform around its mean with this standard deviation.
    """
    base = EASY_FROM + EASY_RANGE * dials(rng, design, 0.5)
    own = apart + spread * np.sqrt(12) * (rng.random(design.questions) - 0.5)
    first, second = (
        rng.random((design.questions, design.samples)) < (base + sign * own / 2)[:, None] for sign in (-1, 1)
    )
    return _frame(design, same=first.ravel()), _frame(design, same=second.ravel())


def components_of_pairs(design: Design, spread: float) -> Components:
    """Return the variance components of `pairs` where the mean difference is none.

    Within a question 2 E[b (1 − b)] − ½ spread², of a beta-distributed share b between .15 and .85.
    """
    variance = EASY_RANGE**2 * 0.25 * design.correlation
    return Components(between=spread**2, within=2 * (0.25 - variance) - spread**2 / 2)


@dataclass(frozen=True)
class Ragged:
    """Models of several sizes whose reasonings differ in length, as real ones do.

    Some reasonings cannot be edited, and some answers cannot be read, which counts as changed.
    """

    shares: Mapping[float, Mapping[int, float]]
    """By number of parameters and number of steps: how often an edited answer that is read stays the same."""
    lengths: Mapping[float, Sequence[float]]
    """By number of parameters: how likely a reasoning has 1, 2, ... steps."""
    unedited: float = 0.1
    """The share of reasonings that cannot be edited."""
    unread: float = 0.05
    """The share of answers after an edit that cannot be read."""
    alike: bool = False
    """Whether all samples of a question, of one model, have the same length."""

    def rate(self, size: float, n: int) -> float:
        """How often the answer stays the same after an edit of reasoning of n steps."""
        return self.shares[size][n] * (1 - self.unread)

    def slope(self, values: Sequence[float]) -> float:
        """The least-squares slope of values, one a size, on log10(parameters)."""
        return float(np.polyfit(np.log10(list(self.lengths)), values, 1)[0])

    def rates(self, *, standardised: bool = False) -> list[float]:
        """The same-answer rate of each size, at its own lengths or at the mean share of each length."""
        edits = {size: np.arange(1, len(p) + 1) * np.array(p) for size, p in self.lengths.items()}
        return self._at_lengths(edits, self.rate, standardised=standardised)

    def areas(self, *, standardised: bool = False) -> list[float]:
        """The AOC of each size: of n steps, with the unedited end at 1, it is (1 − r)(1 − 1/2n)."""
        samples = {size: np.array(p) for size, p in self.lengths.items()}
        return self._at_lengths(
            samples, lambda size, n: (1 - self.rate(size, n)) * (1 - 0.5 / n), standardised=standardised
        )

    def _at_lengths(
        self, weights: Mapping[float, Floats], of: Callable[[float, int], float], *, standardised: bool
    ) -> list[float]:
        shares = {size: weight / weight.sum() for size, weight in weights.items()}
        mean = np.mean(list(shares.values()), axis=0)
        return [
            sum(w * of(size, n) for n, w in enumerate(mean if standardised else own, start=1))
            for size, own in shares.items()
        ]


def ragged(rng: np.random.Generator, design: Design, truth: Ragged) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return traces and the outcomes of an edit of each step, of models as they are described.

    As in `by_size`, all outcomes of a question share a normal variable, so that each one's probability is
    exactly that.
    """
    common = np.repeat(rng.normal(size=design.questions), design.samples)
    traces, outcomes = [], []
    for i, (size, chances) in enumerate(truth.lengths.items()):
        drawn = rng.choice(len(chances), p=chances, size=(design.questions, design.samples)) + 1
        lengths = (np.broadcast_to(drawn[:, :1], drawn.shape) if truth.alike else drawn).ravel()
        frame = _frame(design, n_steps=lengths, answer="a").assign(model=f"m{i}", n_params=int(size))
        edited = np.flatnonzero(rng.random(len(frame)) >= truth.unedited)
        rows = np.repeat(edited, lengths[edited])
        step = np.concatenate([np.arange(n) for n in lengths[edited]])
        share = np.array([truth.rate(size, n) for n in lengths[rows]])
        own = rng.normal(size=len(rows))
        mixed = np.sqrt(design.correlation) * common[rows] + np.sqrt(1 - design.correlation) * own
        after = frame.iloc[rows].assign(
            intervention="edit", position=step / lengths[rows], resume=False, same=mixed < norm.ppf(share)
        )
        traces.append(frame)
        outcomes.append(after)
    return pd.concat(traces, ignore_index=True), pd.concat(outcomes, ignore_index=True)


def _frame(design: Design, **columns: Any) -> pd.DataFrame:
    """Return one row a (question, sample)."""
    questions = np.repeat([f"q{i:04d}" for i in range(design.questions)], design.samples)
    samples = np.tile(np.arange(design.samples), design.questions)
    own: dict[str, Any] = {**CELL, "n_steps": 1, "correct": False, **columns}
    return pd.DataFrame({"question": questions, "sample": samples}).assign(**own)
