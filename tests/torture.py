"""Kill a run at random moments, again and again, and compare it in the end with a run that was left alone.

`python -m tests.torture --kills 30`, or `make torture`.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.rows import rows, sound, unequal

MEASURING = 4.0
"""Seconds, at most, from a run's first sign of measuring to its end."""
STARTING = 6.0
"""Seconds, at most, from the start of those that may be killed before they measure."""
EARLY = 0.2
"""The share of those."""


@dataclass(frozen=True)
class Kill:
    """What a kill found and left."""

    after: float
    """Seconds from the process's start."""
    stage: str
    """The last line that it had printed."""
    rows: int
    sound: bool


def study(folder: Path, *more: str, questions: int = 60) -> list[str]:
    """Return the command that is killed: five interventions on a small rung."""
    asked = ("--task", "addition:operands=4", "--questions", str(questions), "--samples", "3")
    start = [sys.executable, "-m", "cotfaith", "run", "--model", "ladder/11k", *asked]
    return [*start, "--max-new-tokens", "64", "--quiet", "--out", str(folder), *more]


def killed(command: list[str], folder: Path, rng: random.Random) -> Kill | None:
    """Run the command and kill it at a random moment; None if it had ended before."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    said: list[str] = []
    measures = threading.Event()

    def listen() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line.strip())
            measures.set()
        measures.set()

    listener = threading.Thread(target=listen)
    listener.start()
    if rng.random() < EARLY:
        time.sleep(rng.uniform(0, STARTING))
    else:
        measures.wait()
        time.sleep(rng.uniform(0, MEASURING))
    process.send_signal(signal.SIGKILL)
    status = process.wait()
    listener.join()
    if status == 0:
        return None
    assert status == -signal.SIGKILL, said
    there = (folder / "run.sqlite").exists()
    count = len(rows(folder)) if there and sound(folder) else 0
    return Kill(time.monotonic() - begun, said[-1] if said else "starting", count, not there or sound(folder))


def torture(root: Path, kills: int, seed: int, *more: str, questions: int = 60) -> Iterator[Kill | Path]:
    """Yield every kill, and the folder of every run that came to its end: the last one after the last kill."""
    rng = random.Random(seed)
    done = runs = 0
    while done < kills:
        runs += 1
        folder = root / f"run{runs}"
        command = study(folder, *more, questions=questions)
        while done < kills and (kill := killed(command, folder, rng)) is not None:
            done += 1
            yield kill
            if kill.stage.startswith(str(folder)):
                break  # all was measured; a new run begins
        subprocess.run(command, check=True, capture_output=True)
        yield folder


def main() -> None:
    """Print every kill and how the runs compare; exit with 1 if any row differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    console = Console(width=150)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        subprocess.run(study(root / "whole"), check=True, capture_output=True)
        reference = rows(root / "whole")
        table = Table("kill", "after", "while", "rows there", "integrity")
        found, number = [], 0
        for event in torture(root, wanted.kills, wanted.seed):
            if isinstance(event, Kill):
                number += 1
                soundness = "ok" if event.sound else "BROKEN"
                cells = (str(number), f"{event.after:.1f} s", event.stage, f"{event.rows:,}", soundness)
                table.add_row(*cells)
                found.append(event.sound)
            else:
                differing = {kind: len(keys) for kind, keys in unequal(rows(event), reference).items()}
                found.append(not any(differing.values()) and sound(event))
                told = ", ".join(f"{n} {kind}" for kind, n in differing.items())
                table.add_row(
                    "end",
                    "",
                    f"{event.name} against the run left alone: {told}",
                    f"{len(rows(event)):,}",
                    "ok",
                )
        console.print(table)
        console.print(f"{number} kills; the run left alone has {len(reference):,} rows.")
        sys.exit(0 if all(found) else 1)


if __name__ == "__main__":
    main()
