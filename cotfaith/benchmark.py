"""Interventions on trial: all organisms are asked, and what each intervention detects is written down."""

from dataclasses import replace

import pandas as pd

from cotfaith import findings, metrics, plots, runner, workers
from cotfaith.base import Intervention
from cotfaith.detection import Detection, detection
from cotfaith.errors import InputError
from cotfaith.frames import RunFrames, load_run
from cotfaith.runner import Progress
from cotfaith.store import Store
from cotfaith.study import Plan, prepare
from cotfaith.trial import Trial

TITLES = {
    "readings": "How often the answer changes",
    "flagged": "Samples of reasoning of which an edit changes the answer",
    "rates": "What each intervention detects",
}


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
    frames = _asked(load_run(study.folder), plan)
    texts = dict(frames.questions[["id", "text"]].itertuples(index=False, name=None))
    found = detection(frames.outcomes, texts, trial.seed)
    accuracy = metrics.with_and_without(frames.traces, trial.seed)
    tables: dict[str, pd.DataFrame] = {name: getattr(found, name) for name in TITLES}
    for name, table in tables.items():
        table.to_csv(study.folder / f"{name}.csv", index=False)
    plots.save(plots.detection_figure(found.flagged), study.folder / "detection")
    page = findings.page(found, accuracy, trial)
    (study.folder / "detection.md").write_text(page, encoding="utf-8")
    return found


def _asked(run: RunFrames, plan: Plan) -> RunFrames:
    """Return what belongs to this trial alone, since its folder may hold others."""
    strange = sorted(set(run.traces["model"]) - set(plan.models))
    if strange:
        raise InputError(f"{plan.study.folder} holds other models ({', '.join(strange)}). Use another --out.")
    specs = [intervention.spec for intervention in plan.interventions]
    labels = run.interventions.loc[run.interventions["spec"].isin(specs), "label"]
    ids = [question.id for question in plan.tasks[0].questions]
    traces, outcomes = (
        frame[frame["question"].isin(ids) & (frame["sample"] < plan.study.samples)]
        for frame in (run.traces, run.outcomes)
    )
    return replace(run, traces=traces, outcomes=outcomes[outcomes["intervention"].isin(labels)])
