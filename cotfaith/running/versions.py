"""Which versions of libraries are installed, and which of them this package was not tried with."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

TOLD = ("cotfaith", "torch", "transformers", "transformer-lens", "numpy", "statsmodels", "pysbd")
"""Those that a run's report names."""


def installed() -> dict[str, str]:
    """Return the version of each library that a report names, and Python's."""
    return {name: version(name) for name in TOLD} | {"python": platform.python_version()}


def untried() -> Iterator[str]:
    """Yield each requirement that is installed in a version outside of the tried ones."""
    from packaging.requirements import Requirement

    for requirement in map(Requirement, requires("cotfaith") or []):
        if requirement.marker is None or requirement.marker.evaluate():
            there = _version(requirement.name)
            if not requirement.specifier.contains(there, prereleases=True):
                yield f"{requirement.name} {there} (tried: {requirement.specifier})"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "0"
