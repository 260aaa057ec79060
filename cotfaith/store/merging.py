"""Several runs become one: the shards of a study, or runs of other models or tasks under equal settings."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from cotfaith.canary import same_model
from cotfaith.errors import InputError
from cotfaith.schema import Fact
from cotfaith.store.differences import differences
from cotfaith.store.lock import Lock
from cotfaith.store.store import LOCK_NAME, Store

NO_SHARD = {"shard": Fact("none", "none")}


@dataclass(frozen=True)
class Merged:
    """What a merge brought together."""

    rows: int
    """How many were new."""
    missing: Sequence[str]
    """The shards that were not among those that were merged."""


def merge(target: Path, folders: Sequence[Path]) -> Merged:
    """Join runs into one that has all they have; refuse those that differ in what must be equal."""
    with ExitStack() as held:
        runs = [_open(folder, held) for folder in folders]
        for run in runs[1:]:
            _refuse_differences(runs[0], run)
        missing = _missing([run.facts()["shard"].key for run in runs if "shard" in run.facts()])
        common = {name: fact for run in runs for name, fact in run.facts().items()} | NO_SHARD
        joined = held.enter_context(closing(Store.create(target, runs[0].meta("settings"), common)))
        before = joined.rows()
        for run in runs:
            _merge_canaries(joined, run)
        for run in runs:
            joined.merge(run)
            _merge_facts(joined, run)
        joined.set_meta("finished", value=True)
        return Merged(joined.rows() - before, missing)


def _open(folder: Path, held: ExitStack) -> Store:
    """Open a run that is not being written, and keep others from writing until it is merged."""
    run = held.enter_context(closing(Store.open(folder)))
    held.callback(Lock(folder / LOCK_NAME).release)
    if run.meta("finished") is False:
        raise InputError(
            f"{folder}: this run was stopped. Let its command go on to its end before it is merged."
        )
    return run


def _refuse_differences(first: Store, other: Store) -> None:
    settings = [
        {n: Fact(repr(v), repr(v)) for n, v in run.meta("settings").items()} for run in (first, other)
    ]
    facts = [_without_place(run.facts()) for run in (first, other)]
    lines = differences(settings[0] | facts[0], settings[1] | facts[1], all_of={*settings[0], *settings[1]})
    if lines:
        shown = (
            "\n".join(lines)
            .replace(" there, ", f" in {first.folder}, ")
            .replace(" now", f" in {other.folder}")
        )
        raise InputError(f"{first.folder} and {other.folder} cannot be merged; they differ:\n{shown}")


def _without_place(facts: dict[str, Fact]) -> dict[str, Fact]:
    """Reduce the shard, e.g. 2/8, to the number of shards."""
    of = facts.get("shard", NO_SHARD["shard"]).key.rpartition("/")[2]
    return facts | {"shard": Fact(of, f"of {of}")}


def _missing(shards: Sequence[str]) -> list[str]:
    places = {shard.partition("/")[0] for shard in shards if "/" in shard}
    of = max((int(shard.partition("/")[2]) for shard in shards if "/" in shard), default=0)
    return [f"{i}/{of}" for i in range(1, of + 1) if str(i) not in places]


def _merge_canaries(joined: Store, run: Store) -> None:
    """Add by what models on servers are known; refuse what another model has answered."""
    for name, kept in run.canaries():
        there = joined.meta(name)
        if there is None:
            joined.set_meta(name, kept)
        elif not same_model(there, kept):
            raise InputError(
                f"{run.folder}: under one name, another model has answered there than in the runs before it."
            )


def _merge_facts(joined: Store, run: Store) -> None:
    """Add where a run's questions come from and its commands, without their shard."""
    for task, (source, left_out) in run.sources().items():
        joined.add_source(task, source, left_out)
    for model, floor in run.floors():
        joined.set_floor(model, floor)
    if joined.meta("day") is None and run.meta("day") is not None:
        joined.set_meta("day", run.meta("day"))
    for model, told in run.told():
        joined.set_told(model, [told])
    commands = joined.meta("commands") or []
    for command in run.meta("commands") or []:
        whole = command | {"study": command["study"] | {"shard": None}}
        if whole not in commands:
            commands.append(whole)
    joined.set_meta("commands", commands)
