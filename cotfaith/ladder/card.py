"""The model card of the ladder, from a run on held-out sums and the curves of the training."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from cotfaith.ladder.rungs import CURVE, FILLER_PER_OPERAND, OPERANDS, RESULTS, RUNGS
from cotfaith.ladder.sums import HELD_OUT_SHARE, STEP_FORMS
from cotfaith.report import drawing
from cotfaith.report.written import write_csv
from cotfaith.stats.tables import share_of
from cotfaith.store.frames import RunFrames, load_run

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


def write(
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


if __name__ == "__main__":
    typer.run(write)
