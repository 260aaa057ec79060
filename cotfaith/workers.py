"""Models side by side: each in a process of its own, all of them writing to the run's one file."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing import Queue, get_context
from pathlib import Path
from queue import Empty
from typing import Any

from cotfaith import plugins, runner
from cotfaith.models import open_model, use_threads
from cotfaith.runner import Progress
from cotfaith.store import Store
from cotfaith.study import Plan, Study, build_interventions, prepare

LOOK_EVERY = 0.2  # seconds between looks at whether all is done


def run(plan: Plan, store: Store, progress: Progress) -> int:
    """Measure like `runner.run`, with `jobs` processes that take the models in turn, the largest first."""
    before = store.rows()
    runner.prepare_store(plan, store)
    settings = plan.study.model_settings
    models = sorted(plan.models, key=lambda name: open_model(name, settings).info.n_params, reverse=True)
    jobs = min(plan.study.jobs, len(models))
    context = get_context("spawn")
    events: Queue[tuple[Any, ...]] = context.Queue()
    begin = (events, plugins.added_files(), max(1, (os.cpu_count() or 1) // jobs))
    with ProcessPoolExecutor(jobs, context, _begin, begin) as pool:
        specs = [intervention.spec for intervention in plan.interventions]
        waiting = [pool.submit(_measure, replace(plan.study, model=(name,)), specs) for name in models]
        try:
            _show(events, progress, waiting)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return store.rows() - before


def _show(events: "Queue[tuple[Any, ...]]", progress: Progress, waiting: Sequence[Future[None]]) -> None:
    """Show what the workers tell until all of them are done; raise what one of them raises."""
    stages: dict[int, tuple[ExitStack, Callable[[int], None]]] = {}
    while True:
        finished = all(future.done() for future in waiting)
        try:
            worker, *said = events.get(timeout=LOOK_EVERY)
        except Empty:
            for future in waiting:
                if future.done():
                    future.result()
            if finished:
                return
            continue
        if said == ["end"]:
            stages.pop(worker)[0].close()
        elif len(said) == 1:
            stages[worker][1](said[0])
        else:
            stack = ExitStack()
            stages[worker] = stack, stack.enter_context(progress(*said))


class _Told:
    """Progress that is told to the process that shows it."""

    def __init__(self, events: "Queue[tuple[Any, ...]]") -> None:
        self._events = events

    @contextmanager
    def __call__(self, stage: str, unit: str, total: int) -> Iterator[Callable[[int], None]]:
        self._events.put((os.getpid(), stage, unit, total))
        yield lambda n: self._events.put((os.getpid(), n))
        self._events.put((os.getpid(), "end"))


_told: _Told


def _begin(events: "Queue[tuple[Any, ...]]", plugin_files: Sequence[Path], threads: int) -> None:
    """Make a new process ready."""
    global _told  # noqa: PLW0603 a pool gives its processes nothing else to keep
    _told = _Told(events)
    for path in plugin_files:
        plugins.add_file(path)
    use_threads(threads)


def _measure(study: Study, specs: Sequence[str]) -> None:
    store = Store.create(study.folder, study.fixed)
    runner.measure(prepare(study, build_interventions(list(specs))), store, _told)
    store.close()
