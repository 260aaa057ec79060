"""What stands first in a report: the question, an answer that can be repeated, and one small table."""

from collections.abc import Iterator
from inspect import getdoc

import pandas as pd

from cotfaith.report.figures import SAME_ANSWER
from cotfaith.report.words import CLEAR
from cotfaith.stats.analysis import PAPER, Analysis
from cotfaith.stats.tables import CELL, CURVE, sums

SHORT = {
    "accuracy with reasoning": "right with reasoning",
    "accuracy without reasoning": "right without",
    SAME_ANSWER: "same with and without",
}
"""Measures of the table of accuracy, as the overview calls them."""
EARLY, MISTAKE = "truncation", "mistake"
"""The two tests whose readings are told together."""
NAMED = 4
"""Up to how many tasks are named one by one."""
HARDLY, MOSTLY = 0.1, 0.5
"""Up to which share of changed answers a test hardly changes any, and from which on it changes most."""
NOT_TO_CONCLUDE = (
    "That an answer changes with the reasoning does not show that the reasoning is true, and that it does "
    "not change does not show that it is a story: these are readings of dependence (Lanham et al. 2023). "
    "Read each beside the accuracy in its row, and beside what the test is known to detect."
)


def question(analysis: Analysis, traces: pd.DataFrame) -> str:
    """Say what was asked of whom, and how often."""
    models, tasks = traces["model"].unique(), traces["task"].unique()
    who = f"{models[0]}'s answer" if len(models) == 1 else f"the answer of {len(models)} models"
    questions = traces.groupby("task")["question"].nunique()
    samples = sums(traces, ["model", "task", "question"], "sample")["size"]
    what = tasks[0] if len(tasks) == 1 else f"{len(tasks)} tasks"
    tests = sum(not one.floor for one in analysis.interventions.values())
    by = f", by {_counted(tests, 'test')}" if tests else ""
    return (
        f"Does {who} come from the stated reasoning? Asked on {what}{by}: {_range(questions, '{:,.0f}')} "
        f"questions a task, {_range(samples, '{:,.0f}')} samples of reasoning a question."
    )


def answer(analysis: Analysis) -> list[str]:
    """Say in a few sentences what was found, of the largest model."""
    shares = analysis.tables.accuracy[analysis.tables.accuracy["measure"] == SAME_ANSWER]
    largest = str(shares.sort_values(["n_params", "model"])["model"].iloc[-1])
    mine = shares[shares["model"] == largest].set_index("task")["value"]
    alike = f"gives the same answer with its reasoning and without it in {_by_task(mine)}"
    changed = _changed(analysis)
    changed = changed[changed["model"] == largest]
    return [
        f"{largest} {alike}.",
        *_by_size(analysis),
        *_by_test(changed, largest),
        *_read_unneeded(changed, largest),
    ]


def overview(analysis: Analysis) -> pd.DataFrame:
    """Return a row a (task, model), smaller models first, with the numbers that are to be read together.

    Columns: accuracy with and without reasoning, the share of the same answer with and without it, what each
    test changes beyond its floor (or at all, where it has none), the paper's area over the curve of early
    answering, and the letter bias; columns without any number are left out. Shares are in [0, 1].
    """
    accuracy = analysis.tables.accuracy.pivot_table(index=CELL, columns="measure", values="value")
    changed = _changed(analysis)
    by_test = changed.pivot_table(index=CELL, columns="intervention", values="value", sort=False)
    beyond = "changed beyond its floor by " if changed["beyond"].all() else "changed by "
    shares = accuracy.reindex(columns=list(SHORT)).rename(columns=SHORT)
    table = shares.join(by_test.add_prefix(beyond))
    areas = analysis.tables.aoc
    areas = areas[(areas["definition"] == PAPER) & (areas["intervention"] == EARLY)]
    table = table.join(areas.set_index(CELL)["value"].rename(f"AOC of {EARLY}"))
    bias = analysis.tables.letter_bias
    table = table.join(bias[bias["measure"] == "letter bias"].set_index(CELL)["value"].rename("letter bias"))
    table = table.dropna(axis=1, how="all").reset_index().sort_values(["task", "n_params", "model"])
    columns = [name for name in table.columns if name not in CELL]
    return table[["task", "model", *columns]].reset_index(drop=True)


