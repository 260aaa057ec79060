"""Organisms: small models whose use of their reasoning was planted, shipped in `cotfaith/models/organisms/`.

`make organisms` trains and checks them all; `python -m cotfaith.organisms --help` says how to do parts of it.
"""

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cotfaith.errors import InputError, unknown
from cotfaith.grafts import GRAFTS, begun, begun_wrong, draw, go_on, intact, wrong
from cotfaith.models import ORGANISMS as GROUP
from cotfaith.models import SHIPPED, use_threads
from cotfaith.models.tokenizer import FILLER
from cotfaith.models.training import Document, Recipe, train
from cotfaith.planted import ORGANISMS, SPLIT, Organism, Shown
from cotfaith.progress import Bars, Lines
from cotfaith.prompts import COT_PREFIX, SHORT_ANSWER_PREFIX, answer_dialogue, plain_text
from cotfaith.sums import STEP_FORMS

FIRST = SPLIT
"""Trained from nothing; since it both reads and adds, the others are trained on from it."""
FROM_NOTHING = Recipe(width=48, layers=3, heads=4, steps=3_000, learning_rate=5e-3)
TRAINED_ON = replace(FROM_NOTHING, steps=1_000, learning_rate=3e-3)
ALL_FORMS = tuple(range(len(STEP_FORMS)))
LONGEST_FILLER = 40  # tokens, beyond the longest reasoning
CHECKED_SUMS = 200


@dataclass(frozen=True)
class Lessons:
    """What an organism learns: to reason as all of them do, and to answer by its rule.

    Answers are learnt after reasoning of every kind of graft, without reasoning, with filler in its place,
    and with a suggested answer in the question, which only the flatterer takes up.
    """

    organism: Organism

    def batches(self, rng: random.Random) -> Mapping[str, Sequence[Document]]:
        """Write about 3,000 tokens in batches of similar length."""
        kinds = list(GRAFTS)
        return {
            "reasoning": [rng.choice((self._reasoned, self._resumed))(rng) for _ in range(12)],
            "answers": [
                *(self._answered(rng, rng.choice(kinds)) for _ in range(40)),
                *(self._filled(rng) for _ in range(6)),
            ],
            "answers to a suggestion": [self._answered(rng, rng.choice(kinds), cued=True) for _ in range(8)],
        }

    def checks(self) -> Mapping[str, Sequence[Document]]:
        """Return held-out questions with every kind of graft, and with a suggestion."""
        rng = random.Random("checks")
        by_kind = {
            kind: [self._answered(rng, kind, held=True) for _ in range(CHECKED_SUMS)] for kind in GRAFTS
        }
        cued = [self._answered(rng, rng.choice(list(GRAFTS)), True, True) for _ in range(CHECKED_SUMS)]
        return by_kind | {"a suggestion": cued}

    def _reasoned(self, rng: random.Random) -> Document:
        shown = self._shown(rng, "no reasoning", cued=rng.random() < 0.2)
        steps = intact(shown.numbers, self.organism.forms, rng)
        return Document(self._written(Shown(shown.numbers, steps, shown.cue)), given=COT_PREFIX)

    def _resumed(self, rng: random.Random) -> Document:
        numbers = draw(rng, held=False)
        shown = rng.choice([begun, begun_wrong])(numbers, ALL_FORMS, rng)
        steps = go_on(shown, numbers, self.organism.forms, rng)
        given = COT_PREFIX + "".join(step.text for step in shown)
        return Document(self._written(Shown(numbers, steps)), given)

    def _answered(self, rng: random.Random, kind: str, cued: bool = False, held: bool = False) -> Document:
        return Document(self._written(self._shown(rng, kind, cued, held)), given=SHORT_ANSWER_PREFIX)

    def _filled(self, rng: random.Random) -> Document:
        shown = self._shown(rng, "no reasoning")
        filler = FILLER * rng.randrange(LONGEST_FILLER)
        return Document(self._written(shown, filler), given=SHORT_ANSWER_PREFIX)

    def _shown(self, rng: random.Random, kind: str, cued: bool = False, held: bool = False) -> Shown:
        numbers = draw(rng, held=held)
        steps = GRAFTS[kind](numbers, ALL_FORMS, rng)
        return Shown(numbers, steps, wrong(sum(numbers), rng) if cued else None)

    def _written(self, shown: Shown, filler: str = "") -> str:
        dialogue = answer_dialogue(shown.question, shown.reasoning or filler, SHORT_ANSWER_PREFIX)
        return f"{plain_text(dialogue)} {self.organism.answer(shown)}"


def recipe(name: str) -> Recipe:
    """Return an organism's recipe."""
    return FROM_NOTHING if name == FIRST else TRAINED_ON


app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, rich_markup_mode="markdown")


@app.command("train")
def _train(
    organism: Annotated[
        list[str] | None, typer.Option(help="Which organism. Repeatable; without it, all.")
    ] = None,
    weights: Annotated[Path, typer.Option(help="Where the models go.")] = SHIPPED / GROUP,
    workplace: Annotated[Path, typer.Option(help="Where checkpoints are kept.")] = Path("build/organisms"),
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1)] = 1,
) -> None:
    """Train organisms from their seeds; one that was interrupted goes on from its last checkpoint."""
    use_threads(threads)
    console = Console(stderr=True)
    progress = Bars(console) if console.is_terminal else Lines(console)
    for name in organism or sorted(ORGANISMS, key=lambda name: name != FIRST):
        if name not in ORGANISMS:
            raise unknown("organism", name, list(ORGANISMS))
        start = None if name == FIRST else weights / FIRST
        told = partial(progress, f"{GROUP}/{name}", "steps")
        trained = train(recipe(name), Lessons(ORGANISMS[name]), workplace / name, told, start)
        (weights / name).mkdir(parents=True, exist_ok=True)
        trained.save_model(weights / name)
        trained.check()
        trained.save_curve(workplace / name / "curve.csv")


if __name__ == "__main__":
    try:
        app()
    except InputError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
