"""What makes a same-answer rate readable: unread answers, distributions, counts, checks of the edits.

Pure functions on the tidy frames of `store.frames`; rows and intervals as in `stats.answer_change`.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from cotfaith.plugins.layers import layer_groups
from cotfaith.stats.tables import (
    CELL,
    CURVE,
    groups,
    means,
    means_by,
    named,
    proportions,
    sums,
    total,
    weights,
)  # fmt: skip

Values = Callable[[str], tuple[str, ...]]
"""The results of the steps in a text, in their order, as a task's grammar knows them."""


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
        else than the beginning of the original reasoning; those inside that are to show that are left out.
        `values kept`: of changed edits that state results,
        the share whose results are the original ones, as far as they go. `length at the end`: the tokens of a
        question's longest edit per token of its longest reasoning; resumed edits are left out.
        `log-probability`: the mean per token of what was shown; far below `original log-probability`, that of
        the same samples' own reasoning, it is a confound.
    """
    checked = outcomes.assign(changed=_text_changed(traces, outcomes))
    changed = checked["changed"].astype(bool)
    texts = checked[~checked["inside"].astype(bool) | changed] if "inside" in checked else checked
    scored = checked[checked["logprob"].notna() & checked["original_logprob"].notna()]
    kept = _values_kept(traces, checked[changed], values)
    tables = [
        named(proportions(texts, CURVE, "changed", seed), "text changed"),
        named(proportions(kept, CURVE, "kept", seed), "values kept"),
        named(means(_lengths(traces, outcomes), CURVE, "length", seed), "length at the end"),
        named(means(scored, CURVE, "logprob", seed), "log-probability"),
        named(means(scored, CURVE, "original_logprob", seed), "original log-probability"),
    ]
    return pd.concat(tables, ignore_index=True)


def by_ending(outcomes: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return the same-answer rate by how the thinking ended, where some of it did not end by itself.

    Parameters
    ----------
    outcomes : DataFrame
        Of a run, with `original_closed` and `original_hit_limit` (bool): whether the model closed its block
        of thinking, and whether it reached the token limit.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    DataFrame
        One row a (model, task, intervention, control): `same answer, thinking closed`, `same answer, closed
        at the limit` and `same answer, turn ended in it`; value in [0, 1]. None of a (model, task) whose
        thinking was always closed.
    """
    closed, limit = (outcomes[f"original_{name}"].astype(bool) for name in ("closed", "hit_limit"))
    ended = np.select([closed, limit], ["thinking closed", "closed at the limit"], "turn ended in it")
    open_at_end = (~closed).groupby([outcomes[name] for name in CELL]).transform("any")
    rows = outcomes.assign(ending=ended)[open_at_end]
    found = proportions(rows, [*CURVE, "ending"], "same", seed)
    return found.assign(control="same answer, " + found["ending"]).drop(columns="ending")


