"""The ladder: models of rising size that add, trained here and shipped in `cotfaith/models/ladder/`.

`make ladder` trains and measures them all: `python -m cotfaith.ladder.rungs --help` tells how they are
trained, and `cotfaith.ladder.card` writes their page.
"""

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cotfaith.errors import InputError, unknown
from cotfaith.ladder import script
from cotfaith.ladder.script import Script
from cotfaith.ladder.sums import (
    STEP_FORMS,
    TRAINED_NUMBERS,
    held_out,
    question_text,
    running_sums,
    trained_on,
)
from cotfaith.ladder.tokenizer import FILLER
from cotfaith.ladder.training import Document, Recipe, train
from cotfaith.models.opening import use_threads
from cotfaith.models.shipped import LADDER, SHIPPED, THINKING
from cotfaith.running.progress import Bars, Lines
from cotfaith.schema import Question

RUNGS = {
    "11k": Recipe(width=16, layers=3, heads=1, steps=6_000, learning_rate=5e-3),
    "31k": Recipe(width=28, layers=3, heads=1, steps=6_000, learning_rate=5e-3),
    "88k": Recipe(width=48, layers=3, heads=2, steps=6_000, learning_rate=4e-3),
    "263k": Recipe(width=84, layers=3, heads=3, steps=6_000, learning_rate=3e-3),
    "762k": Recipe(width=144, layers=3, heads=4, steps=6_000, learning_rate=2.5e-3),
    "2400k": Recipe(width=256, layers=3, heads=8, steps=6_000, learning_rate=2e-3),
}
"""Each has three times the parameters of the one before; all see the same documents in the same order."""
THINKING_RUNGS = {name: replace(RUNGS[name], steps=4_000) for name in ("31k", "88k", "263k")}
"""Those that learn, from the rung of their name on, to reason in a block of thinking."""

OPERANDS = range(2, 9)
OPERANDS_OF_ANSWERS = (6, 5, 3, 2, 2, 1, 1)
"""How often a sum of 2, 3, ... numbers is answered without reasoning; the long ones can hardly be learnt."""

FILLER_PER_OPERAND = 12  # tokens, about those of a step
CHECKED = {"with reasoning": (2, 4, 8), "without reasoning": (2, 3, 4)}
CHECKED_SUMS = 300

RESULTS = Path("results/ladder")
CURVE = "curve-{}.csv"
Numbers = tuple[int, ...]

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, rich_markup_mode="markdown")


@dataclass(frozen=True)
class Sums:
    """Sums in the harness's own prompts: with reasoning, without, and with filler in its place.

    Reasoning is learnt as it is written, one running sum a sentence, each in a form of its own. Without
    reasoning and with filler only the answer is learnt.
    """

    script: Script = field(default_factory=script.plain)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the documents."""
        return self.script.tokenizer

    def batches(self, rng: random.Random) -> Mapping[str, Sequence[Document]]:
        """Write about 1,600 tokens: a batch a mode, each of sums of one length."""
        reasoned = rng.choice(OPERANDS)
        direct, filled = rng.choices(OPERANDS, OPERANDS_OF_ANSWERS, k=2)
        filler = rng.randrange(FILLER_PER_OPERAND * filled)
        return {
            "with reasoning": [
                self._reasoned(_draw(rng, reasoned, trained_on), rng) for _ in range(120 // (reasoned + 1))
            ],
            "without reasoning": [self._answered(_draw(rng, direct, trained_on)) for _ in range(16)],
            "with filler": [
                self._answered(_draw(rng, filled, trained_on), FILLER * filler)
                for _ in range(160 // (20 + filler) + 1)
            ],
        }

    def checks(self) -> Mapping[str, Sequence[Document]]:
        """Return held-out sums with and without reasoning."""
        rng = random.Random("checks")
        return {
            f"{mode}, {n} numbers": [
                self._reasoned(numbers, rng) if mode == "with reasoning" else self._answered(numbers)
                for numbers in (_draw(rng, n, held_out) for _ in range(CHECKED_SUMS))
            ]
            for mode, lengths in CHECKED.items()
            for n in lengths
        }

    def _reasoned(self, numbers: Numbers, rng: random.Random) -> Document:
        steps = [
            " " + rng.choice(STEP_FORMS).format(a=before, b=number, c=after)
            for before, number, after in running_sums(numbers)
        ]
        return self.script.reasoned(_question(numbers), "", "".join(steps), sum(numbers))

    def _answered(self, numbers: Numbers, filler: str = "") -> Document:
        return self.script.answered(_question(numbers), filler, sum(numbers))


@app.command()
def _train(
    rung: Annotated[list[str] | None, typer.Option(help="Which rung. Repeatable; without it, all.")] = None,
    thinking: Annotated[
        bool, typer.Option("--thinking", help="Train rungs on to reason in a block of thinking.")
    ] = False,
    weights: Annotated[Path, typer.Option(help="Where the models go.")] = SHIPPED,
    results: Annotated[Path, typer.Option(help="Where the training curves go.")] = RESULTS,
    workplace: Annotated[Path, typer.Option(help="Where checkpoints are kept.")] = Path("build"),
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1)] = 2,
) -> None:
    """Train rungs from their seeds; one that was interrupted goes on from its last checkpoint."""
    use_threads(threads)
    group, recipes = (LADDER + THINKING, THINKING_RUNGS) if thinking else (LADDER, RUNGS)
    lessons = Sums(script.thinking() if thinking else script.plain())
    console = Console(stderr=True)
    progress = Bars(console) if console.is_terminal else Lines(console)
    results.mkdir(parents=True, exist_ok=True)
    for name in rung or recipes:
        if name not in recipes:
            raise unknown("rung", name, list(recipes))
        told = partial(progress, f"{group}/{name}", "steps")
        start = SHIPPED / LADDER / name if thinking else None
        trained = train(recipes[name], lessons, workplace / group / name, told, start)
        trained.save_model(weights / group / name)
        trained.check()
        if not thinking:
            trained.save_curve(results / CURVE.format(name))


def _draw(rng: random.Random, n: int, wanted: Callable[[Numbers], bool]) -> Numbers:
    """Draw numbers until they are wanted."""
    while True:
        numbers = tuple(rng.choices(TRAINED_NUMBERS, k=n))
        if wanted(numbers):
            return numbers


def _question(numbers: Numbers) -> Question:
    return Question("addition", "", question_text(numbers))


if __name__ == "__main__":
    try:
        app()
    except InputError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
