"""From a run's folder to tables, figures, and a report: one HTML file by itself, and the same as Markdown."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_eval_context, select_autoescape
from jinja2.nodes import EvalContext

from cotfaith.errors import InputError
from cotfaith.report import drawing, front, words, words_inside
from cotfaith.report.examples import Example, examples
from cotfaith.report.figures import captions, make_figures
from cotfaith.report.noticed import noticed
from cotfaith.report.validated import validated
from cotfaith.report.visible import visible
from cotfaith.report.written import write_csv
from cotfaith.running.options import command_line
from cotfaith.stats.analysis import NONE, Analysis, Tables, analyse
from cotfaith.stats.counted import counted
from cotfaith.stats.inside import summary
from cotfaith.store.store import Store

NO_VALUE = "–"
TAG = re.compile(r"<(?=[\w/!?])")
"""What begins a tag in Markdown."""
TITLES = {
    "accuracy": "Accuracy, and answers with and without reasoning",
    "scores": "What the tasks read from the answers",
    "same_answer": "Same-answer rate under each intervention",
    "aoc": "Area over the curve (AOC)",
    "inside": "What was read inside, by layers",
    "by_size": "How each measure of change goes with model size, for ten times the parameters",
    "steps": "From one size to the next",
    "ease": "Same answer with and without: the easiest task against the hardest",
    "letter_bias": "Without reasoning, with the choices in other orders",
    "controls": "Controls of each intervention",
    "counts": "What was counted, and what could not be",
}
RESULTS = ("accuracy", "scores", "same_answer", "aoc", "inside", "by_size", "steps", "ease")
CONTROLS = ("letter_bias", "controls", "counts")


@dataclass(frozen=True)
class Report:
    """What both forms of a report show."""

    name: str
    question: str
    answer: Sequence[str]
    overview: pd.DataFrame
    tests: Sequence[str]
    not_to_conclude: str
    first_figure: str
    captions: Mapping[str, str]
    caveat: str
    intervals: str
    settings: str
    sources: Sequence[str]
    models: Sequence[str]
    by_size: Sequence[str]
    by_intervention: Sequence[str]
    warnings: Sequence[str]
    results: Mapping[str, pd.DataFrame]
    controls: Mapping[str, pd.DataFrame]
    figures: Sequence[str]
    excluded: Sequence[str]
    examples: Sequence[Example]
    commands: Sequence[str]
    versions: str


def write_report(store: Store) -> Tables:
    """Write CSV tables, figures, report.md and report.html into the run's folder; return the tables."""
    run = counted(store) if store.counted()["traces"] else None
    if run is None:
        lines = list(noticed(store))
        why = "\n".join([" Nothing could be asked:", *lines]) if lines else ""
        raise InputError(f"{store.folder}: the run holds no reasoning yet.{why}")
    analysis = analyse(run, store.meta("settings")["seed"])
    for field in fields(Tables):
        write_csv(getattr(analysis.tables, field.name), store.folder / f"{field.name}.csv")
    names = []
    for name, figure in make_figures(analysis):
        drawing.save(figure, store.folder / name)
        names.append(name)
    report = _report(store, analysis, names, run.traces)
    for kind in ("md", "html"):
        text = environment(store).get_template(f"report.{kind}.j2").render(report=report)
        (store.folder / f"report.{kind}").write_text(text, encoding="utf-8")
    return analysis.tables


