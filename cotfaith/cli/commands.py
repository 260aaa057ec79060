"""What each command does: it calls one function of the library and prints.

The options that all measuring commands share are those of `Study`, an intervention's own are its fields;
defaults and names stand there and nowhere else.
"""

import inspect
import shlex
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from cotfaith.cli.parameters import as_tuples, study_of
from cotfaith.cli.terminal import err, out
from cotfaith.errors import InputError
from cotfaith.plugins import registry
from cotfaith.plugins.intervention import Intervention
from cotfaith.plugins.plugin import Plugin
from cotfaith.plugins.task import Task
from cotfaith.running import versions
from cotfaith.running.options import Study
from cotfaith.running.plan import build_interventions, prepare
from cotfaith.truth.options import Trial

if TYPE_CHECKING:
    from cotfaith.running.measurement import Progress
    from cotfaith.store.store import Store

TRANSPLANT = "transplant"
"""The intervention that says whether a cue's influence runs through the reasoning."""
MOST_SOURCES = 3  # a task with more is told in short

RunFolder = Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)]


def run(intervention: list[str], **options: Any) -> None:
    """Measure several interventions on several tasks and models, in one run."""
    measure(study_of(options), build_interventions(intervention))


def elicit(**options: Any) -> None:
    """Sample and store reasoning alone; later interventions with the same settings reuse it."""
    measure(study_of(options), ())


def cue(cues: list[str], **options: Any) -> None:
    """Ask whether answers follow a cue, whether the reasoning says so, and whether it ran through it."""
    named = [*cues, *options.pop("cue")]
    measure(study_of(options | {"cue": named}), build_interventions([TRANSPLANT]))


def validate(intervention: list[str] | None, **options: Any) -> None:
    """Say what interventions detect, on models of which it is known whether they use their reasoning."""
    from cotfaith.cli.show import print_table
    from cotfaith.running import progress
    from cotfaith.truth import findings
    from cotfaith.truth import trial as trials

    say_untried()
    trial = Trial(**as_tuples(options))
    lines = trial.quiet or not err.is_terminal
    shown = progress.Lines(err) if lines else progress.Bars(err)
    if trial.cues:
        validate_cues(trial, intervention, shown)
        return
    held = trials.hold(trial, build_interventions(intervention or []), shown)
    print_table(out, "Test × mechanism", findings.overview(held.found))
    print_table(out, "Where the reasoning is read, and where it is ignored", findings.by_test(held.found))
    print_table(out, "What was counted", held.counts)
    for line in findings.sentences(held.found):
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"Tables, figure and detection.md are in {trial.folder}.", markup=False, soft_wrap=True)


def validate_cues(trial: Trial, interventions: list[str] | None, shown: "Progress") -> None:
    """Say which reading of cues tells what from what, on models of which it is known."""
    from cotfaith.cli.show import print_table
    from cotfaith.truth import cue_trial

    if interventions or trial.thinking:
        raise InputError("validate --cues asks the cue organisms plainly, and no other interventions.")
    by_organism, aurocs = cue_trial.wide(cue_trial.hold(trial, shown))
    print_table(out, "What each reading gives", by_organism)
    print_table(out, "What it tells apart (AUROC)", aurocs)
    out.print(
        f"Tables, figures, detection.md and cues.md are in {trial.folder}.", markup=False, soft_wrap=True
    )


def intervention_command(cls: type[Intervention]) -> Callable[..., None]:
    """Return what an intervention's own command does."""

    def command(**options: Any) -> None:
        own = {f.name: options.pop(f.name) for f in fields(cls)}
        measure(study_of(options), (cls(**own),))

    return command


