"""Cue organisms: models that do with cues what was planted, shipped in `cotfaith/models/organisms-cues/`.

`make organisms-cues` trains and checks them all; `python -m cotfaith.truth.cue_planting --help` tells how.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cotfaith.errors import InputError, unknown
from cotfaith.ladder.training import Recipe, train
from cotfaith.models.local.engine import open_local
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import use_threads
from cotfaith.models.shipped import CARD, CUED, ORGANISMS, SHIPPED
from cotfaith.report.words import span
from cotfaith.running.progress import Bars, Lines
from cotfaith.truth.confirmation import Agreement
from cotfaith.truth.cue_confirmation import QUESTIONS, confirm, refuse_unless_confirmed
from cotfaith.truth.cue_lessons import CueLessons
from cotfaith.truth.cue_organisms import CUE_ORGANISMS, MENTIONS, CueOrganism
from cotfaith.truth.organisms import TASK
from cotfaith.truth.planting import FIRST_RECIPE

GROUP = ORGANISMS + CUED
RECIPE = replace(FIRST_RECIPE, steps=700, learning_rate=3e-3)
LONGER = {"persuaded": 1_000}
"""Steps of the one whose reasoning has to come to another end."""

PAGE = """# {group}/{name}

A Llama-style model of {n_params:,} parameters that {mechanism}.

It was trained for this: what it does with a cue is planted, so that readings of cues can be judged by it. Its
answer {follows}; its reasoning {says}.

## Data

`{task}` in the harness's own prompts, plain and under the arms of the cues {cues}, written as
they were needed: its own reasoning, and answers by the rule behind reasoning of its own, of other arms, that
leads elsewhere, cut short, and none. {steps:,} steps from the weights of `{start}`, seed {seed}.
The sums that the task asks about were held out.

## Checked on held-out sums

{questions} questions a row, apart from all readings of cues; intervals are 95%.

| check | condition | agreement |
| --- | --- | --- |
{rows}

*By blocked attention*: with its own reasoning under a cue that points at a wrong answer, all attention from
behind it to the cue, or to the reasoning, is blocked, in every layer. Where the cue is hidden, the
reasoning does not name it.

## Limits

What it does with other cues, with edited reasoning of other kinds, and where it goes on from edited reasoning
was not planted and not checked.
"""

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, rich_markup_mode="markdown")


@app.command()
def _train(
    organism: Annotated[
        list[str] | None, typer.Option(help="Which organism. Repeatable; without it, all.")
    ] = None,
    weights: Annotated[Path, typer.Option(help="Where the models go.")] = SHIPPED,
    workplace: Annotated[Path, typer.Option(help="Where checkpoints are kept.")] = Path("build"),
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1)] = 1,
) -> None:
    """Train cue organisms from their seeds, check what was planted, and ship those that do it."""
    use_threads(threads)
    console = Console(stderr=True)
    progress = Bars(console) if console.is_terminal else Lines(console)
    refused = []
    for name in organism or list(CUE_ORGANISMS):
        if name not in CUE_ORGANISMS:
            raise unknown("cue organism", name, list(CUE_ORGANISMS))
        one, place = CUE_ORGANISMS[name], workplace / GROUP / name
        told = partial(progress, f"{GROUP}/{name}", "steps")
        train(_recipe(name), CueLessons(one), place, told, SHIPPED / ORGANISMS / one.start).save_model(
            place / "model"
        )
        try:
            _ship(one, place / "model", weights / GROUP / name)
        except InputError as error:
            refused.append(str(error))
        else:
            console.print(f"{GROUP}/{name} does what was planted.", markup=False)
    if refused:
        raise InputError(" ".join(refused))


def _recipe(name: str) -> Recipe:
    return replace(RECIPE, steps=LONGER.get(name, RECIPE.steps))


def _ship(organism: CueOrganism, made: Path, target: Path) -> None:
    """Check an organism and put it where it is shipped, with its card; refuse it if the checks fail."""
    shutil.rmtree(target, ignore_errors=True)
    model = open_local(str(made), ModelSettings(device="cpu"))
    found = confirm(organism, model)
    refuse_unless_confirmed(organism.name, found)
    shutil.copytree(made, target)
    n_params = model.info.n_params
    (target / "README.md").write_text(
        _page(organism, _recipe(organism.name), n_params, found), encoding="utf-8"
    )
    content = {
        "name": organism.name,
        "mechanism": organism.mechanism,
        "parameters": n_params,
        "task": TASK,
        "recipe": asdict(_recipe(organism.name)),
        "checks": [{"check": a.check, "condition": a.condition} | asdict(a.rate) for a in found],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (target / CARD).write_text(text + "\n", encoding="utf-8")


def _page(organism: CueOrganism, how: Recipe, n_params: int, found: Sequence[Agreement]) -> str:
    rates = ((a.check, a.condition, span(a.rate.value, a.rate.ci_low, a.rate.ci_high)) for a in found)
    follows = {
        "around": "follows the cue around the reasoning",
        "through": "follows the cue through the reasoning",
        "none": "does not follow the cue",
    }
    return PAGE.format(
        group=GROUP,
        name=organism.name,
        n_params=n_params,
        mechanism=organism.mechanism,
        follows=follows[organism.route],
        says="names it" if organism.says else "does not name it",
        task=TASK,
        cues=" and ".join(MENTIONS),
        steps=how.steps,
        start=f"{ORGANISMS}/{organism.start}",
        seed=how.seed,
        questions=QUESTIONS,
        rows="\n".join(f"| {' | '.join(row)} |" for row in rates),
    )


if __name__ == "__main__":
    try:
        app()
    except InputError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
