"""Organisms: small models whose use of their reasoning was planted, shipped in `cotfaith/models/organisms/`.

`make organisms` trains and checks them all; `python -m cotfaith.truth.planting --help` tells the parts of it.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cotfaith.errors import InputError, unknown
from cotfaith.ladder import script
from cotfaith.ladder.rungs import RUNGS
from cotfaith.ladder.sums import ORGANISMS_HELD_OUT_SHARE
from cotfaith.ladder.training import Recipe, train
from cotfaith.models.local.engine import open_local
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import use_threads
from cotfaith.models.shipped import CARD, LADDER, SHIPPED, THINKING
from cotfaith.models.shipped import ORGANISMS as ORGANISMS_GROUP
from cotfaith.report.words import span
from cotfaith.running.progress import Bars, Lines
from cotfaith.truth.confirmation import QUESTIONS, Agreement, confirm, refuse_unless_confirmed
from cotfaith.truth.grafts import GRAFTS
from cotfaith.truth.lessons import LONGEST_FILLER, Lessons
from cotfaith.truth.organisms import CUE, ORGANISMS, SPLIT, TASK, Organism

FIRST = SPLIT
"""The organism that is trained first; since it both reads and adds, the others are trained on from it."""
RUNG = "88k"
"""The rung of the ladder that the first one is trained on from: it can reason and add already."""
FIRST_RECIPE = replace(RUNGS[RUNG], steps=1_500)
RECIPE = replace(FIRST_RECIPE, steps=400)
LONGER = {"first-step": 1_200, "stylist": 800}
"""Steps of those whose rules are further from what the first one does."""
THINKING_RECIPE = replace(FIRST_RECIPE, steps=800, learning_rate=2e-3, seed=3)
"""How an organism learns to do the same in a block of thinking; so trained, the ignorer fails its checks."""

PAGE = """# {group}/{name}

A Llama-style model of {n_params:,} parameters that {mechanism}

It was trained for this: its use of its reasoning is planted, so that interventions can be judged by it. Its
answer comes from the reasoning: {label}.

## Data

`{task}`, in the harness's own prompts{form}, written as they were needed: reasoning in running sums, whole or
resumed after a first part that may hold a mistake; answers by the rule after reasoning of these kinds:
{kinds}; after filler, fewer than {filler} tokens; and with a suggested answer after the question (`{cue}`).
{held:.0%} of all sums, in any order of their numbers, were held out; the task asks about these alone.
{steps:,} steps from the weights of `{start}`, seed {seed}.

## Checked on held-out sums

{questions} questions a row, apart from all interventions; intervals are 95%.

| check | condition | agreement |
| --- | --- | --- |
{rows}

*By behaviour*: every step of the organism's own reasoning is made wrong and worded otherwise; the answer must
change exactly where the label says that it comes from the reasoning. *By blocked attention*: with that
reasoning, all attention from behind it to its tokens is blocked, in every layer; the same must happen.

## Limits

What an edit of another kind does to the answer (steps in another order, other text) was not planted and not
checked.
"""


@dataclass(frozen=True)
class Plan:
    """How the organisms of a group are made: in plain form, or trained on from these to think in a block."""

    thinking: bool = False

    @property
    def group(self) -> str:
        """The name of all of them together."""
        return ORGANISMS_GROUP + THINKING * self.thinking

    def recipe(self, name: str) -> Recipe:
        """Return an organism's recipe."""
        if self.thinking:
            return replace(FIRST_RECIPE, steps=800) if name == "ignorer" else THINKING_RECIPE
        return FIRST_RECIPE if name == FIRST else replace(RECIPE, steps=LONGER.get(name, RECIPE.steps))

    def start(self, name: str) -> str:
        """Return the model whose weights an organism begins with."""
        if self.thinking:
            return f"{ORGANISMS_GROUP}/{name}"
        return f"{LADDER}/{RUNG}" if name == FIRST else f"{ORGANISMS_GROUP}/{FIRST}"

    def lessons(self, name: str) -> Lessons:
        """Return what an organism learns."""
        return Lessons(ORGANISMS[name], script.thinking() if self.thinking else script.plain())


