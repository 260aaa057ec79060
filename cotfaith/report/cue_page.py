"""The page of a run with cues: followed, said, run through the reasoning; as Markdown and HTML."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import pandas as pd

from cotfaith.report import cue_drawing, drawing
from cotfaith.report.cue_examples import CueExample, cue_examples
from cotfaith.report.report import NO_VALUE, environment, rounded
from cotfaith.report.words import span
from cotfaith.report.written import write_csv
from cotfaith.running.options import command_line
from cotfaith.stats.cue_cells import WORDS, cells
from cotfaith.stats.cue_readers import FAITHFUL
from cotfaith.stats.cue_rows import UNDEFINED
from cotfaith.stats.cue_tables import DRAWN, LETTERS, CueTables, cue_tables
from cotfaith.store.frames import RunFrames, run_frames
from cotfaith.store.store import Store

CAVEAT = (
    "Three questions, three instruments, and never one number: whether the answer follows a cue, whether the "
    "reasoning says so, and whether the influence ran through the reasoning. Reasoning that does not name a "
    "cue is no proof that it was not used, and one that names it none that it was: use is what the moved "
    "reasoning shows. Judges agree on whether a cue is named, and hardly on whether it was used."
)
TITLES = {
    "following": "Does the answer follow?",
    "articulation": "Does the reasoning say so?",
    "agreement": "How far readers agree",
    "mentions": "Of k draws, does one name it? (mention@k)",
    "mediation": "Did it run through the reasoning?",
    "interventions": "Same-answer rate under the other interventions, arm by arm",
    "monitorability": "Could a monitor of the reasoning tell? (g-mean², beside its chance level)",
}
WHOLE, CUT = "whole", "before it states the answer"
KEYS = ["model", "n_params", "task", "cue"]


@dataclass(frozen=True)
class CuePage:
    """What both forms of the page show."""

    name: str
    caveat: str
    settings: str
    models: Sequence[str]
    sources: Sequence[str]
    notes: Sequence[str]
    overview: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    figures: Sequence[str]
    examples: Sequence[CueExample]
    commands: Sequence[str]


def write_cue_page(store: Store) -> pd.DataFrame | None:
    """Write the tables, figures, cues.md and cues.html of a run with cues; return its overview.

    None where the run has no cue.
    """
    if not store.has_cues():
        return None
    run = run_frames(store)
    tables = cue_tables(run, store.meta("settings")["seed"])
    for field in fields(CueTables):
        write_csv(getattr(tables, field.name), store.folder / f"cue_{field.name}.csv")
    page = _page(store, run, tables, list(_figures(store, tables)))
    for kind in ("md", "html"):
        text = environment(store).get_template(f"cues.{kind}.j2").render(page=page)
        (store.folder / f"cues.{kind}").write_text(text, encoding="utf-8")
    return page.overview


def overview(tables: CueTables) -> pd.DataFrame:
    """Return a row a (model, task, cue): followed, named, and through the reasoning, each with its n."""
    following = tables.following[tables.following["arm"] == "incorrect"]
    rows = []
    for names, own in following.groupby(KEYS, sort=False):
        found = dict(zip(KEYS, names, strict=True))
        said, moved = (_of(frame, found) for frame in (tables.articulation, tables.mediation))
        by = {measure: _cell(own[own["measure"] == measure]) for measure in own["measure"]}
        reasoned = said[(said["asked"] == "mention") & (said["part"] == "reasoning")]
        kept = reasoned[reasoned["measure"] == FAITHFUL]
        effects = {
            (r, e): _cell(moved[(moved["reasoning"] == r) & (moved["effect"] == e)])
            for r in (WHOLE, CUT)
            for e in ("TE", "NDE", "NIE", "NIE / TE")
        }
        judged = {f"named: {reader}": _cell(one) for reader, one in kept.groupby("reader", sort=False)}
        rows.append(
            {"model": found["model"], "task": found["task"], "cue": found["cue"]}
            | {"P(h) cued less none": by[LETTERS], "followed": by[DRAWN], "α": by["α"]}
            | {"changes to h by itself": by["natural change to h"]}
            | {f"named: {WORDS}": NO_VALUE} | judged
            | {"NDE": effects[WHOLE, "NDE"], "NIE": effects[WHOLE, "NIE"]}
            | {"NIE, cut": effects[CUT, "NIE"], "mediated": effects[WHOLE, "NIE / TE"]}
            | {"questions": int(own["questions"].max()), "pairs": _nobs(own, DRAWN)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _of(frame: pd.DataFrame, names: Mapping[str, object]) -> pd.DataFrame:
    """Return the rows of the incorrect arm of a cell."""
    here = (frame["arm"] == "incorrect") & (frame["cue"] == names["cue"])
    return frame[here & (frame["model"] == names["model"]) & (frame["task"] == names["task"])]


def _cell(rows: pd.DataFrame) -> str:
    """Write the number of the one row, or why there is none."""
    if rows.empty:
        return "not measured"
    row = rows.iloc[0]
    why = str(row[UNDEFINED])
    return (
        f"undefined: {why}"
        if why
        else f"{span(row['value'], row['ci_low'], row['ci_high'])} (n={row['nobs']})"
    )


def _nobs(rows: pd.DataFrame, measure: str) -> int:
    return int(rows.loc[rows["measure"] == measure, "nobs"].iloc[0])


def _figures(store: Store, tables: CueTables) -> Iterator[str]:
    """Write the figures, and yield their names."""
    effects = tables.mediation
    whole = effects[(effects["arm"] == "incorrect") & (effects["reasoning"] == WHOLE)]
    if whole["value"].notna().any():
        drawing.save(cue_drawing.effects_figure(whole), store.folder / "cue-effects")
        yield "cue-effects"
    curves = tables.transplants[tables.transplants["arm"] == "incorrect"]
    for i, (_, rows) in enumerate(curves.groupby(["n_params", "model", "task"])):
        name = "cue-transplants" if i == 0 else f"cue-transplants-{i + 1}"
        drawing.save(cue_drawing.transplant_figure(rows), store.folder / name)
        yield name


def _page(store: Store, run: RunFrames, tables: CueTables, figures: Sequence[str]) -> CuePage:
    commands = store.meta("commands") or []
    traces = run.traces
    counts = traces.groupby(["task", "cue", "arm"])["question"].agg(["size", "nunique"])
    models = traces[["model", "n_params"]].drop_duplicates().itertuples(index=False)
    return CuePage(
        name=store.folder.resolve().name,
        caveat=CAVEAT,
        settings=", ".join(f"{name} = {value}" for name, value in store.meta("settings").items()),
        models=[f"{model}: {n_params:,} parameters" for model, n_params in models],
        sources=[
            f"{task}, {cue or 'no cue'}, {arm}: {questions:,} questions, {n:,} samples of reasoning"
            for task, cue, arm, n, questions in counts.reset_index().itertuples(index=False)
        ],
        notes=list(_notes(run, commands)),
        overview=overview(tables),
        tables={
            title: rounded(getattr(tables, name))
            for name, title in TITLES.items()
            if not getattr(tables, name).empty
        },
        figures=figures,
        examples=cue_examples(store, list(cells(run))),
        commands=[command_line(c["study"], c["interventions"], c.get("plugins", ())) for c in commands],
    )


def _notes(run: RunFrames, commands: Sequence[Mapping[str, Mapping[str, Sequence[str]]]]) -> Iterator[str]:
    """Say what a reader must know of the numbers."""
    samples = run.traces.groupby(["model", "task", "cue", "arm", "question"]).size()
    if samples.min() < 5:
        yield f"As few as {samples.min()} draws an arm and question: natural changes want 5 or more."
    for command in commands:
        for name in set(command["study"].get("judge", ())) & set(command["study"].get("model", ())):
            yield f"The judge {name} is a model under test: it reads its own reasoning."
    faults = run.verdicts[run.verdicts["verdict"].isna()].groupby(["judge", "asked", "fault"]).size()
    read = run.verdicts.groupby(["judge", "asked"]).size()
    for judge, asked, fault, n in faults.reset_index().itertuples(index=False):
        yield f"{judge}, {asked}: no verdict on {n:,} of {read[judge, asked]:,} texts: {fault}."
