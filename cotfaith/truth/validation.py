"""Are the estimators right? Each is run on thousands of simulated data sets of which the truth is known.

`make validate` writes the table of how often 95% intervals cover the truth and how often tests at 5% reject
where there is nothing.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from statsmodels.stats.proportion import proportion_confint

from cotfaith.identity import derive_seed
from cotfaith.report.markdown import markdown_table
from cotfaith.report.written import write_csv
from cotfaith.running import progress
from cotfaith.truth.checks import Check, checks
from cotfaith.truth.checks_by_size import checks_by_size
from cotfaith.truth.cue_checks import cue_checks

DATA_SETS = 2000
BLOCK = 50
"""Data sets that a process does at once."""
RESULTS = Path("results/validation")
BANDS = {"covers": (0.93, 0.97), "rejects": (0.04, 0.06), "finds": (0.75, 0.85), "sees": (0.95, 1.0)}
"""What a rate is to be: of intervals, of tests where there is nothing, of tests of the planned effect,
and of tests of an effect that no study may miss."""


def all_checks() -> list[Check]:
    """Return the checks; a new one comes last, since its place is part of its seeds."""
    return [*checks(), *checks_by_size(), *cue_checks()]


def run_checks(
    data_sets: int, jobs: int, show: progress.Lines | progress.Bars, only: str = ""
) -> pd.DataFrame:
    """Return one row a check: how often it hit, with the Monte Carlo error, and whether that is as wanted.

    Only checks of estimators whose names hold a text are run.
    """
    rows = []
    listed = {i: check for i, check in enumerate(all_checks()) if only in check.estimator}
    with ProcessPoolExecutor(jobs) as pool, show("validate", "data sets", data_sets * len(listed)) as advance:
        for i, check in listed.items():
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
    hit = all_checks()[check].hit
    return sum(hit(np.random.default_rng(derive_seed("validate", check, i))) for i in block)


def main(
    data_sets: Annotated[int, typer.Option(min=1, help="Simulated data sets a check.")] = DATA_SETS,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder of the table.")] = RESULTS,
    only: Annotated[
        str, typer.Option(help="Run estimators whose names hold this; keep the others' rows.")
    ] = "",
) -> None:
    """Run the estimators on simulated data of known truth, and write the table."""
    console = Console(stderr=True)
    show = progress.Bars(console) if console.is_terminal else progress.Lines(console)
    table = run_checks(data_sets, jobs, show, only)
    if only and (out / "estimators.csv").exists():
        table = _in_place(table, pd.read_csv(out / "estimators.csv"))
    out.mkdir(parents=True, exist_ok=True)
    write_csv(table, out / "estimators.csv")
    (out / "README.md").write_text(_page(table, data_sets), encoding="utf-8")
    console.print(f"{int(table['as wanted'].sum())} of {len(table)} rates are as wanted. {out / 'README.md'}")


def _in_place(new: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Put rows in the place of those of the same checks, in the order of the checks."""
    keys = ["estimator", "rate", "truth", "questions"]
    both = pd.concat([before, new]).drop_duplicates(keys, keep="last").set_index(keys)
    order = [(c.estimator, c.kind, round(c.truth, 3), c.design.questions) for c in all_checks()]
    return both.reindex([key for key in order if key in both.index]).reset_index()[list(new.columns)]


def _page(table: pd.DataFrame, data_sets: int) -> str:
    spans = zip(table["value"], table["ci_low"], table["ci_high"], strict=True)
    shown = table.drop(columns=["ci_low", "ci_high", "value"])
    shown.insert(6, "found", [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in spans])
    shown["as wanted"] = shown["as wanted"].map({True: "yes", False: "**no**"})
    return INTRODUCTION.format(data_sets=data_sets) + markdown_table(shown)


INTRODUCTION = """# Are the estimators right?

Each estimator ran on {data_sets:,} simulated data sets of which the truth is known ([the simulated
subjects](../../cotfaith/truth/simulation.py), [the checks](../../cotfaith/truth/checks.py), [those by
size](../../cotfaith/truth/checks_by_size.py), [those of cues](../../cotfaith/truth/cue_checks.py)).
`covers`: how often a 95% interval holds the truth. `rejects`: how often a test at 5% rejects where there is
nothing. `finds`: how often a test finds the effect that `cotfaith plan` says it finds with 80% power, from
the true variances or from those of a pilot as large. `sees`: how often a test finds what no study may miss.
"By size": models whose reasonings differ in length, with some that cannot be edited and answers that cannot
be read. In
brackets: the Monte Carlo error (95%). `correlation` is that of two samples of one question: how much
questions differ. Made by `make validate`.

"""

if __name__ == "__main__":
    typer.run(main)
