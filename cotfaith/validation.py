"""Are the estimators right? Each is run on thousands of simulated data sets of which the truth is known.

`make validate` writes the table of how often 95% intervals cover the truth and how often tests at 5% reject
where there is nothing.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from statsmodels.stats.proportion import proportion_confint

from cotfaith import areas, controls, metrics, paired, planning, progress, simulation, sizes
from cotfaith.curves import CurveSpec
from cotfaith.identity import derive_seed
from cotfaith.simulation import Design

DATA_SETS = 2000
BLOCK = 50
"""Data sets that a process does at once."""
RESULTS = Path("results/validation")
BANDS = {"covers": (0.93, 0.97), "rejects": (0.04, 0.06), "finds": (0.75, 0.85)}
"""What a rate is to be: of intervals, of tests where there is nothing, of tests of the planned effect."""
SIZES = (1e4, 1e5, 1e6, 1e7)

Kind = Literal["covers", "rejects", "finds"]


@dataclass(frozen=True)
class Check:
    """One estimator in one setting: what is asked of a data set is whether its interval or test says so."""

    estimator: str
    kind: Kind
    truth: float
    design: Design
    hit: Callable[[np.random.Generator], bool]


def checks() -> Iterator[Check]:
    """Yield every check."""
    for questions in (20, 50, 200):
        for share in (0.5, 0.8, 0.95):
            design = Design(questions, 5, 0.3)
            yield Check("same-answer rate", "covers", share, design, partial(_rate, design, share))
    for questions in (20, 50, 200):
        design = Design(questions, 5, 0.3)
        yield Check("AOC", "covers", 0.3, design, partial(_aoc, design, 0.6))
        yield Check("excess over the floor", "covers", 0.2, design, partial(_excess, design, 0.9, 0.7))
        agreement = 1 - 2 * 0.7 * 0.3 * (1 - design.correlation)
        yield Check(
            "agreement of two samples",
            "covers",
            agreement,
            design,
            partial(_agreement, design, 0.7, agreement),
        )
        yield Check("accuracy gained by reasoning", "covers", 0.15, design, partial(_gain, design, 0.5, 0.65))
        yield Check("mean of a number", "covers", 0.3, design, partial(_mean, design, 0.3))
        yield Check("paired difference", "covers", 0.1, design, partial(_difference, design, 0.1))
        yield Check("slope on size (GEE)", "covers", 0.6, design, partial(_slope, design, 0.6))
        yield Check("sign-flip test of a difference", "rejects", 0.0, design, partial(_flip, design, 0.0))
        yield Check("slope on size (GEE)", "rejects", 0.0, design, partial(_slope_found, design))
    design = Design(1000, 1, 0.3)
    yield Check("McNemar's exact test", "rejects", 0.0, design, partial(_mcnemar, design))
    for questions in (50, 200):
        design = Design(questions, 5, 0.3)
        effect = _planned(design)
        yield Check("power that was planned", "finds", effect, design, partial(_flip, design, effect))


def run_checks(data_sets: int, jobs: int, show: progress.Lines | progress.Bars) -> pd.DataFrame:
    """Return one row a check: how often it hit, with the Monte Carlo error, and whether that is as wanted."""
    rows = []
    listed = list(checks())
    with ProcessPoolExecutor(jobs) as pool, show("validate", "data sets", data_sets * len(listed)) as advance:
        for i, check in enumerate(listed):
            blocks = [range(start, min(start + BLOCK, data_sets)) for start in range(0, data_sets, BLOCK)]
            hits = 0
            for n, block in zip(pool.map(partial(_block, i), blocks), blocks, strict=True):
                hits += n
                advance(len(block))
            low, high = proportion_confint(hits, data_sets, method="wilson")
            least, most = BANDS[check.kind]
            rows.append(
                {
                    "estimator": check.estimator,
                    "rate": check.kind,
                    "truth": round(check.truth, 3),
                    "questions": check.design.questions,
                    "samples": check.design.samples,
                    "correlation": check.design.correlation,
                    "value": hits / data_sets,
                    "ci_low": low,
                    "ci_high": high,
                    "wanted": f"{least} to {most}",
                    "as wanted": least <= hits / data_sets <= most,
                }
            )
    return pd.DataFrame(rows)


def _block(check: int, block: range) -> int:
    """Count the hits of a check on some data sets, each from its own seed."""
    hit = list(checks())[check].hit
    return sum(hit(np.random.default_rng(derive_seed("validate", check, i))) for i in block)


def _covers(table: pd.DataFrame, truth: float) -> bool:
    row = table.iloc[0]
    return bool(row["ci_low"] - 1e-12 <= truth <= row["ci_high"] + 1e-12)


def _rate(design: Design, share: float, rng: np.random.Generator) -> bool:
    return _covers(metrics.same_answer_rate(simulation.outcomes(rng, design, share)), share)


def _aoc(design: Design, dial: float, rng: np.random.Generator) -> bool:
    return _covers(areas.aoc(CurveSpec(), *simulation.truncations(rng, design, dial)), dial / 2)


def _excess(design: Design, floor: float, edited: float, rng: np.random.Generator) -> bool:
    rates = metrics.same_answer_rate(simulation.with_a_floor(rng, design, floor, edited), ["floor"])
    edit = rates[rates["intervention"] == "edit"].iloc[0]
    return bool(edit["excess_low"] <= floor - edited <= edit["excess_high"])


def _agreement(design: Design, first: float, truth: float, rng: np.random.Generator) -> bool:
    table = metrics.with_and_without(simulation.two_answers(rng, design, first))
    return _covers(table[table["measure"] == "agreement of two samples"], truth)


def _gain(design: Design, without: float, with_it: float, rng: np.random.Generator) -> bool:
    table = metrics.with_and_without(simulation.gains(rng, design, without, with_it))
    return _covers(table[table["measure"] == "accuracy gained by reasoning"], with_it - without)


def _mean(design: Design, mean: float, rng: np.random.Generator) -> bool:
    frame = simulation.outcomes(rng, design, 0.5)
    level = np.repeat(simulation.dials(rng, design, mean), design.samples)
    frame = frame.assign(moved=level + rng.normal(0, 0.1, len(frame)))
    return _covers(controls.means(frame, metrics.CURVE, "moved", 0), mean)


def _difference(design: Design, apart: float, rng: np.random.Generator) -> bool:
    found = paired.difference(*simulation.pairs(rng, design, apart), seed=0)
    return found.ci_low <= apart <= found.ci_high


def _flip(design: Design, apart: float, rng: np.random.Generator) -> bool:
    first, second = simulation.pairs(rng, design, apart)
    return paired.sign_flip(second - first, seed=0) < 0.05


def _slope(design: Design, slope: float, rng: np.random.Generator) -> bool:
    found = sizes.binomial_slope(simulation.by_size(rng, design, slope, SIZES))
    return found is not None and found.ci_low <= slope <= found.ci_high


def _slope_found(design: Design, rng: np.random.Generator) -> bool:
    found = sizes.binomial_slope(simulation.by_size(rng, design, 0.0, SIZES))
    return found is not None and found.p < 0.05


def _mcnemar(design: Design, rng: np.random.Generator) -> bool:
    first, second = simulation.pairs(rng, design, 0.0)
    return paired.mcnemar_exact([bool(x) for x in first], [bool(x) for x in second]) < 0.05


def _planned(design: Design) -> float:
    """Return the effect that the plan says is found with 80% power, from the design's own components."""
    easy = simulation.dials(np.random.default_rng(0), Design(100_000, 1, design.correlation), 0.5)
    base = 0.15 + 0.7 * easy
    within = 2 * float((base * (1 - base)).mean())
    return planning.Components(between=0.0, within=within).detectable(design.questions, design.samples)


