"""Two runs on the questions that they share, in pairs."""

from collections.abc import Iterator
from dataclasses import asdict

import pandas as pd

from cotfaith.errors import InputError
from cotfaith.stats.paired import difference, mcnemar_exact
from cotfaith.store.frames import RunFrames

WITHOUT = "accuracy without reasoning"
OF_TRACES = {
    "accuracy with reasoning": "correct",
    WITHOUT: "correct_without",
    "same answer with and without": "same_without",
}
COLUMNS = [
    "task", "model", "measure", "first", "second", "value", "ci_low", "ci_high", "p", "test", "questions",
    "detectable",
]  # fmt: skip


def compare(first: RunFrames, second: RunFrames, seed: int = 0) -> pd.DataFrame:
    """Return the paired differences between two runs, on the questions that both asked.

    Parameters
    ----------
    first, second : RunFrames
        Models and tasks of the same name are compared; where there is one of each in both runs, those two.
    seed : int
        Decides resamplings and flips.

    Returns
    -------
    DataFrame
        One row a (task, model, measure); `value` is second − first, in [-1, 1], with its 95% interval and the
        p of a test: McNemar's exact one where every question has one outcome in both runs, and sign flips
        over questions otherwise. `detectable` is what would have been found with 80% power.

    Raises
    ------
    InputError
        If the runs share no model, no task or no question.
    """
    models = _pairs("model", first.traces, second.traces)
    tasks = _pairs("task", first.traces, second.traces)
    rows = []
    for task in tasks:
        for model in models:
            sides = [_of(run, t, m) for run, t, m in zip((first, second), task, model, strict=True)]
            names = {"task": _named(task), "model": _named(model)}
            rows += [names | row for row in _measures(sides[0], sides[1], seed)]
    if not rows:
        raise InputError(
            "the two runs share no question: their ids differ. Give both the same data and --seed."
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _pairs(column: str, first: pd.DataFrame, second: pd.DataFrame) -> list[tuple[str, str]]:
    """Match models or tasks by name, or where there is one in each run, those two."""
    names = [list(dict.fromkeys(frame[column])) for frame in (first, second)]
    shared = [(name, name) for name in names[0] if name in names[1]]
    if shared or (len(names[0]) == len(names[1]) == 1):
        return shared or [(names[0][0], names[1][0])]
    lists = " and ".join(", ".join(map(str, several)) for several in names)
    raise InputError(f"the two runs share no {column}, and it is not one in each: {lists}.")


def _of(run: RunFrames, task: str, model: str) -> tuple[pd.DataFrame, pd.DataFrame]:
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
        yield from _difference(f"{label}: same answer", sides[0], sides[1], "same", seed)
        yield from _difference(f"{label}: accuracy", sides[0], sides[1], "correct", seed)


def _difference(
    measure: str, first: pd.DataFrame, second: pd.DataFrame, column: str, seed: int
) -> Iterator[dict[str, object]]:
    """Yield the difference in a true-or-false column, if there is a question with it in both."""
    sides = [frame[frame[column].notna()] for frame in (first, second)]
    each = [frame.groupby("question")[column].agg(lambda v: float(v.astype(float).mean())) for frame in sides]
    both = pd.concat(each, axis=1, join="inner").to_numpy(dtype=float)
    if not len(both):
        return
    found = asdict(difference(both[:, 0], both[:, 1], seed))
    once = all(frame.groupby("question").size().max() == 1 for frame in sides)
    if once:
        found["p"] = mcnemar_exact([x > 0 for x in both[:, 0]], [x > 0 for x in both[:, 1]])
    means = {"first": float(both[:, 0].mean()), "second": float(both[:, 1].mean())}
    yield {"measure": measure, "test": "McNemar" if once else "sign flips"} | means | found


def _named(pair: tuple[str, str]) -> str:
    return pair[0] if pair[0] == pair[1] else f"{pair[0]} → {pair[1]}"
