"""How fast a look inside is: beginnings shared under different edits, beside every edit run as a whole."""

import time
from collections.abc import Iterator, Sequence
from functools import partial

from cotfaith.models.asking import AskedModel
from cotfaith.models.local.engine import LocalEngine
from cotfaith.models.local.ways import Way
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model, use_threads
from cotfaith.plugins.registry import INTERVENTIONS, TASKS
from cotfaith.running.interview import Interview
from cotfaith.schema import Edit, Question, Settings, Trace

SPECS = ("knockout:layers=each", "knockout:layers=each,readers=later", "patch")
WAYS = {"beginnings shared": Way.SHARED, "every edit as a whole": Way.WHOLE}


def inside(source: str, threads: int, asked: Sequence[Question]) -> Iterator[dict[str, object]]:
    """Answer after the same edits in both ways; yield seconds and tokens an edit, all included."""
    use_threads(threads)
    model = open_model(source, ModelSettings(device="cpu"))
    assert isinstance(model, AskedModel)
    engine = model.engine
    assert isinstance(engine, LocalEngine)
    engine.check_inside()
    task = TASKS.build(asked[0].task)
    interview = Interview(Settings(samples=1), model, None, task, tuple(asked))
    traces = [one for one in interview.sample([(q, 0) for q in asked]) if isinstance(one, Trace)]
    for spec in SPECS:
        intervention = INTERVENTIONS.build(spec)
        edits = [one for one in interview.edits(intervention, traces) if isinstance(one, Edit)]
        for name, way in WAYS.items():
            vars(engine.inside.ways)["of"] = partial(always, way)
            before, begun, computed = engine.tokens_computed, time.perf_counter(), time.process_time()
            interview.outcomes(edits, intervention)
            took, computed = time.perf_counter() - begun, time.process_time() - computed
            yield {
                "edits of": spec, "way": name, "edits": len(edits), "seconds": took,
                "ms an edit": 1000 * took / len(edits),
                "ms of processors an edit": 1000 * computed / len(edits),
                "tokens an edit": (engine.tokens_computed - before) / len(edits),
            }  # fmt: skip


def always(way: Way, _: int) -> Way:
    """Return the way, however long sequences are."""
    return way
