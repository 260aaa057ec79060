"""Two runs, two models or two interventions on the questions that they share, in pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import combinations

import pandas as pd

from cotfaith.errors import InputError, unknown
from cotfaith.stats.answer_change import moved
from cotfaith.stats.paired import difference, holm, mcnemar_exact
from cotfaith.stats.tables import means_by, sums
from cotfaith.store.counts import Counts
from cotfaith.store.frames import RunFrames

WITHOUT = "accuracy without reasoning"
OF_TRACES = {
    "accuracy with reasoning": "correct",
    WITHOUT: "correct_without",
    "same answer with and without": "same_without",
}
COLUMNS = [
    "task", "model", "measure", "first", "second", "value", "ci_low", "ci_high", "p", "p_holm", "test",
    "questions", "detectable",
]  # fmt: skip
FAMILY = "family"
"""The comparisons that one correction counts: pairs that differ in what is compared alone."""


def compare(first: RunFrames | Counts, second: RunFrames | Counts, seed: int = 0) -> pd.DataFrame:
    """Return the paired differences between two runs, on the questions that both asked.

    Parameters
    ----------
    first, second : RunFrames | Counts
        Models and tasks of the same name are compared; where there is one of each in both runs, those two.
    seed : int
        Decides resamplings and flips.

    Returns
    -------
    DataFrame
        One row a (task, model, measure); `value` is second − first, in [-1, 1], with its 95% interval and the
        p of a test: McNemar's exact one where every question has one outcome in both runs, and sign flips
        over questions otherwise. `detectable` is what would have been found with 80% power.
        `p_holm` is p here, since one pair is compared.

    Raises
    ------
    InputError
        If the runs share no model, no task or no question.
    """
    models = _pairs("model", first.traces, second.traces)
    tasks = _pairs("task", first.traces, second.traces)
    rows: list[dict[str, object]] = []
    for task in tasks:
        for model in models:
            sides = [_of(run, t, m) for run, t, m in zip((first, second), task, model, strict=True)]
            names = {"task": _named(task), "model": _named(model)}
            for row in _measures(sides[0], sides[1], seed):
                rows.append(names | {FAMILY: f"{names} {row['measure']}"} | row)
    if not rows:
        raise InputError(
            "the two runs share no question: their ids differ. Give both the same data and --seed."
        )
    return _table(rows)


def compare_within(
    run: RunFrames | Counts, models: Sequence[str] = (), interventions: Sequence[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Return the paired differences between models or interventions of one run, all pairs of those named.

    Parameters
    ----------
    run : RunFrames | Counts
        Holds them.
    models, interventions : sequence of str
        Names as the run's tables have them. Two or more are compared; one restricts the others to it.
    seed : int
        Decides resamplings and flips.

    Returns
    -------
    DataFrame
        As of `compare`; the later one named is the second. Interventions are compared model by model: `same
        answer` asks whose edits leave more answers as they were. `p_holm` is corrected (Holm 1979) for the
        pairs that are compared by the same measure, task by task.

    Raises
    ------
    InputError
        If a name is not the run's, if there are not two to compare, or if a pair shares no question.
    """
    for kind, names in (("model", models), ("intervention", interventions)):
        there = list(dict.fromkeys((run.traces if kind == "model" else run.outcomes)[kind]))
        for name in names:
            if name not in there:
                raise unknown(f"{kind} of the run", name, there)
    if max(len(set(models)), len(set(interventions))) < 2:
        raise InputError(
            "nothing to compare: name two runs, or of one run two --model or two --intervention."
        )
    rows = [
        *_between_models(run, models, interventions, seed),
        *_between_interventions(run, models, interventions, seed),
    ]
    if not rows:
        raise InputError("what is compared shares no question.")
    return _table(rows)


def _between_models(
    run: RunFrames | Counts, models: Sequence[str], interventions: Sequence[str], seed: int
) -> Iterator[dict[str, object]]:
    for task in dict.fromkeys(run.traces["task"]):
        for pair in combinations(dict.fromkeys(models), 2):
            first, second = (_of(run, task, model) for model in pair)
            for row in _measures(first, second, seed):
                label = str(row["measure"]).rpartition(": ")[0]
                if not interventions or label in interventions:
                    family = f"{task} {row['measure']}"
                    yield {"task": task, "model": _named(pair), FAMILY: family} | row