def without_interventions(steps: pd.DataFrame) -> pd.DataFrame:
    """Return the steps of answers with and without reasoning; those under interventions stand in the file."""
    return steps[steps["intervention"] == NONE].drop(columns="intervention")


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as a reader wants it: the estimate and its interval in one column, three digits."""
    shown = table.copy()
    ends = [("excess", "excess_low", "excess_high")]
    for name in map(str, shown.columns):
        before = name.removesuffix("value")
        ends += [(name, f"{before}ci_low", f"{before}ci_high")] if name != before else []
    for value, low, high in ends:
        if low in shown:
            spans = zip(shown[value], shown[low], shown[high], strict=True)
            shown[value] = [words.span(*each) for each in spans]
            shown = shown.drop(columns=[low, high])
    for column in shown.select_dtypes("float"):
        shown[column] = [NO_VALUE if pd.isna(value) else f"{value:.3f}" for value in shown[column]]
    return shown.drop(columns="n_params", errors="ignore")


def _report(store: Store, analysis: Analysis, figures: Sequence[str], traces: pd.DataFrame) -> Report:
    commands = store.meta("commands") or []
    versions = commands[-1]["versions"] if commands else {}
    shown = {name: getattr(analysis.tables, name) for name in TITLES}
    shown["steps"] = without_interventions(shown["steps"])
    shown["inside"] = summary(shown["inside"])
    return Report(
        name=store.folder.resolve().name,
        question=front.question(analysis, traces),
        answer=front.answer(analysis),
        overview=front.overview(analysis),
        tests=front.tests(analysis),
        not_to_conclude=front.NOT_TO_CONCLUDE,
        first_figure=figures[0],
        captions={name: captions(analysis).get(name, name) for name in figures},
        caveat=words.CAVEAT,
        intervals=words.INTERVALS,
        settings=", ".join(f"{name} = {value}" for name, value in store.meta("settings").items()),
        sources=list(_asked(store, traces)),
        models=list(_models(store, traces)),
        by_size=words.by_size(analysis),
        by_intervention=[
            *words.by_intervention(analysis),
            *words_inside.inside(analysis.tables.inside),
            *words_inside.masked_kl(analysis.tables.inside, _diagnostics(analysis)),
            *_validated(store, analysis),
        ],
        warnings=list(words.warnings(analysis)),
        results={TITLES[name]: rounded(shown[name]) for name in RESULTS if not shown[name].empty},
        controls={TITLES[name]: rounded(shown[name]) for name in CONTROLS if not shown[name].empty},
        figures=figures,
        excluded=list(_excluded(store, analysis.tables.counts)),
        examples=examples(store),
        commands=[
            command_line(command["study"], command["interventions"], command.get("plugins", ()))
            for command in commands
        ],
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
    )


def _asked(store: Store, traces: pd.DataFrame) -> Iterator[str]:
    """Say where the questions of each task come from, how many were asked, and how often."""
    for task, (source, _) in store.sources().items():
        samples = traces[traces["task"] == task].groupby(["model", "question"], sort=False)["n"].sum()
        questions = samples.index.get_level_values("question").nunique()
        times = f"{samples.min()} to {samples.max()}" if samples.nunique() > 1 else f"{samples.max()}"
        yield f"{task}: {source}; {questions:,} asked, with {times} samples of reasoning each"


def _models(store: Store, traces: pd.DataFrame) -> Iterator[str]:
    """Say how large each model is, and how exactly its numbers come again."""
    floors = {model.name: floor for model, floor in store.floors()}
    told = {model.name: told for model, told in store.told()}
    for model, n_params in traces[["model", "n_params"]].drop_duplicates().itertuples(index=False):
        exact = [words.floor(floors[model])] if model in floors else []
        yield "; ".join([f"{model}: {n_params:,} parameters", *filter(None, [told.get(model)]), *exact])


def _excluded(store: Store, counts: pd.DataFrame) -> Iterator[str]:
    """Say what was left out, of which it was, and why."""
    yield from noticed(store)
    for task, (_, left_out) in store.sources().items():
        for kind, what in words.LEFT_OUT.items():
            if said := getattr(left_out, kind):
                yield f"{task}: {len(said):,} {what}, the first: {said[0]}"
    for row in counts[counts["not_applicable"] > 0].itertuples():
        yield (
            f"{row.task}, {row.model}, {row.condition}: not applicable to {row.not_applicable:,} "
            f"beside {row.nobs:,} that were asked ({row.reasons})"
        )
    for row in counts[counts["hit_limit"] > 0].itertuples():
        yield (
            f"{row.task}, {row.model}, {row.condition}: {row.hit_limit:,} of {row.nobs:,} reasonings were "
            "cut off by the token limit; they are counted"
        )


def _validated(store: Store, analysis: Analysis) -> list[str]:
    """Say of each intervention what it is known to detect."""
    specs = [one.spec for one in analysis.interventions.values() if not one.floor]
    return validated(specs, thinking=bool(store.meta("settings").get("thinking")))


def _diagnostics(analysis: Analysis) -> dict[str, str]:
    """Return what interventions are called in masked-KL, by their labels, as far as they are in it."""
    return {label: one.diagnostic for label, one in analysis.interventions.items() if one.diagnostic}


def environment(store: Store) -> Environment:
    """Return the templates' environment; in HTML everything is escaped."""
    made = Environment(
        loader=PackageLoader("cotfaith.report"),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_printed,
    )

    def inline(name: str) -> str:
        """Return a figure as an address that holds it."""
        content = base64.b64encode((store.folder / f"{name}.svg").read_bytes()).decode()
        return f"data:image/svg+xml;base64,{content}"

    made.filters |= {
        "inline": inline, "cell": _cell, "rows": _rows, "names": _names, "share": _share, "tint": _tint,
    }  # fmt: skip
    return made


@pass_eval_context
def _printed(context: EvalContext, value: object) -> object:
    """Write text so that no control character acts, nor in Markdown any tag."""
    if type(value) is not str:
        return value
    return visible(value) if context.autoescape else TAG.sub("&lt;", visible(value))


def _names(table: pd.DataFrame) -> list[str]:
    return [str(column).replace("_", " ") for column in table.columns]


def _rows(table: pd.DataFrame) -> list[list[Any]]:
    rows: list[list[Any]] = table.to_numpy().tolist()
    return rows


def _cell(value: object) -> str:
    """Write a cell of a Markdown table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def _share(value: float | str) -> str:
    """Write a number of the overview."""
    return value if isinstance(value, str) else NO_VALUE if np.isnan(value) else f"{value:.2f}"


def _tint(value: float | str) -> str:
    """Return how strongly a number of the overview is tinted, in percent."""
    return "0" if isinstance(value, str) or np.isnan(value) else f"{100 * min(1.0, abs(value)):.0f}"