def measure(study: Study, interventions: tuple[Intervention, ...]) -> None:
    """Measure a study, report on it, and say what was noticed."""
    from cotfaith.report import noticed
    from cotfaith.running import circumstances, cluster, cost, judging, progress, runner, workers
    from cotfaith.store.filesystem import shared_kind
    from cotfaith.store.store import Store

    say_untried()
    plan = prepare(study, interventions)
    for line in cost.at_most(plan):
        say(line)
    lines = study.quiet or not err.is_terminal
    with closing(circumstances.begin(plan)) as store:
        folder = store.folder
        if folder != study.folder:
            say(f"{study.folder} was begun under other circumstances; this run is kept in {folder}.")
        if kind := shared_kind(folder):
            say(
                f"{folder} is on {kind}: the run is written there without a write-ahead log. Other machines "
                "may not see its lock, so measure into it from one at a time."
            )
        try:
            run = cluster.run if study.ray else workers.run if study.jobs > 1 else runner.run
            show = progress.Lines(err) if lines else progress.Bars(err)
            work = run(plan, store, show) + judging.judge(plan.study, store, show)
        except KeyboardInterrupt:
            say(_stopped(store))
            raise
    say(f"{folder}: {work} new rows." if work else f"{folder}: nothing was missing.")
    report(folder)
    with closing(Store.open(folder)) as store:
        for line in noticed.noticed(store):
            out.print(Text(line), soft_wrap=True)


def _stopped(store: "Store") -> str:
    """Say what there is when a run is stopped, and how it goes on."""
    done = ", ".join(f"{n:,} {table.replace('_', ' ')}" for table, n in store.counted().items() if n)
    command = shlex.join(["cotfaith", *sys.argv[1:]])
    return f"Stopped. {store.folder} keeps {done or 'nothing yet'}. Go on with: {command}"


def say_untried() -> None:
    """Name the libraries that are installed in a version that was not tried."""
    if untried := ", ".join(versions.untried()):
        say(f"Not tried with what is installed: {untried}.")


def say(line: str) -> None:
    """Say something beside what a command prints."""
    err.print(Text(line), soft_wrap=True)


def merge(
    run: Annotated[Path, typer.Argument(help="The folder of the run that they become.", show_default=False)],
    shards: Annotated[list[Path], typer.Argument(help="The folders of the shards.", show_default=False)],
) -> None:
    """Join the shards of a study into one run, or other runs with the same settings, and report on it."""
    from cotfaith.store.merging import merge as merge_runs

    merged = merge_runs(run, shards)
    say(f"{run}: {merged.rows} new rows.")
    if merged.missing:
        say(f"Not all of the study is there: shards {', '.join(merged.missing)} are missing.")
    report(run)


def report(run: RunFolder) -> None:
    """Write a run's tables, figures, report.html and report.md, and print the tables."""
    from cotfaith.cli.show import print_cues, print_tables
    from cotfaith.report.cue_page import write_cue_page
    from cotfaith.report.report import write_report
    from cotfaith.store.store import Store

    store = Store.open(run)
    print_tables(out, write_report(store))
    cued = write_cue_page(store)
    if cued is not None:
        print_cues(out, cued)
        out.print(f"What cues do is in {run}: cues.html and cues.md.", markup=False, soft_wrap=True)
    out.print(f"Tables, figures, report.html and report.md are in {run}.", markup=False, soft_wrap=True)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="The folder of a run, or of two.", show_default=False)],
    model: Annotated[
        list[str] | None, typer.Option(help="A model of the one run. Repeatable; two or more are compared.")
    ] = None,
    intervention: Annotated[
        list[str] | None,
        typer.Option(help="An intervention of the one run, likewise."),
    ] = None,
) -> None:
    """Compare two runs, or models or interventions of one, question by question: second less first."""
    from cotfaith.cli.show import print_table
    from cotfaith.stats import compare as comparisons
    from cotfaith.stats.counted import counted
    from cotfaith.store.store import Store

    if len(runs) > 2 or (len(runs) == 2 and (model or intervention)):
        raise InputError("compare two runs with each other, or models or interventions of one run.")
    first, *others = (counted(Store.open(folder)) for folder in runs)
    if others:
        table = comparisons.compare(first, others[0])
    else:
        table = comparisons.compare_within(first, model or (), intervention or ())
    print_table(out, "Second less first, paired by question", table)