def _changed(analysis: Analysis) -> pd.DataFrame:
    """Return what each test changes beyond its floor; at all where it has none."""
    floors = [label for label, one in analysis.interventions.items() if one.floor]
    rates = analysis.tables.same_answer
    rates = rates[~rates["intervention"].isin(floors)]
    at_all = rates.assign(value=1 - rates["value"], ci_low=1 - rates["ci_high"], ci_high=1 - rates["ci_low"])
    beyond = rates[["excess", "excess_low", "excess_high"]].set_axis(["value", "ci_low", "ci_high"], axis=1)
    values = beyond.where(rates["excess"].notna(), at_all[["value", "ci_low", "ci_high"]])
    return pd.concat([rates[CURVE], values, rates["excess"].notna().rename("beyond")], axis=1)


def _by_size(analysis: Analysis) -> Iterator[str]:
    trends = [one.trend for one in analysis.sizes if one.trend is not None]
    if not trends:
        return
    more = sum(trend.ci_low > 0 for trend in trends)
    less = sum(trend.ci_high < 0 for trend in trends)
    turns = [
        f"; on {one.task} with a {one.turn.kind} at {one.turn.model}"
        for one in analysis.sizes
        if one.turn is not None and one.turn.p < CLEAR
    ]
    if more or less:
        said = f"more often on {more} of {_counted(len(trends), 'task')}"
        yield f"Larger models do so {said}{f', less often on {less}' * (less > 0)}{''.join(turns)}."
    else:
        yield "Whether larger models do so more often cannot be told from these questions."


def _by_test(changed: pd.DataFrame, model: str) -> Iterator[str]:
    """Say which test changes most answers of a model, and which the fewest."""
    if changed.empty:
        return
    beyond = "Beyond what the same procedure changes without an edit, " if changed["beyond"].all() else ""
    told = changed.groupby("intervention", sort=False)["value"]
    order = told.mean().sort_values(kind="stable").index
    most, least = order[-1], order[0]
    said = f"{beyond}{most} changes {_shares(told.get_group(most))} of the answers of {model}"
    yield f"{said}." if most == least else f"{said}, {least} {_shares(told.get_group(least))}."


def _read_unneeded(changed: pd.DataFrame, model: str) -> Iterator[str]:
    """Say on which tasks a model reads reasoning that it does not need."""
    table = changed.set_index(["task", "intervention"])
    tasks = [
        task
        for task in changed["task"].unique()
        if {(task, EARLY), (task, MISTAKE)} <= set(table.index)
        and table.loc[(task, EARLY), "ci_high"] <= HARDLY
        and table.loc[(task, MISTAKE), "ci_low"] >= MOSTLY
    ]
    if tasks:
        yield (
            f"On {', '.join(tasks)}, {model} does not need its reasoning and reads it all the same: cutting "
            "it short changes next to nothing, a mistake in it changes the answer."
        )


def tests(analysis: Analysis) -> list[str]:
    """Say in a sentence each what the tests show the model instead of its reasoning."""
    return [
        f"{label}: {(getdoc(type(one)) or '').partition(chr(10))[0]}"
        for label, one in analysis.interventions.items()
        if not one.floor
    ]


def _by_task(values: pd.Series) -> str:
    """Give a share task by task where these are few, else their range."""
    if len(values) == 1:
        return f"{_shares(values)} of samples"
    if len(values) > NAMED:
        return f"{_shares(values)} of samples ({len(values)} tasks)"
    each = [f"{100 * value:.0f}% on {task}" for task, value in values.sort_values(ascending=False).items()]
    return f"{', '.join(each[:-1])} and {each[-1]}"


def _shares(values: pd.Series) -> str:
    return _range(100 * values, "{:.0f}") + "%"


def _range(values: pd.Series, form: str) -> str:
    """Write the least and the largest of some numbers, or the one that they are written as."""
    least, most = (form.format(one + 0.0) for one in (values.min(), values.max()))
    return least if least == most else f"{least} to {most}"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"
