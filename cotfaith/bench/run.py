"""How fast: this package beside plain transformers and lm-evaluation-harness, on the same requests, in turns.

`make bench` writes its tables and figure into results/bench.
"""

import cProfile
import os
import platform
import pstats
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from cotfaith.bench import workloads
from cotfaith.bench.analysis import analysis
from cotfaith.bench.contest import MEGABYTE, WARMING, Row, Setting, contenders, sampling, scoring
from cotfaith.bench.inside import inside
from cotfaith.bench.rivals import BATCH, OURS, distinct_tokens, token_counter
from cotfaith.bench.served import scoring_served
from cotfaith.dialogue.prompts import plain_text
from cotfaith.errors import InputError
from cotfaith.models.opening import use_threads
from cotfaith.plugins.registry import TASKS
from cotfaith.report import drawing
from cotfaith.report.markdown import markdown_table
from cotfaith.running import progress, runner
from cotfaith.running.options import Study
from cotfaith.running.plan import build_interventions, prepare
from cotfaith.schema import Question
from cotfaith.store.store import Store

RESULTS = Path("results/bench")
PREAMBLE_TOKENS = 1000
SAMPLES_DRAWN = 20
SAMPLES_CUT = 10
OF_THE_MODEL = {("asking.py", name) for name in ("refusals", "generate", "answer_probs", "text_scores")}
"""What a run calls of a model."""
SLOWEST = 12
"""Functions that are shown."""
WRITTEN = {"samples": 10, "steps": 6, "numbers": 2}
"""Of the reasoning whose growth is measured: samples of a question, steps of a sample, numbers of a step."""
INSIDE_TASK = "addition:operands=8"
GROWTH = (0.5, 1, 2, 4)
"""How many times as much there is of the one thing that grows."""


class Part(StrEnum):
    """What is measured."""

    scoring = "scoring"
    sampling = "sampling"
    growth = "growth"
    run = "run"
    inside = "inside"
    analysis = "analysis"
    served = "served"


def growth(setting: Setting, questions: int) -> Iterator[Row]:
    """Score ever more and longer reasoning; yield time, distinct tokens and memory of each."""
    standard = WRITTEN | {"questions": questions}
    for along, once in standard.items():
        for factor in GROWTH:
            size = standard | {along: max(1, round(factor * once))}
            asked = workloads.sums(size["questions"])
            texts = workloads.written(size["samples"], size["steps"], size["numbers"])
            requests = workloads.truncations(asked, [texts] * len(asked))
            _, distinct = distinct_tokens(
                setting.source, [plain_text(request.dialogue) for request in requests]
            )
            with contenders([OURS], setting) as started:
                started[OURS]("score", requests[:WARMING])
                turns = [started[OURS]("score", requests) for _ in range(3)]
            seconds = statistics.median(turn.seconds for turn in turns)
            peak = max(turn.peak for turn in turns) / MEGABYTE
            yield {
                "along": along,
                "size": size[along],
                "distinct_tokens": distinct,
                "seconds": seconds,
                "peak_megabytes": peak,
                "distinct_per_second": distinct / seconds,
            }


def run_share(setting: Setting) -> Iterator[Row]:
    """Profile a whole run of all interventions; yield the seconds, the model's own part and the profile.

    What a run calls of a model counts as the model's: loading, tokenizing, forward passes and drawing.
    """
    use_threads(setting.threads)
    with TemporaryDirectory() as folder:
        study = Study(
            model=(setting.source,), task=("addition:operands=4",), questions=4, samples=3, device="cpu",
            max_new_tokens=workloads.SAMPLED.max_new_tokens, out=Path(folder), quiet=True,
        )  # fmt: skip
        plan, store = prepare(study, build_interventions([])), Store.create(study.folder, study.fixed)
        with cProfile.Profile() as profiled:
            runner.run(plan, store, progress.Lines(Console(quiet=True)))
        store.close()
    stats = pstats.Stats(profiled).strip_dirs()
    functions = {place: times[2:4] for place, times in vars(stats)["stats"].items()}
    in_model = [both for (file, _, name), (_, both) in functions.items() if (file, name) in OF_THE_MODEL]
    whole = sum(own for own, _ in functions.values())
    seconds = {"all": whole, "all but the model": whole - sum(in_model)}
    slowest = sorted(functions.items(), key=lambda one: -one[1][0])[:SLOWEST]
    for (file, line, name), (own, _) in slowest:
        seconds[f"{file}:{line} {name}".removeprefix("~:0 ").strip("<>")] = own
    for what, took in seconds.items():
        yield {"what": what, "seconds": took, "share": took / whole}


