"""What must not change while a run grows: the questions, the models' weights, the code."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from cotfaith.errors import OtherCircumstancesError
from cotfaith.identity import code_key, key
from cotfaith.plugins.registry import with_parts
from cotfaith.running import code
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan
from cotfaith.running.versions import installed
from cotfaith.schema import Fact, ModelInfo
from cotfaith.store.store import Store

RECORDS = Fact("0.3", "0.3")
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
    found |= {f"prompt of {name}": Fact(key(text), text) for name, text in plan.forms}
    if any("hooks" in one.asks_for for one in plan.interventions):
        there = installed()["transformer-lens"]
        found["transformer-lens, which looks inside"] = Fact(there, there)
    return found | code_facts(plan)


def code_facts(plan: Plan) -> dict[str, Fact]:
    """Return the code that decides what a plan's run holds, as it is in this process."""
    used = (*(planned.task for planned in plan.tasks), *with_parts(plan.interventions), *plan.cues)
    plugins = {type(one).__module__ for one in used}
    sources = code.deciding(plugins)
    return {f"code of {_named(name)}": Fact(code_key(text), text) for name, text in sources.items()}


def weights(source: str, info: ModelInfo) -> dict[str, Fact]:
    """Return which model is had under this name."""
    return {f"weights of {source}": Fact(info.fingerprint, info.fingerprint)}


def _named(module: str) -> str:
    """Return a module's file as a reader looks for it: in this package by its rooms, else by its name."""
    package, _, inside = module.partition(".")
    return f"{inside.replace('.', '/') if package == 'cotfaith' else module.rpartition('.')[2]}.py"


def _folders(study: Study) -> Iterator[Path]:
    """Yield the run's folder, and those beside it with a number."""
    yield study.folder
    for number in count(2):
        yield study.folder.with_name(f"{study.folder.name}-{number}")
