"""Rows of benchmark files, each knowing where it stands, so that an error can name file, row and field."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cotfaith.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class HubSource:
    """Where a benchmark is on the Hugging Face hub."""

    name: str
    configuration: str
    split: str


@dataclass(frozen=True)
class Row:
    """One record and where it was read."""

    where: str
    fields: Mapping[str, object]

    def get(self, name: str, kind: type[T]) -> T:
        """Return a field of that type, or say what stands there instead."""
        if name not in self.fields:
            raise InputError(f"{self.where}: no field {name!r}; it has {', '.join(map(repr, self.fields))}.")
        value = self.fields[name]
        if not isinstance(value, kind):
            raise self.wrong(name, f"expected {kind.__name__}, found {value!r:.80}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that is a list of strings."""
        values = self.get(name, list)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(name, f"expected a list of strings, found {values!r:.80}")
        return tuple(values)

    def children(self, name: str) -> list["Row"]:
        """Return a field that is a list of records."""
        return [self._child(f"{name}[{i}]", value) for i, value in enumerate(self.get(name, list))]

    def child(self, name: str) -> "Row":
        """Return a field that is a record."""
        return self._child(name, self.get(name, dict))

    def wrong(self, name: str, expected: str) -> InputError:
        """Return the error for a field that is there but wrong."""
        return InputError(f"{self.where}: field {name!r}: {expected}.")

    def _child(self, name: str, value: object) -> "Row":
        if not isinstance(value, dict):
            raise self.wrong(name, f"expected an object, found {value!r:.80}")
        return Row(f"{self.where}, {name}", value)


def read_jsonl(path: Path) -> Iterator[Row]:
    """Read a file with one JSON object a line; blank lines and a byte order mark are passed over."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}.") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield Row(f"{path}, line {number}", _object(f"{path}, line {number}", line))


def read_hub(source: HubSource) -> Iterator[Row]:
    """Read a split through Hugging Face `datasets`, which keeps it on disk once it has it."""
    from datasets import load_dataset

    try:
        split = load_dataset(source.name, source.configuration, split=source.split)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{source.name} ({source.configuration}, {source.split}) could not be had from the hub: {reason} "
            "Give a local file with --data."
        ) from error
    for number, fields in enumerate(split, 1):
        yield Row(f"{source.name} {source.split}, row {number}", fields)


def check_unique(where: str, ids: Sequence[str]) -> None:
    """Refuse a file with no question, or with one id twice."""
    if not ids:
        raise InputError(f"{where}: holds no question.")
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InputError(f"{where}: the id {name!r} stands there twice; ids must be unique.")
        seen.add(name)


def _object(where: str, line: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error}); expected one object a line.") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object, found {type(value).__name__}.")
    return value
