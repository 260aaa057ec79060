"""The only loop: questions → traces → edits → outcomes, model after model and task after task.

A run that dies loses the batch in flight; the same command goes on behind it.
"""

import gc
import json
from collections.abc import Mapping
from dataclasses import asdict, replace

from cotfaith.models.model import Model, as_inside
from cotfaith.models.opening import open_model
from cotfaith.plugins import registry as plugins
from cotfaith.running import versions
from cotfaith.running.circumstances import facts, weights
from cotfaith.running.interview import Interview
from cotfaith.running.measurement import Measurement, Progress
from cotfaith.running.options import Study
from cotfaith.running.pace import Pace
from cotfaith.running.plan import Plan
from cotfaith.schema import Sampling
from cotfaith.store.contents import CANARY
from cotfaith.store.store import Store


def run(plan: Plan, store: Store, progress: Progress) -> int:
    """Measure all that the plan asks for and the store does not hold; return the number of new rows."""
    before = store.rows()
    prepare_store(plan, store)
    measure(plan, store, progress)
    finish(store)
    return store.rows() - before


def prepare_store(plan: Plan, store: Store) -> None:
    """Remember what is asked, and refuse other circumstances than those of before."""
    store.agree(facts(plan))
    store.set_meta("finished", value=False)
    if plan.study.day is not None and store.meta("day") is None:
        store.set_meta("day", plan.study.day)
    for planned in plan.tasks:
        store.add_source(planned.task.spec, planned.source, planned.left_out)
    _log(store, plan)


def finish(store: Store) -> None:
    """Remember that all that was asked for is there."""
    store.set_meta("finished", value=True)


def measure(plan: Plan, store: Store, progress: Progress) -> None:
    """Measure model after model."""
    study = plan.study
    helper = open_model(study.helper, study.helper_settings) if study.helper else None
    for name in plan.models:
        model = open_model(name, study.model_settings)
        store.agree(weights(name, model.info))
        if (changed := as_inside(model)) and any("hooks" in one.asks_for for one in plan.interventions):
            changed.check_inside()
        store.add_model(model.info)
        store.set_told(model.info, [model.told, otherwise_drawn(model.advised, study.sampling)])
        store.set_markers(model.info, model.markers)
        _prove(store, model, helper)
        pace = Pace(model.at_once)
        for planned, questions in [(one, group) for one in plan.tasks for group in one.groups]:
            others = (*planned.questions, *planned.arms)
            interview = Interview(study.settings, model, helper, planned.task, questions, others)
            measurement = Measurement(interview, store, progress, pace)
            measurement.elicit()
            measurement.reply()
            measurement.rotate()
            for intervention in plan.interventions:
                measurement.edit(intervention)
                measurement.answer(intervention)
        _prove(store, model, helper)
        if model.floor is not None:
            store.set_floor(model.info, model.floor)
        del model, interview, measurement
        gc.collect()  # the weights hang in reference cycles, and the next model needs the room


def _prove(store: Store, *models: Model | None) -> None:
    """Refuse models that are not those of before, as far as the run keeps what they are known by."""
    for model in filter(None, models):
        name = CANARY + model.info.fingerprint
        kept = model.prove(store.meta(name))
        if kept is not None:
            model.prove(store.keep(name, kept))  # another shard may have been first


def otherwise_drawn(advised: Mapping[str, float], sampling: Sampling) -> str:
    """Say where reasoning is drawn otherwise than a model's makers say; nothing where it is as they say."""
    other = [f"{name} {value:g}, not {getattr(sampling, name):g}" for name, value in advised.items()]
    said = [
        text for text, name in zip(other, advised, strict=True) if advised[name] != getattr(sampling, name)
    ]
    return f"its makers advise {', '.join(said)}" if said else ""


def told(study: Study, tasks: tuple[str, ...]) -> Study:
    """Return a study with what its defaults depend on written out, as its command is stored."""
    longest, points = study.sampling.max_new_tokens, study.settings.points or 0
    return replace(study, out=None, task=tasks, max_new_tokens=longest, points=points)


def _log(store: Store, plan: Plan) -> None:
    """Remember what was asked, with which versions, each distinct command once."""
    interventions = [intervention.full_spec for intervention in plan.interventions]
    tasks = tuple(planned.task.full_spec for planned in plan.tasks)
    study = json.loads(json.dumps(asdict(told(plan.study, tasks))))
    added = {"plugins": [str(path) for path in plugins.added_files()]}
    asked = {"study": study, "interventions": interventions, "versions": versions.installed()} | added
    commands = store.meta("commands") or []
    if asked not in commands:
        store.set_meta("commands", [*commands, asked])
