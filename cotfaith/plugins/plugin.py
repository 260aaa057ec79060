"""What tasks and interventions have in common.

A plug-in is a frozen dataclass in a file of its own: its fields are its parameters, its docstring's first
line is its help text, its file's name is its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

ESCAPED_COMMA = r"\,"
"""A comma in a value of a specification, where a plain one parts the fields."""


@dataclass(frozen=True)
class Plugin:
    """What tasks and interventions have in common."""

    @classmethod
    def name(cls) -> str:
        """Return the file's name with hyphens."""
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @property
    def spec(self) -> str:
        """Return what rebuilds this object: `name:field=value,...`, defaults left out."""
        return self._specified([f.name for f in fields(self) if getattr(self, f.name) != f.default])

    @property
    def full_spec(self) -> str:
        """Return what rebuilds this object also where the defaults are others: all fields."""
        return self._specified([f.name for f in fields(self)])

    def _specified(self, names: Sequence[str]) -> str:
        values = [f"{name}={str(getattr(self, name)).replace(',', ESCAPED_COMMA)}" for name in names]
        return f"{self.name()}:{','.join(values)}" if values else self.name()
