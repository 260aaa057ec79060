"""What must not change while a run grows: the questions, the models' weights, the code."""

import inspect
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path
from types import ModuleType

from cotfaith.dialogue import answers, prompts, rewrites, steps
from cotfaith.errors import OtherCircumstancesError
from cotfaith.identity import code_key
from cotfaith.plugins import intervention, rewriting, task
from cotfaith.plugins.plugin import Plugin
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan
from cotfaith.schema import Fact, ModelInfo
from cotfaith.store.store import Store

SHARED_CODE = (task, intervention, rewriting, prompts, steps, answers, rewrites)
"""What every answer goes through, whatever the task and the intervention."""
RECORDS = Fact("0.2", "0.2")
"""The release since which what is stored of a run, and the keys of it, mean the same."""


def begin(plan: Plan) -> Store:
    """Open the run that the plan goes on with, or begin it; with --new beside one of other circumstances."""
    for folder in _folders(plan.study):
        try:
            return Store.create(folder, plan.study.fixed, facts(plan))
        except OtherCircumstancesError:
            if not plan.study.new:
                raise
    raise AssertionError("there is always another folder")


def facts(plan: Plan) -> dict[str, Fact]:
    """Return all circumstances of a plan."""
    found = {"shard": Fact(plan.study.shard or "none", plan.study.shard or "none"), "cotfaith": RECORDS}
    for planned in plan.tasks:
        found[f"questions of {planned.task.spec}"] = Fact(planned.source, planned.source)
    for source, info in plan.infos:
        found |= weights(source, info)
    plugins: Iterable[Plugin] = chain((planned.task for planned in plan.tasks), plan.interventions)
    modules = (*SHARED_CODE, *(sys.modules[plugin.__module__] for plugin in plugins))
    return found | {f"code of {Path(str(module.__file__)).name}": _code(module) for module in modules}


def weights(source: str, info: ModelInfo) -> dict[str, Fact]:
    """Return which model is had under this name."""
    return {f"weights of {source}": Fact(info.fingerprint, info.fingerprint)}


def _code(module: ModuleType) -> Fact:
    return Fact(code_key(module), inspect.getsource(module))


def _folders(study: Study) -> Iterator[Path]:
    """Yield the run's folder, and those beside it with a number."""
    yield study.folder
    for number in count(2):
        yield study.folder.with_name(f"{study.folder.name}-{number}")
