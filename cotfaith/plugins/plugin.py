"""What tasks and interventions have in common.

A plug-in is a frozen dataclass in a file of its own: its fields are its parameters, its docstring's first
line is its help text, its file's name is its name.
"""

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
        changed = [
            f"{f.name}={str(getattr(self, f.name)).replace(',', ESCAPED_COMMA)}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"{self.name()}:{','.join(changed)}" if changed else self.name()