def scored_served(setting: Setting, asked: Sequence[Question]) -> Iterator[Row]:
    """Score truncations of reasoning here and on a server of the same model."""
    workload = f"truncations, {len(asked)} × {SAMPLES_CUT}"
    yield from scoring_served(setting, workload, workloads.truncations(asked, _reasoning(setting, asked)))


def _reasoning(setting: Setting, asked: Sequence[Question]) -> list[list[str]]:
    """Sample each question's reasoning."""
    with contenders([OURS], setting) as started:
        texts = started[OURS]("sample", workloads.reasonings(asked, SAMPLES_CUT)).value
    starts = range(0, len(texts), SAMPLES_CUT)
    return [[text.rstrip() for text in texts[start : start + SAMPLES_CUT]] for start in starts]


def scored(setting: Setting, asked: Sequence[Question], preambled: int) -> Iterator[Row]:
    """Score truncations of reasoning, and those of some questions behind a long preamble."""
    reasoning = _reasoning(setting, asked)
    worked = workloads.preamble(PREAMBLE_TOKENS, token_counter(setting.source))
    for name, before, n in (("truncations", "", len(asked)), ("with a preamble", f"{worked}\n", preambled)):
        requests = workloads.truncations(asked[:n], reasoning[:n], before)
        workload = f"{name}, {n} × {SAMPLES_CUT}"
        yield from scoring(setting, workload, requests)


def main(  # noqa: PLR0913, PLR0917 a command has its options
    model: Annotated[str, typer.Option(help="A directory, a hub name, or a rung of the ladder.")],
    questions: Annotated[int, typer.Option(help="Questions whose reasoning is cut short.", min=1)] = 10,
    preambled: Annotated[int, typer.Option(help="Of the questions, get a long preamble.", min=1)] = 10,
    threads: Annotated[int, typer.Option(help="Threads of every contender.", min=1)] = 2,
    batch: Annotated[int, typer.Option(help="Sequences of a padded batch of the others.", min=1)] = BATCH,
    outcomes: Annotated[int, typer.Option(help="Of the largest run that is reported on.", min=1)] = 1_000_000,
    part: Annotated[
        list[Part] | None, typer.Option(help="What is measured; without it, all that needs no server.")
    ] = None,
) -> None:
    """Compare the speed of scoring and sampling, show how it grows and what a run takes beside the model.

    A part that is measured again replaces what its table held; the page shows all tables that are there.
    What was measured is in its table at once, and stays there if a contender is killed later.
    """
    console = Console(stderr=True)
    folder = RESULTS / named(model)
    folder.mkdir(parents=True, exist_ok=True)
    asked, setting = workloads.sums(questions), Setting(model, threads, batch)
    drawn = workloads.reasonings(asked, SAMPLES_DRAWN)
    measured: dict[Part, Callable[[], Iterator[Row]]] = {
        Part.scoring: lambda: scored(setting, asked, preambled),
        Part.sampling: lambda: sampling(setting, drawn),
        Part.growth: lambda: growth(setting, questions),
        Part.run: lambda: run_share(setting),
        Part.inside: lambda: inside(model, threads, TASKS.build(INSIDE_TASK).draw(questions, 0)),
        Part.analysis: lambda: analysis(outcomes),
        Part.served: lambda: scored_served(setting, asked),
    }
    for name in part or [one for one in Part if one != Part.served]:
        console.print(f"{model}: {name}")
        rows: list[Row] = []
        try:
            for row in measured[name]():
                rows.append(row | {"measured_on": f"{machine()}, {threads} threads; {versions()}"})
                pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
        finally:
            write_page(folder)
    console.print(str(folder / "README.md"))


