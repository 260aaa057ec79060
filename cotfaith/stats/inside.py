"""What edits inside a model read: from which layer and step an answer comes, and if it could do without.

Pure functions on the tidy frames of `store.frames`; rows and intervals as in `stats.answer_change`.
"""

import sys
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cotfaith.plugins.layers import ALL, layer_order
from cotfaith.stats.areas import shows_all
from cotfaith.stats.paired import holm, sign_flip
from cotfaith.stats.tables import CURVE, groups, means, proportions

CHANGED = "answers changed"
DROP = "drop of log p"
EFFECT = "normalised logit difference"
KL = "KL of the choices"
JENSEN_SHANNON = "Jensen-Shannon of the choices"
TOKENS_KL = "KL of the answer's tokens"
TOKENS_JS = "Jensen-Shannon of the answer's tokens"
ENTROPY = "entropy of the own answer"
MEANS = {
    "drop": DROP, "effect": EFFECT, "kl": KL, "js": JENSEN_SHANNON,
    "tokens_kl": TOKENS_KL, "tokens_js": TOKENS_JS, "entropy": ENTROPY,
}  # fmt: skip
"""Readings that are means, by the columns of what is read of each edit."""
REDUNDANCY = "redundancy"
SWEEP = "each alone"
"""What all groups of layers are called where they are read together."""
UNNAMED = "as the edit says"
"""What layers are called where an edit's coordinates do not name them."""
BY_STEP = 12
"""Reasoning of up to so many steps is shown step by step, longer one in tenths."""
MOST = 6
"""Groups of layers that are shown one by one; of more, all at once and the sweep as a whole."""
EQUAL = 1e-6
"""A difference of two gaps, in nats, below which an effect over it is not defined."""


