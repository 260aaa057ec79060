"""How many questions and samples a wished effect takes, and what they cost in tokens."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import norm

from cotfaith.stats.intervals import LEVEL, detectable


@dataclass(frozen=True)
class Components:
    """Where a difference of two conditions' same-answer rates gets its variance from."""

    between: float
    """Variance over questions of the true difference."""
    within: float
    """Variance of a sample about its question's share, of both conditions together."""

    def error(self, questions: int, samples: int) -> float:
        """Return the standard error of the mean difference: √((between + within / samples) / questions)."""
        return math.sqrt((self.between + self.within / samples) / questions)

    def power(self, effect: float, questions: int, samples: int) -> float:
        """Return the probability that a two-sided test at 5% finds the effect; normal theory.

        NaN without any variance, of which a pilot that is too small can show none.
        """
        error = self.error(questions, samples)
        if not error > 0:
            return math.nan
        z = float(norm.ppf(1 - (1 - LEVEL) / 2))
        return float(norm.cdf(abs(effect) / error - z) + norm.cdf(-abs(effect) / error - z))

    def detectable(self, questions: int, samples: int) -> float:
        """Return the effect that is found with 80% power."""
        return detectable(self.error(questions, samples))

    def questions_for(self, effect: float, samples: int) -> int:
        """Return how many questions find the effect with 80% power."""
        ratio = (self.detectable(1, samples) / abs(effect)) ** 2
        return 2 if math.isnan(ratio) else max(2, math.ceil(ratio))


@dataclass(frozen=True)
class Cost:
    """Model tokens: of a question once, and of each sample of it with all that is asked about it."""

    question: float
    sample: float

    def of(self, questions: int, samples: int) -> float:
        """Return the tokens of a study."""
        return questions * (self.question + samples * self.sample)


LEAST_QUESTIONS = 20
"""No division of tokens goes below: a pilot's variance between questions may be 0 by chance, and the
intervals are checked for no fewer."""
GUESS = Components(between=0.05, within=0.4)
"""Without a pilot: the difference varies by .22 between questions, samples about shares of .28 or .72."""


def best_samples(components: Components, cost: Cost, most: int = 100) -> int:
    """Return how many samples a question make the most of a fixed number of tokens.

    Notes
    -----
    √(within / between · cost of a question / cost of a sample), the optimum of two-stage sampling (Cochran
    1977, Sampling Techniques, section 10.6); of the two whole numbers beside it the better one.
    """
    if components.between <= 0:
        return most
    best = math.sqrt(components.within / components.between * cost.question / cost.sample)
    beside = {min(max(1, whole), most) for whole in (math.floor(best), math.ceil(best))}
    return min(
        beside, key=lambda m: (components.between + components.within / m) * (cost.question + m * cost.sample)
    )


def components_of(first: pd.DataFrame, second: pd.DataFrame, column: str) -> Components:
    """Estimate the components from a pilot.

    Parameters
    ----------
    first, second : DataFrame
        The outcomes of two conditions, with `question`, `sample` and a true-or-false column; compared on the
        questions that both have. A sample's outcomes (one an edit) are averaged first, since the same
        reasoning stands behind them.
    column : str
        Its name.

    Returns
    -------
    Components
        By the method of moments: `within` from the samples about their question's mean in each condition, and
        `between` as the variance of the questions' differences less what `within` explains of it, at least 0.
        NaN of fewer than two shared questions, or where a question has one sample, of which no variance can
        be told.
    """
    each = [frame.groupby(["question", "sample"])[column].mean() for frame in (first, second)]
    sides = [means.groupby("question").agg(["mean", "var", "size"]).astype(float) for means in each]
    ours, spread, n, theirs, spread_theirs, m = pd.concat(sides, axis=1, join="inner").to_numpy().T
    apart = theirs - ours
    if len(apart) < 2 or np.isnan(spread).any() or np.isnan(spread_theirs).any():
        return Components(math.nan, math.nan)
    between = np.var(apart, ddof=1) - np.mean(spread / n + spread_theirs / m)
    return Components(max(0.0, float(between)), float(spread.mean() + spread_theirs.mean()))


def cost_of(traces: pd.DataFrame, outcomes: pd.DataFrame) -> Cost:
    """Estimate from a pilot the model tokens of a question, and of a sample with all that is asked about it.

    Parameters
    ----------
    traces, outcomes : DataFrame
        The frames of a run of one model on one task.

    Returns
    -------
    Cost
        Each token once where texts begin alike: a question's prompt once, then a sample's reasoning and, for
        each edit, what it shows anew and what the model adds to it. The closing questions are left out.
    """
    prompts = traces.groupby("question")["prompt_tokens"].first()
    anew = outcomes["tokens"].where(outcomes["logprob"].notna(), 0) + outcomes["resumed_tokens"]
    return Cost(
        float(prompts.mean()), float(traces["drawn_tokens"].mean() + anew.sum() / max(len(traces), 1))
    )


