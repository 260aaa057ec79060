"""How fast: this package beside plain transformers and lm-evaluation-harness, on the same requests, in turns.

`make bench` writes its tables and figure into results/bench.
"""

import cProfile
import io
import os
import platform
import pstats
import statistics
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from cotfaith import plots, progress, runner, workloads
from cotfaith.contest import MEGABYTE, OURS, WARMING, contenders, sampling, scoring
from cotfaith.markdown import markdown_table
from cotfaith.models import use_threads
from cotfaith.models.rivals import distinct_tokens, token_counter
from cotfaith.prompts import plain_text
from cotfaith.store import Store
from cotfaith.study import Study, build_interventions, prepare

RESULTS = Path("results/bench")
PREAMBLE_TOKENS = 1000
SAMPLES_DRAWN = 20
IN_THE_MODEL = ("refusals", "generate", "answer_probs", "text_scores")
"""What a run calls of a model."""
GROWTH = {"questions": (5, 10, 20, 40), "samples": (5, 10, 20, 40), "steps": (2, 4, 8, 16)}


def growth(source: str, threads: int) -> pd.DataFrame:
    """Score ever more questions, samples and steps; return time, distinct tokens and memory of each."""
    rows = []
    for along, values in GROWTH.items():
        for value in values:
            size = {"questions": 10, "samples": 10, "steps": 6} | {along: value}
            questions = workloads.sums(size["questions"])
            texts = workloads.written(size["samples"], size["steps"])
            requests = workloads.truncations(questions, [texts] * len(questions))
            _, distinct = distinct_tokens(source, [plain_text(request.dialogue) for request in requests])
            with contenders([OURS], source, threads) as started:
                started[OURS]("score", requests[:WARMING])
                turns = [started[OURS]("score", requests) for _ in range(3)]
            seconds = statistics.median(turn.seconds for turn in turns)
            peak = max(turn.peak for turn in turns) / MEGABYTE
            rows.append(
                {"along": along, "size": value, "distinct_tokens": distinct, "seconds": seconds}
                | {"peak_megabytes": peak, "distinct_per_second": distinct / seconds}
            )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Share:
    """Where the time of a run goes, as the profiler counts it, which makes Python look slower than it is."""

    seconds: float
    in_the_model: float
    """Seconds in the model's own methods: loading, tokenizing, forward passes and drawing."""
    profile: str
    """The functions that take the most time by themselves."""


def run_share(source: str, threads: int) -> Share:
    """Profile a whole run of all interventions."""
    use_threads(threads)
    with TemporaryDirectory() as folder:
        study = Study(
            model=(source,), task=("addition:operands=4",), questions=4, samples=3, device="cpu", quiet=True,
            max_new_tokens=workloads.SAMPLED.max_new_tokens, out=Path(folder),
        )  # fmt: skip
        plan, store = prepare(study, build_interventions([])), Store.create(study.folder, study.fixed)
        with cProfile.Profile() as profiled:
            runner.run(plan, store, progress.Lines(Console(quiet=True)))
        store.close()
    written = io.StringIO()
    stats = pstats.Stats(profiled, stream=written)
    stats.strip_dirs().sort_stats("tottime").print_stats(15)
    profile = stats.get_stats_profile()
    model = sum(one.cumtime for name, one in profile.func_profiles.items() if name in IN_THE_MODEL)
    return Share(profile.total_tt, model, written.getvalue())


def main(
    model: Annotated[str, typer.Option(help="A directory, a hub name, or a rung of the ladder.")],
    questions: Annotated[int, typer.Option(help="Questions whose reasoning is cut short.", min=1)] = 10,
    samples: Annotated[int, typer.Option(help="Samples of each.", min=1)] = 10,
    preambled: Annotated[int, typer.Option(help="Of the questions, get a long preamble.", min=1)] = 10,
    alternations: Annotated[int, typer.Option(help="Turns of every contender.", min=1)] = 5,
    threads: Annotated[int, typer.Option(help="Threads of every contender.", min=1)] = 2,
) -> None:
    """Compare the speed of scoring and sampling, show how it grows and what a run takes beside the model."""
    console = Console(stderr=True)
    folder = RESULTS / model.rstrip("/").rpartition(".models/")[2].replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    asked = workloads.sums(questions)
    with contenders([OURS], model, threads) as started:
        texts = started[OURS]("sample", workloads.reasonings(asked, samples)).value
    starts = range(0, len(texts), samples)
    reasoning = [[text.rstrip() for text in texts[start : start + samples]] for start in starts]
    worked = workloads.preamble(PREAMBLE_TOKENS, token_counter(model))
    scored: list[dict[str, object]] = []
    for workload, before, n in (
        ("truncations", "", questions),
        ("with a preamble", f"{worked}\n", preambled),
    ):
        console.print(f"{model}: scoring, {workload}")
        requests = workloads.truncations(asked[:n], reasoning[:n], before)
        scored += scoring(model, workload, requests, alternations, threads)
        pd.DataFrame(scored).to_csv(folder / "scoring.csv", index=False)
    console.print(f"{model}: sampling")
    drawn = sampling(model, workloads.reasonings(asked, SAMPLES_DRAWN), alternations, threads)
    console.print(f"{model}: growth, and a whole run")
    found = Found(
        pd.DataFrame(scored), pd.DataFrame(drawn), growth(model, threads), run_share(model, threads)
    )
    size = f"{questions} questions ({min(preambled, questions)} with a preamble) × {samples} samples"
    write(found, folder, f"{size}, {alternations} turns, {threads} threads")
    console.print(str(folder / "README.md"))


@dataclass(frozen=True)
class Found:
    """What was measured."""

    scoring: pd.DataFrame
    sampling: pd.DataFrame
    growth: pd.DataFrame
    share: Share


def write(found: Found, folder: Path, settings: str) -> None:
    """Write tables, figure and a page that shows them."""
    for name in ("scoring", "sampling", "growth"):
        getattr(found, name).to_csv(folder / f"{name}.csv", index=False)
    plots.save(plots.growth_figure(found.growth), folder / "growth")
    (folder / "profile.txt").write_text(found.share.profile, encoding="utf-8")
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "lm-eval"))
    page = PAGE.format(
        machine=f"{settings}; {machine()}; {versions}",
        scoring=markdown_table(_readable(found.scoring)),
        sampling=markdown_table(_readable(found.sampling)),
        growth=markdown_table(_readable(found.growth)),
        seconds=found.share.seconds,
        share=1 - found.share.in_the_model / found.share.seconds,
    )
    (folder / "README.md").write_text(page, encoding="utf-8")


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
        shown[column] = [f"{x:,.0f}" if x >= 1000 else f"{x:.3g}" for x in shown[column]]
    return shown


PAGE = """# How fast?

{machine}. Made by `make bench`.
All contenders answer the same requests on the same weights in float32, in turns, each in its own process.
Seconds and rates are medians over turns; `ratio` is how many times as long a contender takes as cotfaith
(median, least and most over turns).

## Scoring: the answer after every truncation

The second workload has about 1,000 tokens of worked examples in front of every question. `of bare forward`
compares distinct tokens a second with those of one bare forward pass over as many tokens, in rows as long as
the requests.

{scoring}
## Sampling

{sampling}
## Growth

Time should go with distinct tokens, and memory should not go with questions.

![Growth](growth.png)

{growth}
## A whole run

All interventions on 4 sums × 3 samples take {seconds:.1f} s under the profiler; {share:.1%} of it is outside
of the model's own methods ([profile](profile.txt)).
"""

if __name__ == "__main__":
    typer.run(main)
