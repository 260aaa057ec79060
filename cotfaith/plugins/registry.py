"""Find, name and build plug-ins, from `name` or `name:field=value,field=value`."""

import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import cache, cached_property
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from cotfaith.errors import InputError, unknown
from cotfaith.identity import key
from cotfaith.plugins.cue import Cue
from cotfaith.plugins.intervention import Intervention
from cotfaith.plugins.plugin import ESCAPED_COMMA, Plugin
from cotfaith.plugins.task import Task

P = TypeVar("P", bound=Plugin)


class Registry(Generic[P]):
    """All plug-ins of one kind: the folder's, installed ones, and files added by hand."""

    def __init__(self, kind: str, package: str, base: type[P]) -> None:
        self.kind = kind
        self._package = package
        self._base = base
        self.files: list[Path] = []

    def add_file(self, path: Path) -> bool:
        """Add a file's plug-in if it is of this kind."""
        if not self._defined(_load_file(path)):
            return False
        self.files.append(path)
        self.__dict__.pop("classes", None)
        return True

    @cached_property
    def classes(self) -> dict[str, type[P]]:
        """Import every plug-in and return the classes by name."""
        found: dict[str, type[P]] = {}
        for module in self._modules():
            cls = self._only_class(module)
            if cls.name() in found:
                places = f"{_place(sys.modules[found[cls.name()].__module__])} and {_place(module)}"
                raise InputError(f"the {self.kind} name {cls.name()!r} is taken twice: {places}.")
            found[cls.name()] = cls
        return dict(sorted(found.items()))

    def build(self, spec: str) -> P:
        """Build a plug-in from its specification."""
        name, _, rest = spec.partition(":")
        if name not in self.classes:
            raise unknown(self.kind, name, list(self.classes))
        cls = self.classes[name]
        values: dict[str, object] = {}
        for part in filter(None, re.split(r"(?<!\\),", rest)):
            field, equals, text = part.replace(ESCAPED_COMMA, ",").partition("=")
            if not equals:
                raise InputError(f"{self.kind} {spec!r}: {part!r} is not of the form field=value.")
            values[field] = self._value(cls, field, text)
        return cls(**values)

    def _value(self, cls: type[P], field: str, text: str) -> object:
        known = [f.name for f in fields(cls)]
        if field not in known:
            raise unknown(f"field of {self.kind} {cls.name()!r}", field, known)
        try:
            return TypeAdapter(get_type_hints(cls)[field]).validate_python(text)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise InputError(f"{self.kind} {cls.name()!r}: {field}={text!r}: {reason}.") from error

    def _modules(self) -> Iterator[ModuleType]:
        package = importlib.import_module(self._package)
        for info in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"{self._package}.{info.name}")
        for point in entry_points(group=self._package):
            yield importlib.import_module(point.module)
        for path in self.files:
            yield _load_file(path)

    def _defined(self, module: ModuleType) -> list[type[P]]:
        return [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, self._base)
            and value.__module__ == module.__name__
        ]

    def _only_class(self, module: ModuleType) -> type[P]:
        classes = self._defined(module)
        if len(classes) != 1:
            names = ", ".join(cls.__name__ for cls in classes) or "none"
            raise InputError(
                f"{_place(module)}: expected exactly one subclass of {self._base.__name__}, found {names}."
            )
        return classes[0]


INTERVENTIONS = Registry("intervention", "cotfaith.interventions", Intervention)  # type: ignore[type-abstract]
TASKS = Registry("task", "cotfaith.tasks", Task)
CUES = Registry("cue", "cotfaith.cues", Cue)  # type: ignore[type-abstract]
ALL: tuple[Registry[Any], ...] = (TASKS, INTERVENTIONS, CUES)


def with_parts(interventions: Iterable[Intervention]) -> Iterator[Intervention]:
    """Yield interventions, each followed by those whose edits go into its own."""
    for one in interventions:
        yield one
        yield from with_parts(map(INTERVENTIONS.build, one.made_of))


def add_file(path: Path) -> None:
    """Add one plug-in file from anywhere."""
    if not path.is_file():
        raise InputError(f"--plugin {path}: no such file.")
    if not any(registry.add_file(path) for registry in ALL):
        raise InputError(f"--plugin {path}: defines no subclass of Task, Intervention or Cue.")


def added_files() -> list[Path]:
    """Return the files that were added, which another process must add too."""
    return [path for registry in ALL for path in registry.files]


@cache
def _load_file(path: Path) -> ModuleType:
    name = f"cotfaith_plugins.{key(str(path.resolve()))}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"--plugin {path}: expected a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError, NameError) as error:
        raise InputError(f"--plugin {path}: cannot be imported: {error}.") from error
    return module


def _place(module: ModuleType) -> str:
    return str(module.__file__)
