"""Rows of benchmark files, each knowing where it stands, so that an error can name file, row and field."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TypeVar

from cotfaith.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One record and where it was read."""

    where: str
    """File and line, or data set and row, for messages."""
    fields: Mapping[str, object]
    stem: str = ""
    """The file's name without its endings: some benchmarks keep the subject there."""
    folder: str = ""
    """The name of the folder that the file is in: others keep it there."""
    around: Mapping[str, object] = field(default_factory=dict)
    """What a file that is one JSON object says beside its list of records."""

    def has(self, *names: str) -> bool:
        """Tell whether all of these fields are there."""
        return all(name in self.fields for name in names)

    def given(self, name: str) -> bool:
        """Tell whether a field is there and says something: null, NaN and what is empty say nothing."""
        value = self.fields.get(name)
        empty = not value.strip() if isinstance(value, str) else value in ([], {})
        return not _is_missing(value) and not empty

    def get(self, name: str, kind: type[T]) -> T:
        """Return a field of that type, or say what stands there instead."""
        if name not in self.fields:
            raise InputError(f"{self.where}: no field {name!r}; it has {', '.join(map(repr, self.fields))}.")
        value = self.fields[name]
        if _is_missing(value):
            raise self.wrong(name, f"nothing stands there (found {value})")
        if not isinstance(value, kind):
            raise self.wrong(name, f"expected {kind.__name__}, found {value!r:.80}")
        return value

    def text(self, name: str) -> str:
        """Return a field that is some text, without the white space around it."""
        return self._text(name, self.get(name, str))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that is a list of texts, each without the white space around it."""
        values = self.get(name, list)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(name, f"expected a list of strings, found {values!r:.80}")
        return tuple(self._text(f"{name}[{i}]", value) for i, value in enumerate(values))

    def written(self, name: str) -> str:
        """Return a field that is a text or a number, written out: 1e16 as 10000000000000000, 5.0 as 5.

        True, false, infinity and anything else are an InputError.
        """
        return self._written(name, self.get(name, object))

    def all_written(self, name: str) -> tuple[str, ...]:
        """Return a field that is a text or a number, or a list of at least one of these."""
        values = self.get(name, object)
        if not isinstance(values, list):
            return (self._written(name, values),)
        if not values:
            raise self.wrong(name, "expected at least one text or number, found an empty list")
        return tuple(self._written(f"{name}[{i}]", value) for i, value in enumerate(values))

    def index(self, name: str, length: int) -> int:
        """Return a field that counts from 0 below a length; files write it as a number or as its digits."""
        value = self.get(name, object)
        digits = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        if not digits.isdecimal() or int(digits) >= length:
            raise self.wrong(name, f"expected one of the choices, 0 to {length - 1}, found {value!r:.80}")
        return int(digits)

    def place(self, name: str, among: Sequence[str]) -> int:
        """Return where a field's text stands among these."""
        value = self.text(name)
        if value not in among:
            raise self.wrong(name, f"expected one of the choices {list(among)}, found {value!r:.80}")
        return among.index(value)

    def children(self, name: str) -> list["Row"]:
        """Return a field that is a list of records."""
        return [self._child(f"{name}[{i}]", value) for i, value in enumerate(self.get(name, list))]

    def child(self, name: str) -> "Row":
        """Return a field that is a record."""
        return self._child(name, self.get(name, dict))

    def wrong(self, name: str, expected: str) -> InputError:
        """Return the error for a field that is there but wrong."""
        return InputError(f"{self.where}: field {name!r}: {expected}.")

    def _written(self, name: str, value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise self.wrong(name, f"expected a text or a number, found {value!r:.80}")
        if isinstance(value, str):
            return self._text(name, value)
        if not isinstance(value, int) and not math.isfinite(value):
            raise self.wrong(name, f"expected a finite number, found {value}")
        return str(int(value)) if value == int(value) else f"{Decimal(str(value)):f}"

    def _text(self, name: str, value: str) -> str:
        if not value.strip():
            raise self.wrong(name, f"expected some text, found {value!r:.80}")
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise self.wrong(name, f"half of a character (a lone surrogate) in {value!r:.80}")
        return value.strip()

    def _child(self, name: str, value: object) -> "Row":
        if not isinstance(value, dict):
            raise self.wrong(name, f"expected an object, found {value!r:.80}")
        return replace(self, where=f"{self.where}, {name}", fields=value)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))
