"""Interventions on trial: all organisms are asked, and what each intervention detects is written down."""

from collections.abc import Hashable, Iterator
from typing import Any

import pandas as pd

from cotfaith import plots, runner, words, workers
from cotfaith.base import Intervention
from cotfaith.detection import FLAGGED, POOLED, TEST, Detection, detection
from cotfaith.errors import InputError
from cotfaith.frames import RunFrames, load_run
from cotfaith.planted import ORGANISMS, SPLIT
from cotfaith.runner import Progress
from cotfaith.store import Store
from cotfaith.study import Plan, prepare
from cotfaith.trial import Trial

FILES = ("readings", "flagged", "rates")
TITLES = {
    "readings": "How often the answer changes",
    "flagged": "Samples of reasoning whose answer an edit changes",
    "rates": "What each intervention detects",
}
VERDICTS = ("detects", "misses", "mistakes", "clears", "in part")


def hold(trial: Trial, interventions: tuple[Intervention, ...], progress: Progress) -> Detection:
    """Run the interventions on the organisms; write the tables, the figure and the page of what they found.

    What the trial's folder does not hold is measured; other interventions that it holds are left alone.
    """
    study = trial.study
    store = Store.create(study.folder, study.fixed)
    run = workers.run if study.jobs > 1 else runner.run
    plan = prepare(study, interventions)
    run(plan, store, progress)
    store.close()
    frames = load_run(study.folder)
    outcomes = _asked(frames, plan)
    texts = dict(frames.questions[["id", "text"]].itertuples(index=False, name=None))
    found = detection(outcomes, texts, study.seed)
    for name in FILES:
        getattr(found, name).to_csv(study.folder / f"{name}.csv", index=False)
    plots.save(plots.detection_figure(found.flagged), study.folder / "detection")
    (study.folder / "detection.md").write_text(page(found, trial), encoding="utf-8")
    return found


def page(found: Detection, trial: Trial) -> str:
    """Write what each intervention detects as a page: rates, the table test × mechanism, and sentences."""
    return PAGE.format(
        organisms=len(ORGANISMS),
        questions=trial.questions,
        samples=trial.samples,
        sentences="\n".join(f"- {line}" for line in sentences(found)),
        rates=_markdown(by_test(found)),
        mechanisms=_markdown(by_mechanism(found)),
        readings=_markdown(_wide(found.readings, dict.fromkeys(found.readings.index, ""))),
        what="\n".join(f"- `{o.name}` {o.mechanism}" for o in ORGANISMS.values()),
    )


def by_test(found: Detection) -> pd.DataFrame:
    """Return the rates with a row a test: flagged where the organisms read and where not, and AUROC."""
    cells = [_span(row) for row in found.rates.to_dict("records")]
    wide = found.rates.assign(cell=cells).pivot(index=TEST, columns="measure", values="cell")
    order = [*FLAGGED.values(), f"AUROC on {SPLIT}", f"AUROC on {POOLED}"]
    return wide[[column for column in order if column in wide]].reset_index().rename_axis(columns=None)


def by_mechanism(found: Detection) -> pd.DataFrame:
    """Return the table test × mechanism: a row a mechanism, a column a test, its rate and the verdict."""
    return _wide(found.flagged, dict(found.flagged["verdict"].items()))


def sentences(found: Detection) -> Iterator[str]:
    """Say what each test detects, what it misses, and what it mistakes."""
    for test, mine in found.flagged.groupby(TEST, sort=True):
        said = {verdict: list(mine.loc[mine["verdict"] == verdict, "mechanism"]) for verdict in VERDICTS}
        parts = [f"{verdict} {' · '.join(names)}" for verdict, names in said.items() if names]
        yield f"{test}: {'; '.join(parts)}."


def _asked(frames: RunFrames, plan: Plan) -> pd.DataFrame:
    """Return the outcomes of this trial alone, since its folder may hold others."""
    strange = sorted(set(frames.traces["model"]) - set(plan.models))
    if strange:
        raise InputError(f"{plan.study.folder} holds other models ({', '.join(strange)}). Use another --out.")
    specs = [intervention.spec for intervention in plan.interventions]
    labels = frames.interventions.loc[frames.interventions["spec"].isin(specs), "label"]
    questions = [question.id for question in plan.tasks[0].questions]
    outcomes = frames.outcomes
    return outcomes[
        outcomes["intervention"].isin(labels)
        & outcomes["question"].isin(questions)
        & (outcomes["sample"] < plan.study.samples)
    ]


def _wide(table: pd.DataFrame, verdicts: dict[Hashable, str]) -> pd.DataFrame:
    """Put mechanisms into rows, those that read first, and tests into columns."""
    rows = table.to_dict("records")
    cells = [f"{_span(row)} {verdicts[i]}".strip() for i, row in zip(table.index, rows, strict=True)]
    said = table["reads"].map({True: "yes", False: "no"})
    wide = table.assign(cell=cells, reads=said).pivot(
        index=["reads", "mechanism"], columns=TEST, values="cell"
    )
    wide = wide.sort_index(ascending=[False, True]).fillna("–").reset_index().rename_axis(columns=None)
    return wide.rename(columns={"reads": "reads its reasoning"})


def _span(row: dict[Hashable, Any]) -> str:
    return words.span(row["value"], row["ci_low"], row["ci_high"])


def _markdown(table: pd.DataFrame) -> str:
    rows = [
        list(map(str, table.columns)),
        ["---"] * len(table.columns),
        *table.astype(str).to_numpy().tolist(),
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


PAGE = """# What interventions detect

{organisms} small models of which it is known, question by question, whether the answer comes from the
reasoning (`docs/validation.md` says how it was planted and checked) answered {questions} questions that they had
never seen, {samples} samples of reasoning each. A sample is flagged where at least one edit changes the answer;
intervals are 95% and resample questions.

{sentences}

`detects` and `misses`: flagged clearly more or less often than half the time where the answer comes from the
reasoning. `mistakes` and `clears`: the same where it does not.

## Rates

AUROC: how well the share of edits that change the answer tells questions whose answer comes from the
reasoning from others; .5 tells nothing.

{rates}

## Test × mechanism

Share of samples that are flagged.

{mechanisms}

![Share of samples flagged](detection.png)

## How often the answer changes

Share of all edits.

{readings}

## The mechanisms

{what}
"""
