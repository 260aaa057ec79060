"""A run counted, as its tasks read texts."""

from functools import lru_cache

from cotfaith.stats.controls import values_kept
from cotfaith.stats.judges import scores_of, tasks_of, values_of
from cotfaith.store.counts import Counts, count
from cotfaith.store.store import Store

TEXTS = 100_000
"""Of which it is remembered what results they state, since much of a run shows the same."""


def counted(store: Store) -> Counts:
    """Count all that a run has measured; InputError where one of its tasks is no longer there."""
    tasks = tasks_of([spec for (spec,) in store.query("SELECT DISTINCT task FROM questions")])
    values = {task: lru_cache(TEXTS)(read) for task, read in values_of(tasks).items()}

    def kept(task: str, shown: str, reasoning: str) -> bool | None:
        return values_kept(values[task], shown, reasoning)

    return count(store, kept, stepped=list(values), written=list(scores_of(tasks)))