def attention(outcomes: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return how much the place that answers attends to the reasoning, where hooks change nothing.

    Parameters
    ----------
    outcomes : DataFrame
        Of a run, with `attention`: of each layer the mean of its heads, in [0, 1]; empty where none was read.
    seed : int
        Decides the bootstrap's draws.

    Returns
    -------
    DataFrame
        One row a (model, task, intervention, control): the early, the middle and the late layers by their
        numbers, or each of three or fewer; value in [0, 1]. It describes and tests nothing: what is attended
        to need not be used.
    """
    read = outcomes[outcomes["attention"].map(len) > 0] if "attention" in outcomes else outcomes.iloc[:0]
    tables = [
        named(
            means(
                rows.assign(mass=[np.mean(np.take(one, group)) for one in rows["attention"]]),
                CURVE,
                "mass",
                seed,
            ),
            f"attention to the reasoning, layers {name} (descriptive)",
        )
        for layers, rows in read.groupby(read["attention"].map(len))
        for name, group in layer_groups("thirds", int(layers))
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _text_changed(traces: pd.DataFrame, outcomes: pd.DataFrame) -> Sequence[bool] | pd.Series:
    """Return of each outcome whether its edit shows something else than the beginning of the reasoning."""
    if "changed" in outcomes:
        return outcomes["changed"]
    reasoning = outcomes["trace"].map(traces.set_index("trace")["reasoning"])
    pairs = zip(outcomes["shown"], reasoning, strict=True)
    return [not original.startswith(shown) for shown, original in pairs]


def _values_kept(traces: pd.DataFrame, changed: pd.DataFrame, values: Mapping[str, Values]) -> pd.DataFrame:
    """Return the edits that state results, with whether these are the original ones as far as they go."""
    if "kept" not in changed:
        known = changed[changed["task"].isin(list(values))]
        reasoning = known["trace"].map(traces.set_index("trace")["reasoning"])
        texts = zip(known["task"], known["shown"], reasoning, strict=True)
        kept = [values_kept(values[task], shown, original) for task, shown, original in texts]
        changed = known.assign(kept=pd.Series(kept, index=known.index, dtype=float))
    return changed[changed["kept"].notna()]


def values_kept(values: Values, shown: str, original: str) -> bool | None:
    """Tell whether the results that an edit states are the original ones, as far as they go.

    None where it states none, as filler does.
    """
    now = values(shown)
    return now == values(original)[: len(now)] if now else None


def _lengths(traces: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return each question's longest edit in tokens, for each token of its longest reasoning."""
    shown = outcomes[~outcomes["resume"].astype(bool)]
    edits = shown.groupby([*CURVE, "question"], as_index=False)["tokens"].max()
    most = traces["most_text_tokens" if "n" in traces else "text_tokens"]
    own = traces.assign(text_tokens=most).groupby([*CELL, "question"], as_index=False)["text_tokens"].max()
    both: pd.DataFrame = edits.merge(own[own["text_tokens"] > 0], on=[*CELL, "question"])
    return both.assign(length=both["tokens"] / both["text_tokens"])


def counts(traces: pd.DataFrame, outcomes: pd.DataFrame, not_applicable: pd.DataFrame) -> pd.DataFrame:
    """Return what stands beside every number: how much was asked, unread, cut off and not applicable.

    Parameters
    ----------
    traces, outcomes, not_applicable : DataFrame
        The frames of a run.

    Returns
    -------
    DataFrame
        One row a (model, task, condition). `nobs` outcomes; `unread` answers that could not be parsed;
        `hit_limit` reasonings that ended by the token limit; `not_applicable` traces or edits with the
        reasons in `reasons`; `mass` the mean probability on all choices together, `probability` the mean
        probability of an answer as it was written;
        `in_every_edit` the coordinates that all edits have in common, e.g. how many tokens a piece of filler
        is for this model.
    """
    asked = [_count(traces.assign(intervention="reasoning"))]
    once = traces[traces["sample"] == 0]
    bare = once.assign(
        answer=once["answer_without"],
        mass=once["mass_without"],
        probability=once["probability_without"],
        hit_limit=False,
    )
    asked += [_count(bare.assign(intervention="no reasoning")), _count(outcomes)]
    refused = [names | _refused(group) for names, group in groups(not_applicable, CURVE)]
    alike = [names | {"in_every_edit": _in_common(group)} for names, group in groups(outcomes, CURVE)]
    reasons = pd.DataFrame(refused, columns=[*CURVE, "not_applicable", "reasons"])
    table = pd.concat(asked).merge(reasons, on=CURVE, how="outer")
    table = table.merge(pd.DataFrame(alike, columns=[*CURVE, "in_every_edit"]), on=CURVE, how="left")
    whole = dict.fromkeys(["nobs", "unread", "hit_limit", "not_applicable"], 0)
    table = table.fillna(whole | {"reasons": "", "in_every_edit": ""}).astype(
        dict.fromkeys(whole, int) | {"mass": float, "probability": float}
    )
    return table.rename(columns={"intervention": "condition"}).sort_values([*CELL[1:], "condition"])


def _count(frame: pd.DataFrame) -> pd.DataFrame:
    marked = frame.assign(unread=frame["answer"].isna())
    unread, limit = (sums(marked, CURVE, name) for name in ("unread", "hit_limit"))
    whole = pd.DataFrame({"nobs": unread["size"], "unread": unread["sum"], "hit_limit": limit["sum"]})
    return whole.astype(int).join(means_by(frame, CURVE, ["mass", "probability"])).reset_index()


def _refused(group: pd.DataFrame) -> dict[str, object]:
    """Count what was not applicable, and its reasons, the most frequent first."""
    reasons = (
        weights(group).groupby(group["reason"], sort=False).sum().sort_values(ascending=False, kind="stable")
    )
    said = "; ".join(f"{n} × {text}" for text, n in reasons.items())
    return {"not_applicable": total(group), "reasons": said}


def _in_common(outcomes: pd.DataFrame) -> str:
    """Name the coordinates that are the same in every edit."""
    coords = outcomes["coords"]
    first, last = set(coords.iloc[0].items()), set(coords.iloc[-1].items())
    alike = [pair for pair in first & last if all(pair in c.items() for c in coords)]
    return ", ".join(f"{name}={value}" for name, value in sorted(alike)) if total(outcomes) > 1 else ""