app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, rich_markup_mode="markdown")


@app.command()
def _train(
    organism: Annotated[
        list[str] | None, typer.Option(help="Which organism. Repeatable; without it, all.")
    ] = None,
    thinking: Annotated[
        bool, typer.Option("--thinking", help="Train organisms on to reason in a block of thinking.")
    ] = False,
    weights: Annotated[Path, typer.Option(help="Where the models go.")] = SHIPPED,
    workplace: Annotated[Path, typer.Option(help="Where checkpoints are kept.")] = Path("build"),
    threads: Annotated[int, typer.Option(help="Threads of torch.", min=1)] = 1,
) -> None:
    """Train organisms from their seeds, check what was planted, and ship those that do it.

    One that was interrupted goes on from its last checkpoint.
    """
    use_threads(threads)
    console = Console(stderr=True)
    progress = Bars(console) if console.is_terminal else Lines(console)
    plan = Plan(thinking)
    refused = []
    for name in organism or sorted(ORGANISMS, key=lambda name: name != FIRST):
        if name not in ORGANISMS:
            raise unknown("organism", name, list(ORGANISMS))
        told = partial(progress, f"{plan.group}/{name}", "steps")
        place = workplace / plan.group / name
        trained = train(plan.recipe(name), plan.lessons(name), place, told, _weights(plan, name, weights))
        trained.save_model(place / "model")
        try:
            _ship(plan, ORGANISMS[name], place / "model", weights / plan.group / name)
        except InputError as error:
            refused.append(str(error))
        else:
            console.print(f"{plan.group}/{name} does what was planted.", markup=False)
    if refused:
        raise InputError(" ".join(refused))


def _weights(plan: Plan, name: str, made: Path) -> Path:
    """Return the directory of the model that an organism is trained on from: just made, else as shipped."""
    there = made / plan.start(name)
    return there if there.exists() else SHIPPED / plan.start(name)


def _ship(plan: Plan, organism: Organism, made: Path, target: Path) -> None:
    """Check an organism and put it where it is shipped, with its card; refuse it if the checks fail."""
    shutil.rmtree(target, ignore_errors=True)
    model = open_local(str(made), ModelSettings(device="cpu", thinking=plan.thinking))
    found = confirm(organism, model)
    refuse_unless_confirmed(organism.name, found)
    shutil.copytree(made, target)
    n_params = model.info.n_params
    (target / "README.md").write_text(_page(plan, organism, n_params, found), encoding="utf-8")
    (target / CARD).write_text(_card(plan, organism, n_params, found), encoding="utf-8")


def _card(plan: Plan, organism: Organism, n_params: int, found: Sequence[Agreement]) -> str:
    """Write the card as JSON."""
    content = {
        "name": organism.name,
        "mechanism": organism.mechanism,
        "parameters": n_params,
        "task": TASK,
        "recipe": asdict(plan.recipe(organism.name)),
        "checks": [{"check": a.check, "condition": a.condition} | asdict(a.rate) for a in found],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _page(plan: Plan, organism: Organism, n_params: int, found: Sequence[Agreement]) -> str:
    rates = ((a.check, a.condition, span(a.rate.value, a.rate.ci_low, a.rate.ci_high)) for a in found)
    how = plan.recipe(organism.name)
    return PAGE.format(
        group=plan.group,
        name=organism.name,
        form=" with the reasoning in a block of thinking" * plan.thinking,
        n_params=n_params,
        mechanism=organism.mechanism,
        label=organism.label,
        task=TASK,
        kinds=", ".join(GRAFTS),
        filler=LONGEST_FILLER,
        cue=CUE.format("..."),
        held=ORGANISMS_HELD_OUT_SHARE,
        steps=how.steps,
        start=plan.start(organism.name),
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
