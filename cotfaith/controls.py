"""What makes a same-answer rate readable: unread answers, distributions, letter bias, checks of the edits.

Pure functions on the tidy frames of `cotfaith.frames`; rows and intervals as in `cotfaith.metrics`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from cotfaith.metrics import CELL, CURVE, estimates, groups, proportions
from cotfaith.schema import Estimate
from cotfaith.stats import Floats, cluster_bootstrap, within_range

Values = Callable[[str], tuple[str, ...]]
"""The results of the steps in a text, in their order, as a task's grammar knows them."""

UNREAD = {
    "same, unread answers left out": None,
    "same, an unread answer counted as changed": False,
    "same, an unread answer counted as the same": True,
}


def unread_answers(outcomes: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return how many answers were read, and the same-answer rate by three readings of those that were not.

    Parameters
    ----------
    outcomes : DataFrame
        One row an outcome, with `answer` and `original_answer` (None: unread), `same` (bool) and the columns
        of `cotfaith.areas.same_answer_curve`.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    DataFrame
        One row a (model, task, intervention, control); value in [0, 1]. An outcome is unread where the answer
        after the edit, or the one that it is compared with, is.

    Notes
    -----
    Everywhere else an unread answer counts as changed. Where the three differ, that choice moves the number.
    """
    read = outcomes["answer"].notna() & outcomes["original_answer"].notna()
    tables = [_named(proportions(outcomes.assign(read=read), CURVE, "read", seed), "answers read")]
    for name, counts_as in UNREAD.items():
        same = outcomes["same"].astype(bool)
        frame = outcomes[read] if counts_as is None else outcomes.assign(same=same.where(read, counts_as))
        tables.append(_named(proportions(frame, CURVE, "same", seed), name))
    return pd.concat(tables, ignore_index=True)


def distance(outcomes: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return how far the probabilities of the choices move under each intervention.

    Parameters
    ----------
    outcomes : DataFrame
        One row an outcome, with `probs` and `original_probs`, lists over the choices; those of free answers
        are empty and left out.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    DataFrame
        One row a (model, task, intervention); value in [0, 1]: the mean total variation distance.

    Notes
    -----
    ½ Σ |p − p′| over the choices, averaged over outcomes (Siegel et al. 2024, arXiv 2404.03189, use it for
    faithfulness). It sees a shift that does not change the most likely answer.
    """
    lettered = outcomes[outcomes["probs"].str.len() > 0]
    pairs = zip(lettered["probs"], lettered["original_probs"], strict=True)
    moved = [float(np.abs(np.subtract(p, q)).sum() / 2) for p, q in pairs]
    return _named(means(lettered.assign(moved=moved), CURVE, "moved", seed), "total variation distance")


def letter_bias(traces: pd.DataFrame, rotated: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return what answers without reasoning follow when the choices change their order: content or letter.

    Parameters
    ----------
    traces : DataFrame
        One row a sample of reasoning, with `sample`, `answer_without` and `correct_without`.
    rotated : DataFrame
        One row a question asked again with rotated choices, as in `cotfaith.frames.RunFrames`.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    DataFrame
        One row a (model, task, measure); value in [0, 1]. `same content` and `same letter` are the shares of
        rotations whose answer is the original order's choice, or its letter; `accuracy in other orders` is
        what it says; `letter bias` is ½ Σ |share of letter − its share of places| over all orders, 0 for a
        model that has no letter it likes.

    Notes
    -----
    Bentham et al. 2024, arXiv 2402.14897: a model that keeps to a letter gives the same answer whatever it is
    shown. With every rotation asked, each choice stands once at each letter, so an answer by content leaves
    all letters equally frequent. The letter bias of a few questions is above 0 by chance alone.
    """
    own = traces[traces["sample"] == 0][[*CELL, "question", "answer_without"]]
    both = rotated.merge(own, on=[*CELL, "question"])
    measures = {
        "same content": both["original_letter"] == both["answer_without"],
        "same letter": both["answer"] == both["answer_without"],
        "accuracy in other orders": both["correct"],
    }
    tables = [
        _measured(proportions(both.assign(hit=hit)[hit.notna()], CELL, "hit", seed), name)
        for name, hit in measures.items()
    ]
    tables.append(_measured(_letters(both, seed), "letter bias"))
    return pd.concat(tables, ignore_index=True)


def edits_checked(
    traces: pd.DataFrame, outcomes: pd.DataFrame, values: Mapping[str, Values], seed: int = 0
) -> pd.DataFrame:
    """Return whether the edits did what they were to do.

    Parameters
    ----------
    traces, outcomes : DataFrame
        The frames of a run.
    values : mapping of task to a function
        For tasks that know their grammar: the results of the steps in a text.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    DataFrame
        One row a (model, task, intervention, control). `text changed`: the share of edits that show something
        else than the beginning of the original reasoning. `values kept`: of those that state results, the
        share with the original ones, as far as they go. `length at the end`: tokens shown for each token of
        the sample's reasoning, where the position is 1. `log-probability`: of a token of what was shown, and
        `original log-probability`, of the same samples' own reasoning; one far below is a confound.
    """
    own = traces.set_index("trace")["reasoning"]
    reasoning = outcomes["trace"].map(own)
    pairs = list(zip(outcomes["shown"], reasoning, strict=True))
    changed = np.array([not original.startswith(shown) for shown, original in pairs], dtype=bool)
    checked = outcomes.assign(changed=changed, reasoning=reasoning)
    known = checked[changed & checked["task"].isin(list(values)).to_numpy()]
    found = [
        (values[task](shown), values[task](original))
        for task, shown, original in known[["task", "shown", "reasoning"]].itertuples(index=False, name=None)
    ]
    stated = [bool(now) for now, _ in found]  # filler states none, and so keeps none
    known = known[np.array(stated, dtype=bool)]
    kept = [_same_values(now, before) for now, before in found if now]
    whole = checked[(checked["position"] >= 1) & ~checked["resume"] & (checked["original_text_tokens"] > 0)]
    scored = checked[checked["logprob"].notna() & checked["original_logprob"].notna()]
    length = whole["tokens"] / whole["original_text_tokens"]
    tables = [
        _named(proportions(checked, CURVE, "changed", seed), "text changed"),
        _named(proportions(known.assign(kept=kept), CURVE, "kept", seed), "values kept"),
        _named(means(whole.assign(length=length), CURVE, "length", seed), "length at the end"),
        _named(means(scored, CURVE, "logprob", seed), "log-probability"),
        _named(means(scored, CURVE, "original_logprob", seed), "original log-probability"),
    ]
    return pd.concat(tables, ignore_index=True)


def means(frame: pd.DataFrame, by: list[str], column: str, seed: int) -> pd.DataFrame:
    """Estimate the mean of a number in every group, over all rows; questions are resampled."""
    rows = []
    for names, group in groups(frame, by):
        clusters = group.groupby("question")[column].agg(["sum", "size"]).to_numpy(dtype=float)
        value, low, high = cluster_bootstrap(clusters, lambda sums: sums[:, 0] / sums[:, 1], seed)
        rows.append(names | asdict(Estimate(value, low, high, len(group), len(clusters))))
    return estimates(rows, [*by])


def _letters(both: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Estimate the distance of the letters' shares from their places', the original order included."""
    original = both[both["rotation"] == 1].assign(answer=both["answer_without"])
    answers = pd.concat([both, original])
    answers = answers[answers["answer"].notna()]
    rows = []
    for names, group in groups(answers, CELL):
        n = int(group["n_choices"].max())
        letters = [chr(ord("A") + i) for i in range(n)]
        chosen = np.array([[float(a == letter) for letter in letters] for a in group["answer"]])
        places = np.array([[(i < k) / k for i in range(n)] for k in group["n_choices"]])
        table = pd.DataFrame(np.hstack([chosen, places])).groupby(group["question"].to_numpy()).sum()
        counts = table.to_numpy(dtype=float)
        value, low, high = cluster_bootstrap(counts, _apart, seed)
        low, high = within_range(value, low, high, len(counts))
        rows.append(names | asdict(Estimate(value, low, high, len(group), len(counts))))
    return estimates(rows, [*CELL])


def _apart(sums: Floats) -> Floats:
    """Return ½ Σ |chosen − places| / answers, of sums whose first half are the letters chosen."""
    chosen, places = np.split(sums, 2, axis=1)
    return np.asarray(np.abs(chosen - places).sum(axis=1) / (2 * chosen.sum(axis=1)))


def _same_values(shown: tuple[str, ...], original: tuple[str, ...]) -> bool:
    return shown == original[: len(shown)]


def _named(table: pd.DataFrame, control: str) -> pd.DataFrame:
    table.insert(len(CURVE), "control", control)
    return table


def _measured(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    table.insert(len(CELL), "measure", measure)
    return table
