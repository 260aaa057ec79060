"""The ladder: models of rising size that add, trained here and shipped in `cotfaith/models/ladder/`.

`make ladder` trains and measures them all; `python -m cotfaith.ladder --help` says how to do parts of it.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from cotfaith.errors import unknown
from cotfaith.models import LADDER, SHIPPED
from cotfaith.models.tokenizer import FILLER
from cotfaith.models.training import Document, Recipe, train
from cotfaith.progress import Bars, Lines
from cotfaith.prompts import COT_PREFIX, SHORT_ANSWER_PREFIX, answer_dialogue, plain_text
from cotfaith.schema import Question
from cotfaith.sums import STEP_FORMS, TRAINED_NUMBERS, held_out, question_text, running_sums, trained_on

RUNGS = {
    "11k": Recipe(width=16, layers=3, heads=1, steps=6_000, learning_rate=5e-3),
    "31k": Recipe(width=28, layers=3, heads=1, steps=6_000, learning_rate=5e-3),
    "88k": Recipe(width=48, layers=3, heads=2, steps=6_000, learning_rate=4e-3),
    "263k": Recipe(width=84, layers=3, heads=3, steps=6_000, learning_rate=3e-3),
    "762k": Recipe(width=144, layers=3, heads=4, steps=6_000, learning_rate=2.5e-3),
    "2400k": Recipe(width=256, layers=3, heads=8, steps=6_000, learning_rate=2e-3),
}
"""Each has three times the parameters of the one before; all see the same documents in the same order."""

OPERANDS = range(2, 9)
OPERANDS_OF_ANSWERS = (6, 5, 3, 2, 2, 1, 1)
"""How often a sum of 2, 3, ... numbers is answered without reasoning; the long ones can hardly be learnt."""

FILLER_PER_OPERAND = 12  # tokens, about those of a step
CHECKED = {"with reasoning": (2, 4, 8), "without reasoning": (2, 3, 4)}
CHECKED_SUMS = 300

Numbers = tuple[int, ...]

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, rich_markup_mode="markdown")


class Sums:
    """Sums in the harness's own prompts: with reasoning, without, and with filler in its place.

    Reasoning is learnt as it is written, one running sum a sentence, the surface form of each drawn by itself.
    Without reasoning and with filler only the answer is learnt.
    """

    def batches(self, rng: random.Random) -> Mapping[str, Sequence[Document]]:
        """Write about 1,600 tokens: a batch a mode, each of sums of one length."""
        reasoned = rng.choice(OPERANDS)
        direct, filled = rng.choices(OPERANDS, OPERANDS_OF_ANSWERS, k=2)
        filler = rng.randrange(FILLER_PER_OPERAND * filled)
        return {
            "with reasoning": [_reasoned(_draw(rng, reasoned, trained_on), rng) for _ in range(120 // (reasoned + 1))],
            "without reasoning": [_answered(_draw(rng, direct, trained_on)) for _ in range(16)],
            "with filler": [
                _answered(_draw(rng, filled, trained_on), FILLER * filler) for _ in range(160 // (20 + filler) + 1)
            ],
        }

    def checks(self) -> Mapping[str, Sequence[Document]]:
        """Return held-out sums with and without reasoning."""
        rng = random.Random("checks")
        return {
            f"{mode}, {n} numbers": [
                _reasoned(numbers, rng) if mode == "with reasoning" else _answered(numbers)
                for numbers in (_draw(rng, n, held_out) for _ in range(CHECKED_SUMS))
            ]
            for mode, lengths in CHECKED.items()
            for n in lengths
        }


@app.callback()
def _commands() -> None:
    """Keep the command's name also where there is one alone."""


@app.command("train")
def _train(
    rung: Annotated[list[str] | None, typer.Option(help="Which rung. Repeatable; without it, all.")] = None,
    weights: Annotated[Path, typer.Option(help="Where the models go.")] = SHIPPED / LADDER,
    curves: Annotated[Path, typer.Option(help="Where the training curves go.")] = Path("results/ladder"),
    workplace: Annotated[Path, typer.Option(help="Where checkpoints are kept.")] = Path("build/ladder"),
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1)] = 2,
) -> None:
    """Train rungs from their seeds; one that was interrupted goes on from its last checkpoint."""
    torch.set_num_threads(threads)
    console = Console(stderr=True)
    progress = Bars(console) if console.is_terminal else Lines(console)
    curves.mkdir(parents=True, exist_ok=True)
    for name in rung or RUNGS:
        if name not in RUNGS:
            raise unknown("rung", name, list(RUNGS))
        with progress(f"ladder/{name}", "steps", RUNGS[name].steps) as advance:
            trained = train(RUNGS[name], Sums(), workplace / name, advance)
        trained.save_curve(curves / f"curve-{name}.csv")
        trained.save_model(weights / name, torch.float16)


def _draw(rng: random.Random, n: int, wanted: Callable[[Numbers], bool]) -> Numbers:
    """Draw numbers until they are wanted."""
    while True:
        numbers = tuple(rng.choices(TRAINED_NUMBERS, k=n))
        if wanted(numbers):
            return numbers


def _reasoned(numbers: Numbers, rng: random.Random) -> Document:
    steps = [
        " " + rng.choice(STEP_FORMS).format(a=before, b=number, c=after)
        for before, number, after in running_sums(numbers)
    ]
    return Document(_written(numbers, "".join(steps)), given=COT_PREFIX)


def _answered(numbers: Numbers, filler: str = "") -> Document:
    return Document(_written(numbers, filler), given=SHORT_ANSWER_PREFIX)


def _written(numbers: Numbers, reasoning: str) -> str:
    question = Question("addition", "", question_text(numbers))
    return f"{plain_text(answer_dialogue(question, reasoning, SHORT_ANSWER_PREFIX))} {sum(numbers)}"


if __name__ == "__main__":
    app()
