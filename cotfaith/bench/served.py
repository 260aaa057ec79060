"""Scoring on a server beside scoring here: this package both ways, and lm-evaluation-harness there."""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import psutil

from cotfaith.bench.contest import TURNS, WARMING, Asked, Call, Row, Setting, contenders, far_apart
from cotfaith.bench.rivals import HARNESS_SERVED, KEY, OURS, OURS_SERVED, distinct_tokens
from cotfaith.dialogue.prompts import plain_text
from cotfaith.models.model import ModelSettings
from cotfaith.models.served.server import Server
from cotfaith.models.served.started import NAME, Started
from cotfaith.models.served.wire import Request
from cotfaith.models.shipped import local_source
from cotfaith.schema import ChoiceRequest

FORGETTING = {"VLLM_SERVER_DEV_MODE": "1"}
"""With which a server can be told to forget."""


def scoring_served(setting: Setting, workload: str, requests: Sequence[ChoiceRequest]) -> Iterator[Row]:
    """Have the same requests scored in turns, here and on a server started for it; yield one row each.

    The server forgets before each turn what it has computed, as nothing is kept between turns here.
    """
    asked, distinct = distinct_tokens(setting.source, [plain_text(request.dialogue) for request in requests])
    os.environ |= FORGETTING | {"OMP_NUM_THREADS": str(setting.threads)}
    server = Started(local_source(setting.source), ModelSettings(), context=0).server()
    its_own = [one for one in psutil.Process().children(recursive=True) if one.is_running()]
    os.environ[KEY] = server.wire.address.key
    there = Setting(f"{server.wire.address}#{NAME}", setting.threads, setting.batch)
    turns: dict[str, list[tuple[Call, float]]] = {kind: [] for kind in (OURS, OURS_SERVED, HARNESS_SERVED)}
    with contenders([OURS], setting) as here, contenders([OURS_SERVED, HARNESS_SERVED], there) as far:
        started = here | far
        for one in started.values():
            one("score", requests[:WARMING])
        for _ in range(TURNS):
            for kind, one in started.items():
                _forget(server)
                before = _cpu_seconds(its_own)
                call = one("score", requests)
                turns[kind].append((call, 0.0 if kind == OURS else _cpu_seconds(its_own) - before))
    for kind in turns:
        yield served_row(workload, kind, turns, Asked(len(requests), asked, distinct))


def served_row(workload: str, kind: str, turns: dict[str, list[tuple[Call, float]]], asked: Asked) -> Row:
    """Put a contender's turns, each with the seconds that the server's processors took, into a row."""
    calls, on_server = zip(*turns[kind], strict=True)
    ours = [call for call, _ in turns[OURS]]
    ratios = [theirs.seconds / one.seconds for theirs, one in zip(calls, ours, strict=True)]
    client = statistics.median(call.cpu_seconds for call in calls)
    server = statistics.median(on_server)
    return {
        "workload": workload,
        "contender": kind,
        "turns": len(calls),
        **asdict(asked),
        "seconds": statistics.median(call.seconds for call in calls),
        "client_cpu_seconds": client,
        "server_cpu_seconds": server,
        "cpu_ms_a_request": 1000 * (client + server) / asked.requests,
        "ratio": statistics.median(ratios),
        "ratio_least": min(ratios),
        "ratio_most": max(ratios),
        "apart_in_logprob": far_apart(calls[0].value, ours[0].value),
    }


def _forget(server: Server) -> None:
    """Empty the server's cache of prefixes, once nothing runs there."""
    time.sleep(0.2)
    (said,) = server.wire.ask([Request("/../reset_prefix_cache", {})], lambda body: body)
    if isinstance(said, Exception):
        raise said


def _cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (one.cpu_times() for one in processes))
