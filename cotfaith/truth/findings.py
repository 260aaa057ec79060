"""What interventions were found to detect, as tables, sentences and a page; written by rule."""

import json
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from cotfaith.models.shipped import CARD, SHIPPED, shipped_models
from cotfaith.report.markdown import markdown_table
from cotfaith.report.report import NO_VALUE
from cotfaith.report.validated import FLAGGED, ON_SPLIT, TEST
from cotfaith.report.words import span
from cotfaith.truth.detection import POOLED, Detection, mechanism_of
from cotfaith.truth.options import Trial
from cotfaith.truth.organisms import ORGANISMS, SPLIT, TASK

VERDICTS = ("detects", "misses", "mistakes", "finds the cue", "clears", "unclear")
SAID = {True: "yes", False: "no"}
WITHOUT = "accuracy without reasoning"
ACCURACIES = ("accuracy with reasoning", WITHOUT, "same answer with and without")
DISCUSSED = {
    "truncation": "**Early answering** flags `dependent` in {dependent} and `reader` in {reader} of the "
    "samples, though both take their answer from the reasoning. They differ in what they can do without it: "
    "their accuracy without reasoning is {dependent_without} and {reader_without}. Early answering tells "
    "whether a model needs its reasoning; where it can answer without, it does not tell whether it reads.",
    "mistake": "**Adding mistakes**, with the model resuming behind them, flags `reader` in {reader}, "
    "`last_step` in {last_step}, `first_step` in {first_step} and `ignorer` in {ignorer} of the samples. It "
    "changes what a mistake in the text can change, and not an answer that is in the wording: it flags "
    "`stylist` in {stylist}.",
    "mistake:variant=substitute": "**Adding mistakes** with the other steps left as they were flags `reader` "
    "in {reader}, `last_step` in {last_step}, `first_step` in {first_step} and `ignorer` in {ignorer} of the "
    "samples. Here the position of the mistake that is followed is that of the step that is read.",
    "paraphrase": "**Paraphrasing** flags `stylist`, whose answer is in the wording, in {stylist} of the "
    "samples, and `reader`, whose answer is in the numbers, in {reader}. It asks what the wording carries; "
    "that it changes nothing does not say that the reasoning is ignored.",
    "filler": "**Filler** flags `dependent` in {dependent} and `reader` in {reader} of the samples: like "
    "early answering, it asks what a model can do without its reasoning.",
}
"""What is said of a test, with how often it flags mechanisms."""


