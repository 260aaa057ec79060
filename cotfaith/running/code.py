"""Which code decides what a run holds: what asks and reads, the plug-ins, and all that they import."""

import ast
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path

ROOTS = ("cotfaith.running.interview", "cotfaith.models.opening", "cotfaith.plugins.questions")
"""What every answer goes through, whatever the task and the intervention."""
LIBRARIES = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def deciding(plugins: Iterable[str]) -> dict[str, str]:
    """Return the source of every module that decides a run, by its name; plug-ins are named."""
    found: dict[str, str] = {}
    waiting = [*ROOTS, *plugins]
    own = {name.partition(".")[0] for name in waiting}
    while waiting:
        name = waiting.pop()
        package = name.partition(".")[0]
        if name in found or not (package in own or _is_ours(package)):
            continue
        source = source_of(name)
        if source is not None:
            found[name] = source
            waiting += imported(name, source)
    return dict(sorted(found.items()))


def imported(module: str, source: str) -> Iterator[str]:
    """Yield what a module imports, wherever in it, and what may be a module or a name in one.

    What is imported from `cotfaith` itself is named by the module in which it stands.
    """
    package = module if _is_package(module) else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
            )
            names = [alias.name for alias in node.names]
            if base == "cotfaith":
                yield from (place for name, place in _public() if name in names)
            elif base is not None:
                yield base
            yield from (f"{base}.{name}" for name in names)


@cache
def source_of(module: str) -> str | None:
    """Return a module's source, or None where it has none or is no module.

    It is read once, since a file that is edited while a run goes on does not change what the run does.
    """
    path = _path(module)
    return path.read_text(encoding="utf-8") if path is not None else None


@cache
def _path(module: str) -> Path | None:
    loaded = sys.modules.get(module)
    package = module.rpartition(".")[0]
    if loaded is not None:
        origin = getattr(loaded, "__file__", None)
    elif package and not _is_package(package):  # a name in a module; looking for it would import that
        return None
    else:
        try:
            spec = find_spec(module)
        except (ImportError, AttributeError, ValueError):  # what a package makes of its own names
            return None
        origin = spec.origin if spec else None
    return Path(origin) if origin and origin.endswith(".py") and Path(origin).is_file() else None


@cache
def _is_ours(package: str) -> bool:
    """Tell whether a package is written in Python and no library; looking deeper would import it.

    Libraries stand in the folders of this Python, or in another one into which pip has installed.
    """
    path = _path(package)
    if path is None or any(path.is_relative_to(library) for library in LIBRARIES):
        return False
    folder = path.parent.parent if path.name == "__init__.py" else path.parent
    return not any(folder.glob("*.dist-info"))


def _is_package(module: str) -> bool:
    path = _path(module)
    return path is not None and path.name == "__init__.py"


@cache
def _public() -> list[tuple[str, str]]:
    """Return the names that `cotfaith` gives to plug-ins, each with where it comes from."""
    tree = ast.parse(source_of("cotfaith") or "")
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return [
        (alias.name, place)
        for node in froms
        for alias in node.names
        for place in (node.module or "", f"{node.module}.{alias.name}")
    ]