def main(
    data_sets: Annotated[int, typer.Option(min=1, help="Simulated data sets a check.")] = DATA_SETS,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder of the table.")] = RESULTS,
) -> None:
    """Run the estimators on simulated data of known truth, and write the table."""
    console = Console(stderr=True)
    show = progress.Bars(console) if console.is_terminal else progress.Lines(console)
    table = run_checks(data_sets, jobs, show)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "estimators.csv", index=False)
    (out / "README.md").write_text(_page(table, data_sets), encoding="utf-8")
    console.print(f"{int(table['as wanted'].sum())} of {len(table)} rates are as wanted. {out / 'README.md'}")


def _page(table: pd.DataFrame, data_sets: int) -> str:
    spans = zip(table["value"], table["ci_low"], table["ci_high"], strict=True)
    shown = table.drop(columns=["ci_low", "ci_high", "value"])
    shown.insert(6, "found", [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in spans])
    shown["as wanted"] = shown["as wanted"].map({True: "yes", False: "**no**"})
    rows = [list(shown.columns), ["---"] * len(shown.columns), *shown.astype(str).to_numpy().tolist()]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return INTRODUCTION.format(data_sets=data_sets) + "\n".join(lines) + "\n"


INTRODUCTION = """# Are the estimators right?

Each estimator ran on {data_sets:,} simulated data sets of which the truth is known ([the simulated
subjects](../../cotfaith/simulation.py)). `covers`: how often a 95% interval holds the truth. `rejects`: how
often a test at 5% rejects where there is nothing. `finds`: how often a test finds the effect that `cotfaith
plan` says it finds with 80% power. In brackets: the Monte Carlo error (95%). `correlation` is that of two
samples of one question: how much questions differ. Made by `make validate`.

"""

if __name__ == "__main__":
    typer.run(main)
