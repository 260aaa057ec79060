"""What is printed in a terminal: tables of a report, and one question with everything that was done to it."""

import math
from collections.abc import Sequence
from itertools import groupby

import pandas as pd
from rich.console import Console, Group
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cotfaith.dialogue.prompts import letters, question_block
from cotfaith.errors import unknown
from cotfaith.plugins.layers import ALL
from cotfaith.report.report import NO_VALUE, RESULTS, TITLES, rounded, without_interventions
from cotfaith.schema import Answer, Edit, Question, Trace
from cotfaith.stats.analysis import PAPER, Tables
from cotfaith.stats.areas import LARGEST, OF_LARGEST
from cotfaith.stats.inside import SWEEP
from cotfaith.stats.planning import Prospect, Wish
from cotfaith.store.contents import StoredEdit
from cotfaith.store.store import Store, arm_name

SAID_OF_SIZE = ["task", "intervention", "measure", "value", "ci_low", "ci_high", "p_holm", "detectable"]
"""Of the table by size, what a terminal has room for."""


def print_tables(console: Console, tables: Tables) -> None:
    """Print the results of a report; its controls stand in the files."""
    for name in RESULTS:
        frame = getattr(tables, name)
        if name == "by_size":
            frame = frame[SAID_OF_SIZE]
        if name == "steps":
            frame = without_interventions(frame)
        if name == "aoc":
            frame = frame[frame["definition"].isin([PAPER, LARGEST, OF_LARGEST])]
        if name == "inside":
            frame = frame[frame["layers"].isin([ALL, SWEEP])]
        if not frame.empty:
            print_table(console, TITLES[name], frame)
    refused = tables.counts[tables.counts["reasons"] != ""]
    for condition, task, model, reasons in refused[["condition", "task", "model", "reasons"]].to_numpy():
        console.print(Text(f"Not applicable, {condition}, {task}, {model}: {reasons}."))


def print_table(console: Console, title: str, frame: pd.DataFrame) -> None:
    """Print a table of estimates without empty columns; a task or model that all share is in the title."""
    shown = rounded(frame)
    constant = [c for c in ("model", "task") if c in shown and shown[c].nunique() == 1]
    suffix = "".join(f" · {shown[c].iloc[0]}" for c in constant)
    empty = [c for c in shown.columns if shown[c].isin(["", NO_VALUE]).all()]
    shown = shown.drop(columns=[*constant, *empty])
    table = Table(title=Text(title + suffix), title_justify="left", header_style="bold")
    for column in shown.columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in shown.to_numpy().tolist():
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)


def print_cues(console: Console, overview: pd.DataFrame) -> None:
    """Print what each cue does, a line a number, since a row has no room for all."""
    for row in overview.to_dict("records"):
        names = [str(row.pop(name)) for name in ("cue", "model", "task")]
        table = Table(title=Text(" · ".join(names)), title_justify="left", show_header=False)
        for name, value in row.items():
            table.add_row(Text(str(name)), Text(str(value)))
        console.print(table)


def print_plans(console: Console, plans: Sequence[Prospect], wish: Wish) -> None:
    """Print what a study finds, and how its tokens are best divided."""
    rows = [
        {
            "comparison": plan.comparison,
            "variance between": plan.components.between,
            "within": plan.components.within,
            "power": plan.power,
            "found with 80% power": plan.detectable,
            "questions needed": plan.questions_needed,
            "tokens": NO_VALUE if plan.tokens is None else f"{plan.tokens:,.0f}",
            "best division": NO_VALUE
            if plan.best_power is None
            else f"{plan.best_questions:,} × {plan.best_samples}, power {plan.best_power:.3f}",
        }
        for plan in plans
        if not math.isnan(plan.power)
    ]
    title = f"An effect of {wish.effect:g} with {wish.questions} questions × {wish.samples} samples"
    if rows:
        print_table(console, title, pd.DataFrame(rows))
    for plan in (plan for plan in plans if math.isnan(plan.power)):
        console.print(Text(f"{plan.comparison}: the pilot tells no variances to plan from."))
    if not plans:
        console.print("The pilot has no floor (run `sham`) and no two models: nothing to compare.")


