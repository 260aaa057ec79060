"""The suite with the newest and the oldest libraries that pyproject.toml allows, each in an environment of its own.

`python -m tests.versions`, or `make test-versions`; the table that it prints stands in CONTRIBUTING.md. It
needs nothing but the standard library, and network for the installations.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "build" / "versions"
SHOWN = ("torch", "transformers", "transformer-lens", "numpy", "pandas", "statsmodels")
HEAD = ("Python", "libraries", *SHOWN, "a wheel's study", "tests")
STUDY = ("--model", "ladder/11k", "--task", "addition:operands=2", "--questions", "4", "--samples", "2")


@dataclass(frozen=True)
class Trial:
    """An interpreter, and which end of the bounds it is tried with."""

    python: str
    oldest: bool

    @property
    def name(self) -> str:
        """What its environment is called."""
        return f"{Path(self.python).name}-{'oldest' if self.oldest else 'newest'}"

    @property
    def pip(self) -> list[str]:
        """The installer of its environment."""
        return [str(ENVIRONMENTS / self.name / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]


def lowest() -> list[str]:
    """Return each requirement at its lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = (re.fullmatch(r"([\w-]+)>=([\d.]+).*", line) for line in project["dependencies"])
    return [f"{bound[1]}=={bound[2]}" for bound in bounds if bound]


def install(trial: Trial) -> None:
    """Make the environment anew, with the package as a wheel and without the constraints file."""
    folder = ENVIRONMENTS / trial.name
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([trial.python, "-m", "venv", str(folder)], check=True)
    subprocess.run([*trial.pip, "install", "--quiet", "--upgrade", "pip"], check=True)
    bounds = folder / "bounds.txt"
    bounds.write_text("\n".join(lowest() if trial.oldest else []), encoding="utf-8")
    subprocess.run([*trial.pip, "install", "--quiet", "-c", str(bounds), f"{ROOT}[dev]"], check=True)


def versions(trial: Trial) -> dict[str, str]:
    """Return what is installed, by name."""
    listed = subprocess.run([*trial.pip, "freeze"], check=True, capture_output=True, text=True).stdout
    pairs = (line.partition("==") for line in listed.splitlines())
    return {name.lower().replace("_", "-"): version for name, _, version in pairs if version}


def study_runs(trial: Trial) -> bool:
    """Tell whether the installed command measures a small study, away from the checkout."""
    command = [str(ENVIRONMENTS / trial.name / "bin" / "cotfaith"), "run", *STUDY, "--out", "run"]
    with tempfile.TemporaryDirectory() as elsewhere:
        return subprocess.run(command, cwd=elsewhere, capture_output=True, check=False).returncode == 0


def tested(trial: Trial) -> str:
    """Run the suite and return its last line."""
    python = str(ENVIRONMENTS / trial.name / "bin" / "python")
    command = [python, "-m", "pytest", "-p", "no:cacheprovider"]
    if trial.oldest:  # old libraries use what newer ones that they depend on call deprecated
        command += ["-W", "ignore::DeprecationWarning"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    (ENVIRONMENTS / f"{trial.name}.log").write_text(said, encoding="utf-8")
    return said.strip().splitlines()[-1].strip("= ") if said.strip() else "pytest did not start"


def main() -> int:
    """Try each interpreter with both ends of the bounds; 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="+", help="interpreters, e.g. python3.11")
    parser.add_argument("--only", choices=("newest", "oldest"))
    asked = parser.parse_args()
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    failed = False
    for python in asked.pythons:
        for oldest in (False, True):
            if asked.only == ("newest" if oldest else "oldest"):
                continue
            trial = Trial(python, oldest)
            install(trial)
            there, runs, line = versions(trial), study_runs(trial), tested(trial)
            failed |= not runs or " failed" in line or " error" in line or " passed" not in line
            number = subprocess.run(
                [python, "-c", "import platform; print(platform.python_version())"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.strip()
            cells = (number, "oldest" if oldest else "newest", *(there.get(n, "none") for n in SHOWN))
            print(f"| {' | '.join((*cells, 'runs' if runs else 'fails', line))} |", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