def named(model: str) -> str:
    """Return what a model's results are called: a directory's own name, without where it lies here."""
    path = Path(model).expanduser()
    return path.resolve().name if path.is_dir() else model.replace("/", "-")


def write_page(folder: Path) -> None:
    """Show the tables that are there, and the figure of the growth."""
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in Part if (folder / f"{name}.csv").exists()}
    if Part.growth in tables:
        drawing.save(drawing.growth_figure(tables[Part.growth]), folder / "growth")
    if Part.analysis in tables:
        drawing.save(drawing.growth_figure(tables[Part.analysis], "outcomes"), folder / "analysis")
    sections = []
    for name, table in tables.items():
        where = " and ".join(table.pop("measured_on").unique())
        sections.append(f"{SAID[name]}\n\nOn {where}.\n\n{markdown_table(_readable(table))}")
    (folder / "README.md").write_text(PAGE.format(sections="\n".join(sections)), encoding="utf-8")


def versions() -> str:
    """Name the releases that are compared."""
    return ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "lm-eval"))


def machine() -> str:
    """Name the processor and the system."""
    names = (
        line.partition(":")[2].strip()
        for path in (Path("/proc/cpuinfo"),)
        if path.exists()
        for line in path.read_text().splitlines()
        if line.startswith("model name")
    )
    return f"{next(names, platform.machine())}, {os.cpu_count()} cores, {platform.system()}"


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Write numbers with as many digits as they deserve, and a ratio with its spread."""
    shown = table.copy()
    if "ratio" in shown:
        spans = zip(shown["ratio"], shown.pop("ratio_least"), shown.pop("ratio_most"), strict=True)
        shown["ratio"] = [f"{value:.2f} ({least:.2f} to {most:.2f})" for value, least, most in spans]
    for column in shown.select_dtypes("float"):
        digits = [f"{x:,.0f}" if x >= 1000 else f"{x:.3g}" for x in shown[column]]
        shown[column] = ["–" if text == "nan" else text for text in digits]
    return shown


PAGE = """# How fast?

Made by `make bench`. All contenders answer the same requests on the same weights in float32, in turns, each
in its own process. Seconds and rates are medians over turns; `ratio` is how many times as long a contender
takes as cotfaith (median, least and most over turns).

{sections}"""

SAID = {
    Part.scoring: """## Scoring: the answer after every truncation

A workload has so many questions × samples of reasoning. The second one has about 1,000 tokens of worked
examples in front of every question. `of bare forward` compares distinct tokens a second with those of one
bare forward pass over as many tokens, in rows as long as the requests.""",
    Part.sampling: f"""## Sampling

{SAMPLES_DRAWN} samples of every question.""",
    Part.growth: """## Growth

Time should go with distinct tokens, and memory should not go with questions. One thing grows at a time:
questions, samples of each, steps of each, numbers in each step, which makes the reasoning longer.

![Growth](growth.png)""",
    Part.run: """## A whole run

All interventions on 4 sums × 3 samples under the profiler, which makes Python look slower than it is: the
whole, what is outside of the model's own methods (loading, tokenizing, forward passes, drawing), and the
functions that take the most time by themselves.""",
    Part.inside: f"""## A look inside

The answers after edits inside, and how far each moves the own answer, on sums (`{INSIDE_TASK}`), with what
edits have in common computed once, and with every edit run as a whole in batches of equal length.""",
    Part.analysis: """## A report

Of runs whose numbers are drawn (three models, three tasks, six interventions) and written through the store's
own interface: what a report takes, in a process of its own, and the store. Time should go with outcomes, and
memory with what is distinct among them.

![A report](analysis.png)""",
    Part.served: """## On a server

The same truncations scored here, by this package on a vLLM that was started for it, and by
lm-evaluation-harness on that server (`local-completions`, in tokens, as many requests at once). The server
forgets all prefixes before each turn. CPU seconds are those of all threads of client and server. Made with
`COTFAITH_VLLM=… make bench PART=served`.""",
}

if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