def inside(
    traces: pd.DataFrame, outcomes: pd.DataFrame, floors: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """Return what was read inside, by the layers in which something was done.

    Parameters
    ----------
    traces, outcomes : DataFrame
        The frames of a run; outcomes of edits inside are read. `coords` holds `step` (from 1; 0: all of them)
        and `layers`.
    floors : sequence of str
        The interventions that change nothing.
    seed : int
        Decides the bootstrap's draws and the flips of signs.

    Returns
    -------
    DataFrame
        One row a (model, task, intervention, layers, reading). `answers changed`: a share. `drop of log p`:
        by how many nats the log-probability of the trace's own answer, with its end, falls. `normalised logit
        difference`: 0 where the edit does nothing, 1 where it does what the other text does (for donors that
        restore: what the own text does); over those edits alone where the two texts have different answers,
        as `nobs` says. `redundancy`: the share of steps that change the answer when they are hidden in some
        layers alone and not when in all at once: read, though the model could do without. `layers` is `each
        alone` where a sweep is read as a whole, which is how it is to be quoted. `p_holm` is of the sign-flip
        test of the share changed against the floor's (or 0, without one), with Holm's correction over the
        layers of a sweep. `KL of the choices`: KL(own ‖ edited) in nats between the distributions over the
        choices, each normalised, and `Jensen-Shannon of the choices` the same for both against their mean, in
        [0, ln 2]; of lettered questions alone. `KL of the answer's tokens` and its Jensen-Shannon form are
        those of written answers, where all layers are hidden at once: between the distributions of the next
        token over the whole vocabulary, means over the tokens of the own answer with its end. `entropy of the
        own answer` is that of the unchanged distribution of either kind. Where it is nearly 0, KL grows with
        how certain the answer was, and both are about that one answer.

    Notes
    -----
    KL(full ‖ the answer does not see the question) and KL(full ‖ nobody sees the reasoning) are the direct
    effect and the CoT necessity of masked-KL: Jia et al. 2026, arXiv 2605.24286, as their code computes them;
    there the whole prompt is hidden, here the question with its choices. Logit differences, and what noising
    and denoising show: Heimersheim and Nanda 2024, arXiv 2404.15255; to 0 and 1 they are brought as in
    TransformerLens's demonstrations of activation patching. An unread answer counts as changed.
    """
    frame = prepared(traces, outcomes)
    edits = frame[~frame["intervention"].isin(floors)]
    swept = edits[edits["layers"] != ALL].assign(layers=SWEEP)
    many = swept.groupby(CURVE)["place"].transform("nunique") > 1
    both = pd.concat([edits, swept[many]], ignore_index=True)
    by = [*CURVE, "layers"]
    tables = [
        proportions(both, by, "changed", seed).assign(reading=CHANGED),
        *(
            means(both.dropna(subset=column), by, column, seed).assign(reading=reading)
            for column, reading in MEANS.items()
        ),
        proportions(_redundant(edits), by, "redundant", seed).assign(reading=REDUNDANCY),
    ]
    table = pd.concat([one for one in tables if not one.empty] or tables[:1], ignore_index=True)
    unchanged = frame[frame["intervention"].isin(floors)]
    tested = pd.DataFrame(_tests(edits, unchanged, seed), columns=[*by, "p_holm"])
    table = table.merge(tested.assign(reading=CHANGED), on=[*by, "reading"], how="left")
    table = table.iloc[sorted(range(len(table)), key=lambda i: layer_order(table["layers"].iloc[i]))]
    table = table.sort_values(["n_params", *CURVE], kind="stable", ignore_index=True)
    return table[[*by, "reading", "value", "ci_low", "ci_high", "p_holm", "nobs", "questions"]]


def inside_map(
    traces: pd.DataFrame, outcomes: pd.DataFrame, floors: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """Return the share of answers changed by layers and by where the step stands: the cells of a heat map.

    Parameters
    ----------
    traces, outcomes, floors, seed
        As of `inside`.

    Returns
    -------
    DataFrame
        One row a (model, task, intervention, layers, at). `at` counts steps from the end (1: the last one)
        where a task's reasoning has up to 12, and else says the tenth of the reasoning, 1 to 10; `unit` says
        which. Edits of all steps together have none and are left out.
    """
    frame = prepared(traces, outcomes)
    frame = frame[~frame["intervention"].isin(floors) & (frame["step"] > 0)]
    most = frame.groupby(["model", "task"])["n_steps"].transform("max")
    tenth = np.ceil(10 * frame["step"] / frame["n_steps"])
    few = most <= BY_STEP
    at = (frame["n_steps"] - frame["step"] + 1).where(few, tenth).astype(int)
    placed = frame.assign(at=at, unit=np.where(few, "steps from the end", "tenth of the reasoning"))
    return proportions(placed, [*CURVE, "layers", "unit", "at"], "changed", seed)


def prepared(traces: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the outcomes of edits inside with what is read of each."""
    frame = outcomes[outcomes["inside"].astype(bool)] if "inside" in outcomes else outcomes.iloc[:0]
    restored = ~shows_all(traces, frame).astype(bool)
    span = frame["gap"] - frame["gap_other"]
    moved = (frame["gap"] - frame["gap_then"]).where(~restored, frame["gap_then"] - frame["gap_other"])
    defined = span.abs() > EQUAL
    layers = frame["coords"].map(lambda coords: str(coords.get("layers", UNNAMED))).astype(object)
    pairs = list(zip(frame["original_probs"], frame["probs"], strict=True))
    certain = zip(frame["original_probs"], frame["tokens_entropy"], strict=True)
    return frame.assign(
        kl=np.array([kl(own, then) if len(then) else np.nan for own, then in pairs], dtype=float),
        js=np.array([jensen_shannon(own, then) if len(then) else np.nan for own, then in pairs], dtype=float),
        layers=layers,
        place=layers,
        step=frame["coords"].map(lambda coords: int(coords.get("step", 0))).astype(int),
        changed=~frame["same"].astype(bool),
        entropy=[entropy(own) if len(own) else of_tokens for own, of_tokens in certain],
        drop=frame["own"] - frame["own_then"],
        effect=(moved / span.where(defined)).astype(float),
    )


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return what is shown of a table of readings: without single layers of an intervention that has many."""
    single = ~table["layers"].isin([ALL, SWEEP])
    many = table["layers"].where(single).groupby([table[name] for name in CURVE]).transform("nunique") > MOST
    return table[~(single & many)]


def kl(first: Sequence[float], second: Sequence[float]) -> float:
    """Return KL(first ‖ second) in nats, 0 or more; what second rules out has the least that there is."""
    p, q = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    held = p > 0
    likely = np.log(np.maximum(q[held], sys.float_info.min))
    return max(0.0, float(np.sum(p[held] * (np.log(p[held]) - likely))))


def entropy(probs: Sequence[float]) -> float:
    """Return the entropy of a distribution in nats."""
    p = np.asarray(probs, dtype=float)
    return max(0.0, -float(np.sum(p[p > 0] * np.log(p[p > 0]))))


def jensen_shannon(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the Jensen-Shannon divergence in nats, in [0, ln 2]."""
    middle = (np.asarray(first, dtype=float) + np.asarray(second, dtype=float)) / 2
    return (kl(first, list(middle)) + kl(second, list(middle))) / 2


def _redundant(edits: pd.DataFrame) -> pd.DataFrame:
    """Return a row a step that was hidden in all layers at once and in some alone."""
    if edits.empty:
        return edits.assign(redundant=False)
    by = [*CURVE, "question", "trace", "step"]
    all_at_once = edits[edits["layers"] == ALL].groupby(by)["changed"].any()
    alone = edits[edits["layers"] != ALL].groupby(by)["changed"].any()
    both = pd.concat({"all": all_at_once, "alone": alone}, axis=1, join="inner").reset_index()
    redundant = both["alone"].astype(bool) & ~both["all"].astype(bool)
    return both.assign(layers=SWEEP, redundant=redundant)


def _tests(edits: pd.DataFrame, floor: pd.DataFrame, seed: int) -> Iterator[dict[str, object]]:
    """Yield the corrected p of each group of layers, sweep by sweep."""
    for names, sweep in groups(edits, CURVE):
        mine = (floor[CURVE[:-1]] == [names[column] for column in CURVE[:-1]]).all(axis=1)
        unchanged = floor[mine].groupby("question")["changed"].mean()
        found = []
        for layers, group in sweep.groupby("layers", sort=False):
            shares = group.groupby("question")["changed"].mean()
            beside = unchanged.reindex(shares.index).fillna(0.0)
            apart = (shares - beside).to_numpy(dtype=float)
            found.append((layers, sign_flip(apart, seed)))
        corrected = holm([p for _, p in found])
        for (layers, _), p in zip(found, corrected, strict=True):
            yield names | {"layers": str(layers), "p_holm": p}
