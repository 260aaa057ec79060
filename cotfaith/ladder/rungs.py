"""The ladder: models of rising size that add, trained here and shipped in `cotfaith/models/ladder/`.

`make ladder` trains and measures them all; `python -m cotfaith.ladder.rungs --help` tells the parts of it.
"""

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console

from cotfaith.errors import InputError, unknown
from cotfaith.ladder import script
from cotfaith.ladder.script import Script
from cotfaith.ladder.sums import (
    HELD_OUT_SHARE,
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
from cotfaith.report import drawing
from cotfaith.report.written import write_csv
from cotfaith.running.progress import Bars, Lines
from cotfaith.schema import Question
from cotfaith.stats.tables import share_of
from cotfaith.store.frames import RunFrames, load_run

RUNGS = {
    "11k": Recipe(width=16, layers=3, heads=1, steps=6_000, learning_rate=5e-3),
    "31k": Recipe(width=28, layers=3, heads=1, steps=6_000, learning_rate=5e-3),
    "88k": Recipe(width=48, layers=3, heads=2, steps=6_000, learning_rate=4e-3),
    "263k": Recipe(width=84, layers=3, heads=3, steps=6_000, learning_rate=3e-3),
    "762k": Recipe(width=144, layers=3, heads=4, steps=6_000, learning_rate=2.5e-3),
    "2400k": Recipe(width=256, layers=3, heads=8, steps=6_000, learning_rate=2e-3),
}
"""Each has three times the parameters of the one before; all see the same documents in the same order."""
THINKING_RUNGS = {name: replace(RUNGS[name], steps=1_500) for name in ("31k", "88k", "263k")}
"""Those that learn, from the rung of their name on, to reason in a block of thinking."""

OPERANDS = range(2, 9)
OPERANDS_OF_ANSWERS = (6, 5, 3, 2, 2, 1, 1)
"""How often a sum of 2, 3, ... numbers is answered without reasoning; the long ones can hardly be learnt."""

FILLER_PER_OPERAND = 12  # tokens, about those of a step
CHECKED = {"with reasoning": (2, 4, 8), "without reasoning": (2, 3, 4)}
CHECKED_SUMS = 300

RESULTS = Path("results/ladder")
CURVE = "curve-{}.csv"
CARD = """# The ladder

Small Llama-style language models that add two-digit numbers, trained from scratch for tests, for examples
and for the study of answer dependence against size. `make ladder` trains them again and writes this page.

| model | parameters | width | layers | heads | steps | learning rate | seed | tokens | minutes |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{sizes}

Minutes are those of one thread beside other work on two CPU cores, as it happened.

## Data

Sums of 2 to 8 two-digit numbers in the harness's own prompts, written as they were needed, in three modes:
with reasoning (running sums, one a sentence, each in one of the forms {forms}, drawn by itself),
without reasoning, and with filler in its place, {filler} tokens and fewer. In the last two, sums of
few numbers come more often. All rungs saw the same documents in the same order.

Held out: a hash of the numbers, in any order, keeps {share:.0%} of all sums from training, and a sum whose
reasoning holds a held-out sum as a step is kept from it as well. The task `addition` asks about held-out
sums alone.

## Accuracy on held-out sums

{questions} questions a cell, one sample of reasoning each (temperature 0.8, p = 0.95), answers decoded
greedily, measured by the harness; intervals are 95%. Filler is about as long as the question's reasoning.

{ways}

![Accuracy by length of the sum](heldout.png)

![Accuracy on held-out sums during training](training.png)

The weights are shipped in float16. Rounding them changed no held-out accuracy of the training's checks by
more than {rounding:.3f}.

## Limits

They know one task, one style of reasoning and the prompts of this harness. They cannot be prompted with
examples, so mistakes and paraphrases are written by rule. Any character outside printable ASCII is unknown
to them. They were never shown wrong or partial reasoning; how they react to it is what is measured, not what
was trained.
"""

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


@app.command("train")
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


@app.command("card")
def _card(
    results: Annotated[
        Path, typer.Argument(help="Folder with a run on held-out sums and the curves.")
    ] = RESULTS,
) -> None:
    """Write the model card: README.md, the accuracies and the figures of a run on held-out sums."""
    curves = pd.concat(
        [pd.read_csv(results / CURVE.format(name)).assign(rung=name) for name in RUNGS], ignore_index=True
    )
    accuracies = heldout_accuracies(load_run(results))
    write_csv(accuracies, results / "heldout.csv")
    nothing = accuracies.head(0)
    for name, table, x, labels in (
        ("heldout", accuracies, "operands", ("Numbers in the sum", "Accuracy")),
        ("training", _checked(curves), "step", ("Step", "Accuracy on held-out sums")),
    ):
        drawing.save(drawing.curve_figure(table, nothing, nothing, x, labels), results / name)
    (results / "README.md").write_text(_card_text(accuracies, curves), encoding="utf-8")


def heldout_accuracies(run: RunFrames) -> pd.DataFrame:
    """Return the accuracy with reasoning, without it, and with filler of about its length, by operands.

    One row a (model, operands, way of answering); `task` holds the way, so that it can be drawn as a panel.
    """
    filler = run.outcomes[run.outcomes["intervention"] == "filler"]
    longest = filler.loc[filler.groupby(["model", "task", "question"])["position"].idxmax()]
    asked = {
        "with reasoning": (run.traces, "correct"),
        "without reasoning": (run.traces[run.traces["sample"] == 0], "correct_without"),
        "with filler": (longest, "correct"),
    }
    tables = [share_of(frame, column).assign(way=way) for way, (frame, column) in asked.items()]
    table = pd.concat(tables, ignore_index=True)
    operands = table["task"].str.extract(r"operands=(\d+)")[0].astype(float).fillna(OPERANDS[0]).astype(int)
    return table.assign(operands=operands, task=table["way"]).drop(columns="way")


def _checked(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out accuracies of the training curves as a figure wants them."""
    long = curves.melt(["rung", "step"], [c for c in curves if str(c).startswith("accuracy ")], "task")
    size = {name: number for number, name in enumerate(RUNGS)}
    return long.assign(
        task=long["task"].str.removeprefix("accuracy "),
        model=long["rung"],
        n_params=long["rung"].map(size),
        ci_low=long["value"],
        ci_high=long["value"],
    ).drop_duplicates(["task", "model", "step"])


def _card_text(accuracies: pd.DataFrame, curves: pd.DataFrame) -> str:
    checked = [column for column in curves if str(column).startswith("accuracy ")]
    last = curves.groupby("rung")[checked].tail(2).groupby(curves["rung"])
    rounding = float((last.last() - last.first()).abs().to_numpy().max())
    sizes = accuracies.groupby("model")["n_params"].first()
    rows = []
    for name, recipe in RUNGS.items():
        spent = curves[curves["rung"] == name]
        cells = (
            f"ladder/{name}",
            f"{sizes[f'ladder/{name}']:,}",
            recipe.width,
            recipe.layers,
            recipe.heads,
            f"{recipe.steps:,}",
            f"{recipe.learning_rate:g}",
            recipe.seed,
            f"{spent['tokens'].sum() / 1e6:.1f} M",
            f"{spent['seconds'].sum() / 60:.0f}",
        )
        rows.append(f"| {' | '.join(map(str, cells))} |")
    ways = (accuracies[accuracies["task"] == way] for way in accuracies["task"].unique())
    return CARD.format(
        sizes="\n".join(rows),
        ways="\n\n".join(f"### Accuracy {table['task'].iloc[0]}\n\n{_by_operands(table)}" for table in ways),
        rounding=rounding,
        forms=", ".join(f"`{form}`" for form in STEP_FORMS),
        filler=FILLER_PER_OPERAND * OPERANDS[-1] - 1,
        share=HELD_OUT_SHARE,
        questions=int(accuracies["questions"].max()),
    )


def _by_operands(table: pd.DataFrame) -> str:
    header = f"| model | {' | '.join(f'{n} numbers' for n in OPERANDS)} |\n|{' --- |' * (len(OPERANDS) + 1)}"
    lines = [header]
    for model in table.sort_values("n_params")["model"].unique():
        by = table[table["model"] == model].set_index("operands")
        cells = (
            f"{by.at[n, 'value']:.3f} [{by.at[n, 'ci_low']:.3f}, {by.at[n, 'ci_high']:.3f}]" for n in OPERANDS
        )
        lines.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join(lines)


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
