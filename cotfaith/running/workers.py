"""Models side by side: each in a process of its own, all of them writing to the run's one file.

The processes end with the one that began them, however that ends: they listen at a pipe that it holds open.
"""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing import Queue, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty
from typing import Any

from cotfaith.errors import InputError
from cotfaith.models.opening import use_threads
from cotfaith.plugins import registry as plugins
from cotfaith.plugins.registry import TASKS
from cotfaith.running import runner
from cotfaith.running.measurement import Progress
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan, TaskPlan, build_interventions
from cotfaith.running.progress import Advance
from cotfaith.schema import Question
from cotfaith.store.store import Store

Asked = tuple[str, tuple[Question, ...], tuple[Question, ...]]
"""A task's specification, its questions, and these with cues."""
LOOK_EVERY = 0.2  # seconds between looks at whether all is done


def run(plan: Plan, store: Store, progress: Progress) -> int:
    """Measure like `runner.run`, with `jobs` processes that take the models in turn, the largest first."""
    before = store.rows()
    runner.prepare_store(plan, store)
    n_params = {name: info.n_params for name, info in plan.infos}
    models = sorted(plan.models, key=lambda name: n_params[name], reverse=True)
    jobs = min(plan.study.jobs, len(models))
    context = get_context("spawn")
    events: Queue[tuple[Any, ...]] = context.Queue()
    listens, ours = context.Pipe(duplex=False)
    begin = (events, plugins.added_files(), max(1, (os.cpu_count() or 1) // jobs), listens)
    specs = [intervention.spec for intervention in plan.interventions]
    asked = [(planned.task.spec, planned.questions, planned.arms) for planned in plan.tasks]
    with ours, ProcessPoolExecutor(jobs, context, _begin, begin) as pool:
        waiting: list[Future[None]] = []
        try:
            with _without_interrupts():
                waiting = [
                    pool.submit(_measure, replace(plan.study, model=(name,)), store.folder, specs, asked)
                    for name in models
                ]
            _show(events, progress, waiting)
        except BrokenProcessPool as error:
            raise InputError(
                f"{store.folder}: a process that measured was ended from outside, perhaps for want of "
                "memory. What was measured is kept; the same command goes on, with fewer --jobs if need be."
            ) from error
        finally:
            if not all(future.done() for future in waiting):
                ours.close()
            pool.shutdown(wait=False, cancel_futures=True)
    runner.finish(store)
    return store.rows() - before


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block Ctrl-C while processes are begun: they never get it, this one does afterwards."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def _show(events: "Queue[tuple[Any, ...]]", progress: Progress, waiting: Sequence[Future[None]]) -> None:
    """Show what the workers tell until all of them are done; raise what one of them raises."""
    with ExitStack() as shown:
        stages: dict[int, tuple[ExitStack, Advance]] = {}
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
            elif len(said) == 2:
                stages[worker][1](*said)
            else:
                stack = shown.enter_context(ExitStack())
                stages[worker] = stack, stack.enter_context(progress(*said))


class _Told:
    """Progress that is told to the process that shows it."""

    def __init__(self, events: "Queue[tuple[Any, ...]]") -> None:
        self._events = events

    @contextmanager
    def __call__(self, stage: str, unit: str, total: int) -> Iterator[Advance]:
        self._events.put((os.getpid(), stage, unit, total))
        yield lambda n, tokens=0: self._events.put((os.getpid(), n, tokens))
        self._events.put((os.getpid(), "end"))


_told: _Told


def _begin(
    events: "Queue[tuple[Any, ...]]", plugin_files: Sequence[Path], threads: int, parent: Connection
) -> None:
    """Make a new process ready."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    global _told  # noqa: PLW0603 a pool gives its processes nothing else to keep
    _told = _Told(events)
    for path in plugin_files:
        plugins.add_file(path)
    use_threads(threads)


def _end_with(parent: Connection) -> None:
    """End this process when the other end of the pipe is closed; what is being written is not kept."""
    parent.poll(None)
    os._exit(1)


def _measure(study: Study, folder: Path, specs: Sequence[str], asked: Sequence[Asked]) -> None:
    """Measure one model; the questions come with the order, since their files may have changed."""
    tasks = tuple(TaskPlan(TASKS.build(spec), questions, "", arms=arms) for spec, questions, arms in asked)
    store = Store.open(folder)
    runner.measure(Plan(study, study.model, tasks, build_interventions(list(specs))), store, _told)
    store.close()