def _between_interventions(
    run: RunFrames | Counts, models: Sequence[str], interventions: Sequence[str], seed: int
) -> Iterator[dict[str, object]]:
    for (task, model), mine in run.outcomes.groupby(["task", "model"], sort=False):
        for pair in combinations(dict.fromkeys(interventions), 2) if not models or model in models else ():
            first, second = (mine[mine["intervention"] == label] for label in pair)
            for row in _of_outcomes(_named(pair), first, second, seed):
                family = f"{task} {model} {str(row['measure']).rpartition(': ')[2]}"
                yield {"task": task, "model": model, FAMILY: family} | row


def _table(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """Return rows with p corrected for the pairs of a family."""
    table = pd.DataFrame(rows, columns=[*COLUMNS, FAMILY]).astype({"p_holm": float})
    for _, family in table.groupby(FAMILY, sort=False):
        table.loc[family.index, "p_holm"] = holm(family["p"].tolist())
    return table[COLUMNS]


def _pairs(column: str, first: pd.DataFrame, second: pd.DataFrame) -> list[tuple[str, str]]:
    """Match models or tasks by name, or where there is one in each run, those two."""
    names = [list(dict.fromkeys(frame[column])) for frame in (first, second)]
    shared = [(name, name) for name in names[0] if name in names[1]]
    if shared or (len(names[0]) == len(names[1]) == 1):
        return shared or [(names[0][0], names[1][0])]
    lists = " and ".join(", ".join(map(str, several)) for several in names)
    raise InputError(f"the two runs share no {column}, and it is not one in each: {lists}.")


def _of(run: RunFrames | Counts, task: str, model: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    traces, outcomes = (
        frame[(frame["task"] == task) & (frame["model"] == model)] for frame in (run.traces, run.outcomes)
    )
    return traces, outcomes


def _measures(
    first: tuple[pd.DataFrame, pd.DataFrame], second: tuple[pd.DataFrame, pd.DataFrame], seed: int
) -> Iterator[dict[str, object]]:
    for measure, column in OF_TRACES.items():
        frames = [traces for traces, _ in (first, second)]
        if measure == WITHOUT:  # asked once a question, and stored with each of its samples
            frames = [traces[traces["sample"] == 0] for traces in frames]
        yield from _difference(measure, frames[0], frames[1], column, seed)
    labels = [
        label for label in dict.fromkeys(first[1]["intervention"]) if label in set(second[1]["intervention"])
    ]
    for label in labels:
        sides = [outcomes[outcomes["intervention"] == label] for _, outcomes in (first, second)]
        yield from _of_outcomes(label, sides[0], sides[1], seed)


def _of_outcomes(
    label: str, first: pd.DataFrame, second: pd.DataFrame, seed: int
) -> Iterator[dict[str, object]]:
    """Yield how the outcomes of one intervention, or of two, differ."""
    yield from _difference(f"{label}: same answer", first, second, "same", seed)
    yield from _difference(f"{label}: accuracy", first, second, "correct", seed)
    sides = [frame.assign(moved=moved(frame)) for frame in (first, second)]
    yield from _difference(f"{label}: total variation distance", sides[0], sides[1], "moved", seed)


def _difference(
    measure: str, first: pd.DataFrame, second: pd.DataFrame, column: str, seed: int
) -> Iterator[dict[str, object]]:
    """Yield the difference in a column that lies in [0, 1], if there is a question with it in both."""
    sides = [frame[frame[column].notna()] for frame in (first, second)]
    each = [means_by(frame, ["question"], [column])[column].rename(index=str) for frame in sides]
    both = pd.concat(each, axis=1, join="inner").to_numpy(dtype=float)
    if not len(both):
        return
    found = asdict(difference(both[:, 0], both[:, 1], seed))
    once = column != "moved" and all(sums(frame, "question", column)["size"].max() == 1 for frame in sides)
    if once:
        found["p"] = mcnemar_exact([x > 0 for x in both[:, 0]], [x > 0 for x in both[:, 1]])
    means = {"first": float(both[:, 0].mean()), "second": float(both[:, 1].mean())}
    yield {"measure": measure, "test": "McNemar" if once else "sign flips"} | means | found


def _named(pair: tuple[str, str]) -> str:
    return pair[0] if pair[0] == pair[1] else f"{pair[0]} → {pair[1]}"
