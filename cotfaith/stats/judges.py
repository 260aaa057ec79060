"""The tasks of a run, built again from their specifications: they judge its answers and know its steps."""

from collections.abc import Collection

import pandas as pd

from cotfaith.errors import InputError
from cotfaith.plugins.registry import TASKS
from cotfaith.plugins.task import Task
from cotfaith.schema import Question
from cotfaith.stats.controls import Values
from cotfaith.stats.scores import Wanted


class Judges:
    """The tasks of a run's traces, and its questions."""

    def __init__(self, traces: pd.DataFrame, questions: pd.DataFrame) -> None:
        self._tasks = tasks_of(traces["task"].unique())
        records = questions.to_dict("records")
        self.questions = {
            (q["task"], q["id"]): Question(**{str(k): v for k, v in q.items()}) for q in records
        }
        self.scores = scores_of(self._tasks)
        self.values = values_of(self._tasks)

    def same(self, task: str, question: str, one: str, other: str) -> bool:
        """Tell whether two answers to a question are the same, as its task judges."""
        return self._tasks[task].same(self.questions[task, question], one, other)


def tasks_of(specs: Collection[object]) -> dict[str, Task]:
    """Build tasks from their specifications; InputError says which is no longer there."""
    return {str(spec): _task(str(spec)) for spec in specs}


def scores_of(tasks: dict[str, Task]) -> Wanted:
    """Return what tasks read from their answers beside accuracy, of those that do."""
    return {spec: task.scores for spec, task in tasks.items() if task.scores}


def values_of(tasks: dict[str, Task]) -> dict[str, Values]:
    """Return how tasks read the results of steps, of those that know their grammar."""
    return {spec: task.rewriter.values for spec, task in tasks.items() if task.rewriter is not None}


def no_longer_there(error: InputError, spec: str) -> InputError:
    """Say what to do where a plug-in of a run is missing."""
    return InputError(f"{error} The run was measured with {spec!r}: name its file with --plugin.")


def _task(spec: str) -> Task:
    try:
        return TASKS.build(spec)
    except InputError as error:
        raise no_longer_there(error, spec) from error