def page(found: Detection, accuracy: pd.DataFrame, counts: pd.DataFrame, trial: Trial) -> str:
    """Write the page: the tables, what they show, and how the truth was planted and checked."""
    there = [ORGANISMS[mechanism_of(name)] for name in shipped_models(trial.group)]
    environment = Environment(
        loader=PackageLoader("cotfaith.truth"),
        autoescape=False,  # noqa: S701 Markdown
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("detection.md.j2").render(
        trial=trial,
        task=TASK,
        split=SPLIT,
        organisms=there,
        sentences=list(sentences(found)),
        mechanisms=markdown_table(by_mechanism(found)),
        rates=markdown_table(by_test(found)),
        discussion=list(discussion(found, accuracy)),
        readings=markdown_table(_wide(found.readings)),
        accuracy=markdown_table(_accuracies(accuracy)),
        counts=markdown_table(counts.rename(columns=lambda name: str(name).replace("_", " "))),
        checks=markdown_table(label_checks(trial.group, [organism.name for organism in there])),
    )


def by_test(found: Detection) -> pd.DataFrame:
    """Return the rates with a row a test: flagged where organisms read and where not, and AUROC."""
    cells = [_span(row) for row in found.rates.to_dict("records")]
    wide = found.rates.assign(cell=cells).pivot(index=TEST, columns="measure", values="cell")
    order = [*FLAGGED.values(), ON_SPLIT, f"AUROC on {POOLED}"]
    return wide[[column for column in order if column in wide]].reset_index().rename_axis(columns=None)


def overview(found: Detection) -> pd.DataFrame:
    """Return a row a test and mechanism: the reading, what is flagged, and the verdict."""
    by = [TEST, "mechanism", "reads"]
    both = found.flagged.merge(found.readings[[*by, "value"]], on=by, suffixes=("", "_changed"))
    both = both.sort_values([TEST, "reads", "mechanism"], ascending=[True, False, True])
    return pd.DataFrame(
        {
            TEST: both[TEST],
            "mechanism": both["mechanism"],
            "reads": both["reads"].map(SAID),
            "answers changed": [f"{value:.3f}" for value in both["value_changed"]],
            "samples flagged": [_span(row) for row in both.to_dict("records")],
            "verdict": both["verdict"],
        }
    )


def by_mechanism(found: Detection) -> pd.DataFrame:
    """Return the table test × mechanism: a row a mechanism, a column a test, its rate and the verdict."""
    return _wide(found.flagged, list(found.flagged["verdict"]))


def sentences(found: Detection) -> Iterator[str]:
    """Say what each test detects, what it misses, and what it mistakes."""
    for test, mine in found.flagged.groupby(TEST, sort=True):
        said = {verdict: list(mine.loc[mine["verdict"] == verdict, "mechanism"]) for verdict in VERDICTS}
        parts = [f"{verdict} {' · '.join(names)}" for verdict, names in said.items() if names]
        yield f"{test}: {'; '.join(parts)}."


def discussion(found: Detection, accuracy: pd.DataFrame) -> Iterator[str]:
    """Say what the classic interventions can tell and what they cannot, of those that were tried."""
    bare = accuracy[accuracy["measure"] == WITHOUT].to_dict("records")
    names = {name: name.replace("-", "_") for name in ORGANISMS}
    cells = {f"{key}_without": NO_VALUE for key in names.values()}
    cells |= {f"{_name(row).replace('-', '_')}_without": _span(row) for row in bare}
    gated = found.rates[found.rates["measure"] == ON_SPLIT]
    aurocs = {row[TEST]: _span(row) for row in gated.to_dict("records")}
    for test, text in DISCUSSED.items():
        mine = found.flagged[found.flagged[TEST] == test].to_dict("records")
        if mine:
            flagged = dict.fromkeys(names.values(), NO_VALUE)
            flagged |= {str(row["mechanism"]).replace("-", "_"): _span(row) for row in mine}
            said = text.format(**cells, **flagged)
            for name, written in names.items():
                said = said.replace(f"`{written}`", f"`{name}`")
            yield f"{said} On `{SPLIT}`, where one model does both: AUROC {aurocs.get(test, NO_VALUE)}."


def label_checks(group: str, names: Sequence[str]) -> pd.DataFrame:
    """Return how well each shipped organism does what was planted, from its card."""
    rows = []
    for name in names:
        card = json.loads((SHIPPED / group / name / CARD).read_text(encoding="utf-8"))
        row = {"organism": name, "parameters": f"{card['parameters']:,}"}
        for check, those in pd.DataFrame(card["checks"]).groupby("check", sort=False):
            share = (those["value"] * those["nobs"]).sum() / those["nobs"].sum()
            row[str(check)] = f"{share:.3f} of {those['nobs'].sum():,}"
        rows.append(row)
    return pd.DataFrame(rows)


def _accuracies(accuracy: pd.DataFrame) -> pd.DataFrame:
    cells = [_span(row) for row in accuracy.to_dict("records")]
    wide = accuracy.assign(cell=cells).pivot(index="model", columns="measure", values="cell")
    return wide[list(ACCURACIES)].reset_index().rename_axis(columns=None)


def _wide(table: pd.DataFrame, verdicts: Sequence[str] | None = None) -> pd.DataFrame:
    """Put mechanisms into rows, those that read first, and tests into columns."""
    spans = [_span(row) for row in table.to_dict("records")]
    cells = spans if verdicts is None else [f"{a} {b}" for a, b in zip(spans, verdicts, strict=True)]
    wide = table.assign(cell=cells, reads=table["reads"].map(SAID)).pivot(
        index=["reads", "mechanism"], columns=TEST, values="cell"
    )
    return wide.sort_index(ascending=[False, True]).fillna(NO_VALUE).reset_index().rename_axis(columns=None)


def _name(row: dict[Hashable, Any]) -> str:
    return mechanism_of(str(row["model"]))


def _span(row: dict[Hashable, Any]) -> str:
    return span(row["value"], row["ci_low"], row["ci_high"])
