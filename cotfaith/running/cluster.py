"""A study on a Ray cluster: a task is one model on one shard of the questions; one actor writes the file.

The actor stays on the machine where the command was given, beside the run's folder and the lock that the
command holds. A task whose worker dies begins again elsewhere, and asks the store what is missing.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from cotfaith.errors import InputError
from cotfaith.plugins import registry as plugins
from cotfaith.plugins.registry import TASKS
from cotfaith.running import runner, versions
from cotfaith.running.circumstances import code_facts
from cotfaith.running.measurement import Progress
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan, TaskPlan, build_cues, build_interventions
from cotfaith.running.progress import Advance
from cotfaith.schema import ModelInfo, Question
from cotfaith.store.store import Store

LOCAL = "local"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""What is set for Ray in any case: it reports nothing to its makers, and warns of no default of its own."""
ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
"""What makes a Ray of our own listen to this machine alone, and there to those who know its token."""
DEATHS = 10  # of its workers that a task outlives
LOOK_EVERY = 0.5  # seconds between looks at what the workers have done


@dataclass(frozen=True)
class Order:
    """What a worker is asked to do; the questions come with it, since their files may have changed."""

    study: Study
    specs: tuple[str, ...]
    asked: tuple[tuple[str, tuple[Question, ...], tuple[Question, ...]], ...]
    plugin_files: tuple[Path, ...]
    folder: Path
    """Where the command was given: paths mean there what they meant here."""
    versions: Mapping[str, str]

    @property
    def name(self) -> str:
        """The model and the shard."""
        return f"{self.study.model[0]} {self.study.shard}"

    @property
    def stages(self) -> int:
        """How many stages the measuring of it has."""
        arms = {(q.arm.cue, q.arm.kind) for _, _, cued in self.asked for q in cued if q.arm}
        return len(self.asked) * (1 + len(arms)) * (2 + 2 * len(self.specs))


def run(plan: Plan, store: Store, progress: Progress) -> int:
    """Measure like `runner.run`, on a cluster; the same rows are stored."""
    before = store.rows()
    with _ray(plan.study) as ray:
        runner.prepare_store(plan, store)
        _refuse_unplaceable(ray, plan.study)
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        begins = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Writer)
        writer = begins.options(scheduling_strategy=here).remote(store.folder.resolve())
        task = ray.remote(num_cpus=1, num_gpus=plan.study.gpus_per_worker, max_retries=DEATHS)(measure)
        orders = list(_orders(plan))
        _show(ray, writer, [task.remote(order, writer) for order in orders], orders, progress)
    runner.finish(store)
    return store.rows() - before


class Writer:
    """The actor that alone writes; it also keeps how far the workers say they are."""

    def __init__(self, folder: Path) -> None:
        self._store = Store.open(folder)
        self._done: dict[str, float] = {}
        self._drawn: dict[str, int] = {}

    def call(self, method: str, values: Sequence[Any]) -> Any:
        """Call a method of the store."""
        return getattr(self._store, method)(*values)

    def set_floor(self, model: ModelInfo, floor: float) -> None:
        """Remember the largest that a shard has seen."""
        known = [seen for other, seen in self._store.floors() if other.fingerprint == model.fingerprint]
        self._store.set_floor(model, max([floor, *known]))

    def tell(self, order: str, stages: float, tokens: int) -> None:
        """Note how many of its stages an order is through with, and how many tokens were drawn for it."""
        self._done[order] = max(stages, self._done.get(order, 0.0))
        self._drawn[order] = max(tokens, self._drawn.get(order, 0))

    def done(self) -> tuple[float, int]:
        """Return the number of stages that are through, and of tokens that were drawn."""
        return sum(self._done.values()), sum(self._drawn.values())


class Remote:
    """The store, as a worker has it: each of its methods is called where the actor is."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def set_floor(self, model: ModelInfo, floor: float) -> None:
        """Remember how far a model's probabilities move with what is computed beside them."""
        _answer(self._writer.set_floor.remote(model, floor))

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*values: Any) -> Any:
            sent = [list(value) if isinstance(value, Iterator) else value for value in values]
            return _answer(self._writer.call.remote(method, sent))

        return call


@dataclass
class Told:
    """Progress that is told to the actor, in stages and parts of these."""

    writer: Any
    order: str
    through: int = 0
    tokens: int = 0
    said: float = field(default_factory=time.monotonic)

    @contextmanager
    def __call__(self, stage: str, unit: str, total: int) -> Iterator[Advance]:
        """Tell, as often as it is looked at."""
        done = 0

        def advance(n: int, tokens: int = 0) -> None:
            nonlocal done
            done += n
            self.tokens += tokens
            if time.monotonic() - self.said >= LOOK_EVERY:
                self.said = time.monotonic()
                self.writer.tell.remote(self.order, self.through + done / total, self.tokens)

        yield advance
        self.through += 1
        self.writer.tell.remote(self.order, self.through, self.tokens)