def print_questions(console: Console, store: Store) -> None:
    """Print which questions a run holds."""
    for task, ids in groupby(store.question_ids(), key=lambda pair: pair[0]):
        console.print(Text(task, style="bold"))
        for _, question in ids:
            console.print(Text(f"  {question}"))


def print_question(console: Console, store: Store, question: str) -> None:
    """Print a question, of every task that has it: reasoning and, per edit, what was shown and answered."""
    keys = store.trace_keys(question)
    if not keys:
        raise unknown("question", question, [name for _, name in store.question_ids()])
    for _, several in groupby(keys, key=lambda found: found[0]):
        _print_traces(console, store, [(model, trace_key) for _, model, trace_key in several])


def _print_traces(console: Console, store: Store, keys: Sequence[tuple[str, str]]) -> None:
    """Print a task's question, and of each model and sample all that was asked."""
    first = store.traces([keys[0][1]])[0].trace.question
    console.print(
        Panel(Text(question_block(first)), title=Text(f"{first.task} · {first.id}"), title_align="left")
    )
    console.print(Text(f"Right answer: {' or '.join(first.right) or 'none'}"))
    for model, trace_key in keys:
        trace = store.traces([trace_key])[0].trace
        arm = f"{arm_name(trace.question)}: " if trace.question.arm else ""
        console.print(Rule(Text(f"{arm}{model}, sample {trace.sample}"), align="left"))
        console.print(_trace(trace))
        for label, edits in groupby(store.edits_of(trace_key), key=lambda stored: stored.intervention):
            console.print(Text(f"\n{label}", style="bold"))
            console.print(_edits(trace, list(edits)))
        for (label, reason), alike in groupby(store.refusals_of(trace_key)):
            console.print(Text(f"{label}, not applicable: {len(list(alike))} × {reason}"))


def _trace(trace: Trace) -> Group:
    limit = " (cut off by the token limit)" if trace.hit_limit else ""
    numbered = [Text(f"  {i}. {step.strip()}") for i, step in enumerate(trace.steps, 1)]
    return Group(
        Text(f"Reasoning, {trace.drawn_tokens} tokens{limit}:"),
        *(numbered or [Text("  none")]),
        Text.assemble("Answer with reasoning: ", _answer(trace.question, trace.answer)),
        Text.assemble("Answer without:        ", _answer(trace.question, trace.answer_without)),
    )


def _edits(trace: Trace, edits: list[StoredEdit]) -> Table:
    table = Table(header_style="bold", show_lines=True)
    for column in ("position", "shown instead of the reasoning", "answer"):
        table.add_column(column, overflow="fold")
    for stored in edits:
        shown = _shown(trace, stored.edit)
        outcome = stored.outcome
        if outcome is not None and outcome.resumed:
            shown = Text.assemble(shown, Text(f"\n→ {outcome.resumed.strip()}", style="cyan"))
        answer = Text("not asked yet", style="italic")
        if outcome is not None:
            style = "" if outcome.same else "bold red"
            note = "" if outcome.same else "\nchanged"
            question = stored.edit.asked
            answer = Text.assemble((f"{_answer(question, outcome.answer)}{note}", style))
        table.add_row(f"{stored.edit.position:.2f}", shown, answer)
    return table


def _shown(trace: Trace, edit: Edit) -> Text:
    """Write the steps that are shown; those that the reasoning does not have there stand out."""
    if not edit.steps:
        return Text("nothing", style="italic")
    original = dict(enumerate(trace.steps))
    pieces = [(step, "" if step == original.get(i) else "yellow") for i, step in enumerate(edit.steps)]
    pieces[0] = (pieces[0][0].lstrip(), pieces[0][1])
    return Text.assemble(*pieces)


def _answer(question: Question, answer: Answer) -> str:
    """Write an answer with its probability, or with that of each choice."""
    name = answer.text if answer.text is not None else f"unread: {answer.completion.strip()!r}"
    if not answer.probs:
        return name if answer.probability is None else f"{name} ({answer.probability:.2f})"
    each = zip(letters(len(question.choices)), answer.probs, strict=True)
    return f"{name} ({', '.join(f'{letter} {p:.2f}' for letter, p in each)})"
