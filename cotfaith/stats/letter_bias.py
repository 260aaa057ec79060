"""Does a model keep to letters? Its answers without reasoning when the choices change their order."""

from collections.abc import Hashable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from cotfaith.dialogue.prompts import letters
from cotfaith.schema import Estimate
from cotfaith.stats.intervals import DRAWS, LEVEL, Floats, cluster_bootstrap, within_range
from cotfaith.stats.tables import CELL, estimates, groups, proportions


def letter_bias(traces: pd.DataFrame, rotated: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return what answers without reasoning follow when the choices change their order: content or letter.

    Parameters
    ----------
    traces : DataFrame
        One row a sample of reasoning, with `sample`, `answer_without` and `correct_without`.
    rotated : DataFrame
        One row a question asked again with rotated choices, as in `cotfaith.store.frames.RunFrames`.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    DataFrame
        One row a (model, task, measure); value in [0, 1]. `same content` and `same letter` are the shares of
        rotations whose answer is the choice, or the letter, that was answered in the original order;
        `accuracy in other orders` is what it says; `letter bias` is ½ Σ |share of letter − its share of
        places| over all orders, 0 for a model that prefers no letter; `letter bias by chance` is the mean of
        that, and the middle 95% of it, if each question's letters are shifted by a random number of places.

    Notes
    -----
    Bentham et al. 2024, arXiv 2402.14897: a model that keeps to a letter gives the same answer whatever it is
    shown. With every rotation asked, each choice stands once at each letter, so an answer by content leaves
    all letters equally frequent. Few answers never spread quite evenly, so the letter bias and its
    interval lie higher than those of very many: read it beside `letter bias by chance`, what it would be if
    every letter were equally likely for each question's answers, however these depend on each other.
    """
    own = traces[traces["sample"] == 0][[*CELL, "question", "answer_without"]]
    both = rotated.merge(own, on=[*CELL, "question"])
    measures = {
        "same content": both["original_letter"] == both["answer_without"],
        "same letter": both["answer"] == both["answer_without"],
        "accuracy in other orders": both["correct"],
    }
    tables = {
        name: proportions(both.assign(hit=hit)[hit.notna()], CELL, "hit", seed)
        for name, hit in measures.items()
    }
    chosen = list(_chosen(both))
    for name, of in (("letter bias", _bias), ("letter bias by chance", _by_chance)):
        rows = [names | asdict(of(letters, seed)) for names, letters in chosen]
        tables[name] = estimates(rows, [*CELL])
    for name, table in tables.items():
        table.insert(len(CELL), "measure", name)
    return pd.concat(tables.values(), ignore_index=True)


@dataclass(frozen=True)
class _Letters:
    """How often each letter was chosen, and how often a letter at random would be, (questions, letters)."""

    chosen: Floats
    places: Floats


def _chosen(both: pd.DataFrame) -> Iterator[tuple[dict[str, Hashable], _Letters]]:
    """Yield the letters that a model chose on a task, the original order of the choices included."""
    original = both[both["rotation"] == 1].assign(answer=both["answer_without"])
    answers = pd.concat([both, original])
    for names, group in groups(answers[answers["answer"].notna()], CELL):
        n = int(group["n_choices"].max())
        chosen = np.array([[float(answer == letter) for letter in letters(n)] for answer in group["answer"]])
        places = np.array([[(i < k) / k for i in range(n)] for k in group["n_choices"]])
        by_question = pd.DataFrame(np.hstack([chosen, places])).groupby(group["question"].to_numpy()).sum()
        yield names, _Letters(*np.split(by_question.to_numpy(dtype=float), 2, axis=1))


def _bias(found: _Letters, seed: int) -> Estimate:
    """Estimate the distance of the letters' shares from their places'."""
    counts = np.hstack([found.chosen, found.places])
    value, low, high = cluster_bootstrap(counts, lambda sums: _apart(*np.split(sums, 2, axis=1)), seed)
    return Estimate(value, *within_range(value, low, high, len(counts)), *_size(found))


def _by_chance(found: _Letters, seed: int) -> Estimate:
    """Return the distance where each question's letters are moved on by a random number of places."""
    several = (found.places > 0).sum(axis=1)
    letter = np.arange(found.places.shape[1])
    moved = np.zeros((DRAWS, len(letter)))
    shifts = np.random.default_rng(seed).integers(0, several, size=(DRAWS, len(several)))
    for chosen, k, shift in zip(found.chosen, several, shifts.T, strict=True):
        moved[:, :k] += chosen[(letter[:k] - shift[:, None]) % k]
    apart = _apart(moved, found.places.sum(axis=0))
    low, high = np.quantile(apart, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(apart.mean()), float(low), float(high), *_size(found))


def _apart(chosen: Floats, places: Floats) -> Floats:
    """Return ½ Σ |chosen − places| / answers over letters, (..., letters) → (...,)."""
    return np.asarray(np.abs(chosen - places).sum(axis=-1) / (2 * chosen.sum(axis=-1)))


def _size(found: _Letters) -> tuple[int, int]:
    """Return how many answers there are, and of how many questions."""
    return int(found.chosen.sum()), len(found.chosen)
