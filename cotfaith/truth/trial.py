"""Interventions on trial: all organisms are asked, and what each intervention detects is written down."""

from contextlib import closing
from dataclasses import dataclass, fields, replace

import pandas as pd

from cotfaith.errors import InputError
from cotfaith.plugins.intervention import Intervention
from cotfaith.report import drawing
from cotfaith.report.written import write_csv
from cotfaith.running import circumstances, runner, workers
from cotfaith.running.measurement import Progress
from cotfaith.running.plan import Plan, prepare
from cotfaith.stats import answer_change, controls
from cotfaith.store.frames import RunFrames, load_run
from cotfaith.truth import findings
from cotfaith.truth.detection import Detection, detection
from cotfaith.truth.options import Trial


@dataclass(frozen=True)
class Held:
    """What came of a trial."""

    found: Detection
    accuracy: pd.DataFrame
    """With reasoning and without it, by organism."""
    counts: pd.DataFrame
    """By intervention: outcomes, unread answers, and what it did not apply to."""


def hold(trial: Trial, interventions: tuple[Intervention, ...], progress: Progress) -> Held:
    """Run the interventions on the organisms; write the tables, the figure and the page of what they found.

    What the trial's folder does not hold is measured; other interventions that it holds are left alone.
    """
    study = trial.study
    run = workers.run if study.jobs > 1 else runner.run
    plan = prepare(study, interventions)
    with closing(circumstances.begin(plan)) as store:
        run(plan, store, progress)
    frames = _asked(load_run(study.folder), plan)
    if frames.outcomes.empty:
        reasons = ", ".join(sorted(set(frames.not_applicable["reason"])))
        raise InputError(f"no intervention applied to any reasoning: {reasons or 'they made no edit'}.")
    texts = dict(frames.questions[["id", "text"]].itertuples(index=False, name=None))
    held = Held(
        detection(frames.outcomes, texts, trial.seed),
        answer_change.with_and_without(frames.traces, trial.seed),
        _counts(frames),
    )
    _write(held, trial)
    return held


def _write(held: Held, trial: Trial) -> None:
    for field in fields(Detection):
        write_csv(getattr(held.found, field.name), trial.folder / f"{field.name}.csv")
    write_csv(held.counts, trial.folder / "counts.csv")
    drawing.save(drawing.detection_figure(held.found.flagged), trial.folder / "detection")
    page = findings.page(held.found, held.accuracy, held.counts, trial)
    (trial.folder / "detection.md").write_text(page, encoding="utf-8")


def _asked(run: RunFrames, plan: Plan) -> RunFrames:
    """Return what belongs to this trial alone, since its folder may hold others."""
    strange = sorted(set(run.traces["model"]) - set(plan.models))
    if strange:
        raise InputError(f"{plan.study.folder} holds other models ({', '.join(strange)}). Use another --out.")
    specs = [intervention.spec for intervention in plan.interventions]
    labels = run.interventions.loc[run.interventions["spec"].isin(specs), "label"]
    ids = [question.id for question in plan.tasks[0].questions]
    traces, outcomes, refused = (
        frame[frame["question"].isin(ids) & (frame["sample"] < plan.study.samples)]
        for frame in (run.traces, run.outcomes, run.not_applicable)
    )
    return replace(
        run,
        traces=traces,
        outcomes=outcomes[outcomes["intervention"].isin(labels)],
        not_applicable=refused[refused["intervention"].isin(labels)],
    )


def _counts(run: RunFrames) -> pd.DataFrame:
    """Return what stands beside the rates, over all organisms."""
    table = controls.counts(run.traces, run.outcomes, run.not_applicable)
    by = table.groupby("condition", sort=True)
    said = by["reasons"].agg(lambda reasons: "; ".join(sorted(set(filter(None, reasons)))))
    return by[["nobs", "unread", "hit_limit", "not_applicable"]].sum().assign(reasons=said).reset_index()