def measure(order: Order, writer: Any) -> None:
    """Measure one model on one shard, in a worker; refuse to where other code or libraries are installed."""
    if not order.folder.is_dir():
        raise InputError(f"{order.folder}: not on {os.uname().nodename}. All nodes must share this folder.")
    os.chdir(order.folder)
    for path in order.plugin_files:
        if path not in plugins.added_files():  # a worker may have had another shard before
            plugins.add_file(path)
    _refuse_other_versions(order)
    tasks = tuple(TaskPlan(TASKS.build(spec), asked, "", arms=arms) for spec, asked, arms in order.asked)
    plan = Plan(
        order.study,
        order.study.model,
        tasks,
        build_interventions(list(order.specs)),
        cues=build_cues(order.study.cue),
    )
    store = cast(Store, Remote(writer))
    store.agree(code_facts(plan))
    runner.measure(plan, store, Told(writer, order.name))


def _refuse_other_versions(order: Order) -> None:
    there = versions.installed()
    other = [
        f"{name} {there[name]} there, {v} here" for name, v in order.versions.items() if there[name] != v
    ]
    if other:
        raise InputError(
            f"{os.uname().nodename}: not the libraries that the command was given with: {', '.join(other)}. "
            "All nodes need the same."
        )


def _orders(plan: Plan) -> Iterator[Order]:
    """Yield what is to be done, the largest models first; no shard is without questions."""
    n_params = {name: info.n_params for name, info in plan.infos}
    shards = min(plan.study.shards, max(len(planned.questions) for planned in plan.tasks))
    for name in sorted(plan.models, key=lambda model: n_params.get(model, 0), reverse=True):
        for shard in range(shards):
            yield Order(
                replace(plan.study, model=(name,), shard=f"{shard + 1}/{shards}"),
                tuple(intervention.spec for intervention in plan.interventions),
                tuple(
                    (planned.task.spec, part.questions, part.arms)
                    for planned in plan.tasks
                    for part in (planned.part(shard, shards),)
                ),
                tuple(plugins.added_files()),
                Path.cwd(),
                versions.installed(),
            )


@contextmanager
def _ray(study: Study) -> Iterator[ModuleType]:
    """Connect to the cluster, or begin one of our own, and leave it in the end, whatever happens."""
    os.environ.update(QUIET)
    options: dict[str, Any] = {"address": study.ray, "log_to_driver": False, "logging_level": "ERROR"}
    if study.ray == LOCAL:
        os.environ.update(ALONE)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        options |= {"num_cpus": study.jobs, "include_dashboard": False}
    import ray
    import ray.util.scheduling_strategies

    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise InputError(f"--ray {study.ray}: no cluster is reached: {error}") from error
    try:
        yield ray
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, InputError | OSError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise InputError(
            f"--ray {study.ray}: a worker was ended from outside {DEATHS + 1} times, or the cluster is gone "
            f"({type(error).__name__}). What was measured is kept; the same command goes on."
        ) from error
    finally:
        ray.shutdown()


def _refuse_unplaceable(ray: ModuleType, study: Study) -> None:
    """Refuse shards that would wait forever, since no node has what they want."""
    most = max(node["Resources"].get("GPU", 0) for node in ray.nodes() if node["Alive"])
    if study.gpus_per_worker > most:
        raise InputError(
            f"--gpus-per-worker {study.gpus_per_worker:g}: no node of the cluster has more than {most:g}."
        )


def _show(
    ray: ModuleType, writer: Any, waiting: Sequence[Any], orders: Sequence[Order], progress: Progress
) -> None:
    """Show in percent how far all of them are until they are done; raise what one of them raises."""
    models = list(dict.fromkeys(order.study.model[0] for order in orders))
    name = f"{models[0] if len(models) == 1 else f'{len(models)} models'} in {len(orders)} shards"
    all_stages = sum(order.stages for order in orders)
    shown = told = 0
    left = list(waiting)
    with progress(name, "%", 100) as advance:
        while left:
            ended, left = ray.wait(left, timeout=LOOK_EVERY)
            ray.get(ended)
            done, tokens = ray.get(writer.done.remote())
            percent = int(100 * done / all_stages) if left else 100
            if percent > shown:
                advance(percent - shown, tokens - told)
                shown, told = percent, tokens


def _answer(asked: Any) -> Any:
    """Wait for what the actor returns, or raise what it raised as if it had been raised here."""
    import ray

    try:
        return ray.get(asked)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