def plan(
    effect: Annotated[
        float, typer.Option(help="A difference of two same-answer rates.", min=1e-6, max=1)
    ] = 0.05,
    questions: Annotated[int, typer.Option(help="Questions.", min=2)] = Study.questions,
    samples: Annotated[int, typer.Option(help="Samples of reasoning a question.", min=1)] = Study.samples,
    pilot: Annotated[
        Path | None, typer.Option(help="A run: its variances and token counts. Otherwise a guess.")
    ] = None,
    tokens: Annotated[
        float | None, typer.Option(help="Tokens to divide best. Otherwise what the study costs.", min=1)
    ] = None,
) -> None:
    """Say what power a study has for an effect, what it costs, and how its tokens are best divided."""
    from cotfaith.cli.show import print_plans, print_table
    from cotfaith.stats import planning

    wish = planning.Wish(effect, questions, samples, tokens)
    if pilot is None:
        found = [planning.plan("a guess, without a pilot", planning.GUESS, None, wish)]
    else:
        from cotfaith.stats.analysis import floors_of
        from cotfaith.stats.cue_planning import cue_plans
        from cotfaith.store.counts import chosen
        from cotfaith.store.frames import interventions_of, run_frames
        from cotfaith.store.store import Store

        store = Store.open(pilot)
        traces, outcomes = chosen(store, planning.OF_TRACES, planning.OF_OUTCOMES)
        floors = floors_of(interventions_of(store), outcomes)
        found = planning.plans(traces, outcomes, floors, wish)
        if store.has_cues():
            cued = cue_plans(run_frames(store), wish)
            print_table(out, f"An effect of {wish.effect:g} of a cue on P(h)", cued)
    print_plans(out, found, wish)


def show(
    run: RunFolder,
    question: Annotated[
        str | None, typer.Argument(help="A question's id; without it, all ids are listed.")
    ] = None,
) -> None:
    """Print one question: its reasoning and, per edit, what was shown and what was answered."""
    from cotfaith.cli.show import print_question, print_questions
    from cotfaith.store.store import Store

    store = Store.open(run)
    if question is None:
        print_questions(out, store)
    else:
        print_question(out, store, question)


def view(
    run: RunFolder,
    port: Annotated[
        int, typer.Option(help="Port on this machine; 0 takes a free one.", min=0, max=65535)
    ] = 0,
    open: Annotated[bool, typer.Option(help="Open it in the browser.")] = False,  # noqa: A002
) -> None:
    """Look at a run in the browser, trace by trace, until Ctrl-C: from this machine alone."""
    from cotfaith.view.serving import serve

    serve(run, port, say, opens=open)


def export(
    run: RunFolder,
    format: Annotated[Literal["csv", "jsonl", "parquet"], typer.Option(help="Format of the files.")] = "csv",  # noqa: A002
) -> None:
    """Write a run's questions, traces and outcomes as tidy tables."""
    from cotfaith.store.exporting import export_run

    for path in export_run(run, format):
        out.print(str(path), markup=False, soft_wrap=True)


def list_(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Say also where each task's questions come from.")
    ] = False,
) -> None:
    """List tasks, interventions and the models on this disk."""
    from cotfaith.models.shipped import models_on_disk

    for plugins in registry.ALL:
        out.print(Text(f"{plugins.kind.capitalize()}s", style="bold"))
        for name, cls in plugins.classes.items():
            summary = (inspect.getdoc(cls) or "").splitlines()[0]
            out.print(Text(f"  {name:<16} {summary}"), soft_wrap=True)
            for line in _details(cls, verbose):
                out.print(Text(f"  {'':<16} {line}", style="dim"), soft_wrap=True)
    out.print(Text("Models on this disk", style="bold"))
    for name in models_on_disk() or ["none; name a directory or a hub model with --model"]:
        out.print(Text(f"  {name}"), soft_wrap=True)


def _details(cls: type[Plugin], verbose: bool) -> Iterator[str]:
    hints = typing.get_type_hints(cls)
    for f in fields(cls):
        hint = hints[f.name]
        kind = "|".join(typing.get_args(hint)) if typing.get_origin(hint) is Literal else hint
        yield f"{f.name}={f.default!s} ({getattr(kind, '__name__', kind)})"
    if verbose and issubclass(cls, Task):
        sources = cls().sources()
        yield from (f"from the hub: {source}" for source in sources[:MOST_SOURCES])
        if len(sources) > MOST_SOURCES:
            yield f"and {len(sources) - MOST_SOURCES} more configurations, as the benchmark names them"
        if cls.files:
            yield f"in a folder: {' or '.join(cls.files):.100}"


ON_RUNS = (report, merge, compare, plan, show, view, export, list_)
"""Commands that measure nothing."""