@dataclass(frozen=True)
class Wish:
    """What a study should find, with how much."""

    effect: float
    """A difference of two same-answer rates, in (0, 1]."""
    questions: int
    samples: int
    tokens: float | None = None
    """To be divided best; otherwise what the questions and samples cost."""


@dataclass(frozen=True)
class Prospect:
    """What a study of so many questions and samples can find, and what it costs."""

    comparison: str
    components: Components
    power: float
    """That the wished effect is found."""
    detectable: float
    """The effect that is found with 80% power."""
    questions_needed: int
    """To find the wished effect with 80% power, with as many samples."""
    tokens: float | None = None
    best_samples: int | None = None
    """Samples a question that make the most of as many tokens; None without a pilot, which tells the cost."""
    best_questions: int | None = None
    best_power: float | None = None


def plan(comparison: str, components: Components, cost: Cost | None, wish: Wish) -> Prospect:
    """Say what a study finds, and how the same tokens are best divided between questions and samples."""
    found = Prospect(
        comparison,
        components,
        components.power(wish.effect, wish.questions, wish.samples),
        components.detectable(wish.questions, wish.samples),
        components.questions_for(wish.effect, wish.samples),
    )
    if cost is None or math.isnan(found.power) or cost.sample == 0:
        return found
    own = cost.of(wish.questions, wish.samples)
    tokens = wish.tokens or own
    affordable = int((tokens / LEAST_QUESTIONS - cost.question) // cost.sample)
    samples = best_samples(components, cost, most=max(1, affordable))
    questions = int(tokens // cost.of(1, samples))
    best = components.power(wish.effect, questions, samples) if questions else 0.0
    return replace(found, tokens=own, best_samples=samples, best_questions=questions, best_power=best)


OF_TRACES = (
    "task", "n_params", "model", "question", "sample", "prompt_tokens", "drawn_tokens", "same_without",
)  # fmt: skip
OF_OUTCOMES = (
    "task", "model", "intervention", "question", "sample", "position", "resume", "same", "logprob", "tokens",
    "resumed_tokens",
)  # fmt: skip
"""The columns of a run that a plan is made from."""


def plans(traces: pd.DataFrame, outcomes: pd.DataFrame, floors: Sequence[str], wish: Wish) -> list[Prospect]:
    """Plan from a pilot: each intervention against its floor, and neighbouring models against each other.

    Parameters
    ----------
    traces, outcomes : DataFrame
        The frames of a run.
    floors : sequence of str
        The interventions that change nothing.
    wish : Wish
        What is to be found.

    Returns
    -------
    list of Prospect
        One a (task, model, intervention) with a floor, and one a (task, pair of neighbouring sizes).
    """
    against_floors = [
        plan(f"{task}, {model}: {label} against unedited", parts, cost_of(own, mine), wish)
        for (task, _, model), own in traces.groupby(["task", "n_params", "model"], sort=True)
        for mine in (outcomes[(outcomes["task"] == task) & (outcomes["model"] == model)],)
        for label, parts in _against_floors(mine, floors)
    ]
    return against_floors + [
        plan(f"{task}: {smaller} against {larger}", *_between(own, outcomes, smaller, larger), wish)
        for task, own in traces.groupby("task")
        for smaller, larger in pairwise(own.groupby("model")["n_params"].first().sort_values().index)
    ]


def _against_floors(outcomes: pd.DataFrame, floors: Sequence[str]) -> Iterator[tuple[str, Components]]:
    """Yield each intervention of a model on a task with the components of its difference from its floor."""
    is_floor = outcomes["intervention"].isin(floors)
    for label, edited in outcomes[~is_floor].groupby("intervention"):
        alike = outcomes["resume"] == bool(edited["resume"].any())
        floor = outcomes[is_floor & alike & (outcomes["position"] > 0)]
        if len(floor):
            yield str(label), components_of(floor, edited, "same")


def _between(
    traces: pd.DataFrame, outcomes: pd.DataFrame, smaller: str, larger: str
) -> tuple[Components, Cost]:
    """Return the components and the cost of a task's difference between two models."""
    first, second = (traces[traces["model"] == name] for name in (smaller, larger))
    asked = outcomes[(outcomes["task"] == traces["task"].iloc[0]) & outcomes["model"].isin([smaller, larger])]
    both = cost_of(pd.concat([first, second]), asked)
    cost = Cost(2 * both.question, 2 * both.sample)
    return components_of(first, second, "same_without"), cost
