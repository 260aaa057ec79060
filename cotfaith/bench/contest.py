"""Contenders that do the same work in turns, each in a process of its own."""

import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from typing import Any

from cotfaith.bench.rivals import (
    BATCH,
    CONTENDERS,
    HARNESS,
    OURS,
    PLAIN,
    Contender,
    Scored,
    distinct_tokens,
    token_counter,
)
from cotfaith.dialogue.prompts import plain_text
from cotfaith.errors import InputError
from cotfaith.models.opening import use_threads
from cotfaith.schema import ChoiceRequest, GenerationRequest

MEGABYTE = 2**20
TURNS = 5
"""Of every contender."""
WARMING = 4
"""Requests before the first turn, so that what is loaded late is loaded."""
Row = dict[str, object]
"""Of a table."""


@dataclass(frozen=True)
class Setting:
    """Under which all contenders work."""

    source: str
    """Of the model: a directory, a hub name or a rung of the ladder."""
    threads: int
    batch: int = BATCH
    """Sequences of a padded batch of those that pad."""


@dataclass(frozen=True)
class Call:
    """One call: what it returned, how long it took, and the most memory that the process has had so far."""

    value: Any
    seconds: float
    peak: int
    """In bytes."""
    cpu_seconds: float = 0.0
    """Of all threads of the process."""


class Remote:
    """A contender in a process of its own."""

    def __init__(self, kind: str, setting: Setting) -> None:
        self._kind = kind
        self._process = ProcessPoolExecutor(1, get_context("spawn"), _begin, (kind, setting))

    def __call__(self, method: str, *arguments: object) -> Call:
        """Call a method and wait for what it returns; what it raises is raised here.

        Raises:
            InputError: The process was killed.
        """
        try:
            return self._process.submit(_call, method, arguments).result()
        except BrokenProcessPool as error:
            raise InputError(
                f"the process of {self._kind} was killed, most likely because memory ran out: "
                "take smaller batches or fewer questions"
            ) from error

    def close(self) -> None:
        """End the process."""
        self._process.shutdown()


_contender: Contender


def _begin(kind: str, setting: Setting) -> None:
    """Make a new process ready."""
    global _contender  # noqa: PLW0603 a pool gives its processes nothing else to keep
    use_threads(setting.threads)
    _contender = CONTENDERS[kind](setting.source, setting.batch)


def _call(method: str, arguments: Sequence[object]) -> Call:
    begun, worked = time.perf_counter(), time.process_time()
    value = getattr(_contender, method)(*arguments)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - worked
    return Call(value, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, cpu_seconds)


@contextmanager
def contenders(kinds: Sequence[str], setting: Setting) -> Iterator[dict[str, Remote]]:
    """Start the contenders, one after the other, and end them."""
    started = {kind: Remote(kind, setting) for kind in kinds}
    try:
        yield started
    finally:
        for one in started.values():
            one.close()


def scoring(setting: Setting, workload: str, requests: Sequence[ChoiceRequest]) -> Iterator[Row]:
    """Have all contenders score the same requests in turns; yield one row each."""
    kinds = (OURS, PLAIN, HARNESS)
    asked, distinct = distinct_tokens(setting.source, [plain_text(request.dialogue) for request in requests])
    turns: dict[str, list[Call]] = {kind: [] for kind in kinds}
    bare: list[float] = []
    with contenders(kinds, setting) as started:
        for kind in kinds:
            started[kind]("score", requests[:WARMING])
        for _ in range(TURNS):
            for kind in kinds:
                turns[kind].append(started[kind]("score", requests))
            bare.append(started[PLAIN]("bare", distinct, round(asked / len(requests))).seconds)
    per_second = distinct / statistics.median(bare)
    for kind in kinds:
        of_it = scoring_row(workload, kind, turns, Asked(len(requests), asked, distinct), per_second)
        yield of_it | {"batch": setting.batch if kind != OURS else None}


@dataclass(frozen=True)
class Asked:
    """What there is to do."""

    requests: int
    tokens_asked: int
    distinct_tokens: int


def scoring_row(workload: str, kind: str, turns: dict[str, list[Call]], asked: Asked, bare: float) -> Row:
    """Put a contender's turns into a row; `bare` is the tokens a second of a bare forward pass."""
    seconds = [turn.seconds for turn in turns[kind]]
    ratios = [theirs.seconds / ours.seconds for theirs, ours in zip(turns[kind], turns[OURS], strict=True)]
    scored = turns[kind][0].value
    middle = statistics.median(seconds)
    return {
        "workload": workload,
        "contender": kind,
        "turns": len(seconds),
        **asdict(asked),
        "tokens_computed": scored.computed,
        "padding": scored.computed - (asked.distinct_tokens if kind == OURS else asked.tokens_asked),
        "computed_per_distinct": scored.computed / asked.distinct_tokens,
        "seconds": middle,
        "asked_per_second": asked.tokens_asked / middle,
        "distinct_per_second": asked.distinct_tokens / middle,
        "of_bare_forward": asked.distinct_tokens / middle / bare,
        "peak_megabytes": max(turn.peak for turn in turns[kind]) / MEGABYTE,
        "ratio": statistics.median(ratios),
        "ratio_least": min(ratios),
        "ratio_most": max(ratios),
        "apart_in_logprob": far_apart(scored, turns[OURS][0].value),
    }


def far_apart(first: Scored, second: Scored) -> float:
    """Return the largest difference of a log-probability."""
    return max(
        abs(a - b)
        for one, other in zip(first.logprobs, second.logprobs, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def sampling(setting: Setting, asked: Sequence[GenerationRequest]) -> Iterator[Row]:
    """Have this package and transformers' generate sample reasoning in turns; yield one row each."""
    count = token_counter(setting.source)
    kinds = (OURS, PLAIN)
    turns: dict[str, list[Call]] = {kind: [] for kind in kinds}
    with contenders(kinds, setting) as started:
        for kind in kinds:
            started[kind]("sample", asked[:WARMING])
        for _ in range(TURNS):
            for kind in kinds:
                turns[kind].append(started[kind]("sample", asked))
    rates = {
        kind: [sum(map(count, turn.value)) / turn.seconds for turn in several]
        for kind, several in turns.items()
    }
    ratios = [ours / theirs for ours, theirs in zip(rates[OURS], rates[PLAIN], strict=True)]
    for kind in kinds:
        seconds = statistics.median(turn.seconds for turn in turns[kind])
        yield {
            "contender": kind,
            "turns": TURNS,
            "samples": len(asked),
            "tokens_sampled": statistics.median(sum(map(count, turn.value)) for turn in turns[kind]),
            "seconds": seconds,
            "sampled_per_second": statistics.median(rates[kind]),
            "peak_megabytes": max(turn.peak for turn in turns[kind]) / MEGABYTE,
            "ratio": statistics.median(ratios) if kind == PLAIN else 1.0,
            "ratio_least": min(ratios) if kind == PLAIN else 1.0,
            "ratio_most": max(ratios) if kind == PLAIN else 1.0,
        }
