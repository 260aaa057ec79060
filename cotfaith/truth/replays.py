"""Published numbers, from published raw outputs, by the functions that read our own runs.

`python -m cotfaith.truth.replays --judges FOLDER --branches FILE` prints them. FOLDER holds the verdicts of
two judges on the same transcripts (`judge_tier*.jsonl` and `judge_model3opus_std_tier*.jsonl`, of
redwoodresearch/automation-final-codebases); FILE is `faith_counterfactual_qwen-14b.csv` of thought-branches.
"""

import json
import re
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from cotfaith.errors import InputError
from cotfaith.report.markdown import markdown_table
from cotfaith.report.words import span
from cotfaith.stats.agreement import agreement
from cotfaith.stats.cue_paths import transplant_curve

JUDGES = ("judge_tier*.jsonl", "judge_model3opus_std_tier*.jsonl")
ASKED = {"mention": "mentions_hint", "use": "uses_hint_to_answer"}
TIER = re.compile(r"tier(\d+)")


def verdicts(folder: Path, pattern: str) -> pd.DataFrame:
    """Read a judge's verdicts: a row a transcript, `mention` and `use`, None where it gave no object."""
    rows = []
    for path in sorted(folder.glob(pattern)):
        tier = TIER.search(path.name)
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            said = {name: row["output"].get(field) for name, field in ASKED.items()}
            place = {
                "transcript": (tier and tier[1], row["task_id"]),
                "question": row["input"]["question_index"],
            }
            rows.append(place | said)
    if not rows:
        raise InputError(f"{folder}: holds no {pattern}.")
    return pd.DataFrame(rows)


def judges_agree(folder: Path, *, missing_is_no: bool) -> pd.DataFrame:
    """Return how far both judges agree on the transcripts that both read.

    With `missing_is_no` a verdict that could not be read counts as a no, as in the published numbers;
    otherwise its transcript is left out.
    """
    first, second = (verdicts(folder, pattern) for pattern in JUDGES)
    both = first.merge(second, on=["transcript", "question"], suffixes=("_first", "_second"))
    rows = []
    for asked in ASKED:
        sides = both[[f"{asked}_first", f"{asked}_second", "question"]]
        sides = (
            sides.fillna(value={f"{asked}_first": False, f"{asked}_second": False})
            if missing_is_no
            else sides
        )
        sides = sides.dropna()
        one, other = (list(map(bool, sides[f"{asked}_{side}"])) for side in ("first", "second"))
        found = agreement(one, other, list(map(str, sides["question"])))
        numbers = {"agree": found.agree, "κ": found.kappa, "AC1": found.ac1}
        rows.append(
            {"asked": asked, "transcripts": found.items}
            | {name: n.estimate.value for name, n in numbers.items()}
            | {"yes, first": found.yes[0], "yes, second": found.yes[1]}
        )
    return pd.DataFrame(rows)


def branches(path: Path) -> pd.DataFrame:
    """Return P(h) by the share of hinted reasoning that stands behind the prompt without the hint."""
    frame = pd.read_csv(path)
    last = frame.groupby("pn")["sentence_num"].transform("max")
    shown = (frame["sentence_num"] + 1) / (last + 1)
    moved = pd.DataFrame({"question": frame["pn"], "shown": shown, "p": frame["cue_p"]})
    return pd.DataFrame(list(transplant_curve(moved)))


def main(
    judges: Annotated[Path | None, typer.Option(help="Folder of two judges' verdicts.")] = None,
    branches_file: Annotated[Path | None, typer.Option("--branches", help="A file of transplants.")] = None,
) -> None:
    """Print published numbers, from their raw outputs."""
    console = Console()
    if judges is not None:
        for missing_is_no in (True, False):
            counted = "counts as a no" if missing_is_no else "is left out"
            console.print(f"Two judges; a verdict that is no object {counted}", markup=False)
            console.print(
                markdown_table(judges_agree(judges, missing_is_no=missing_is_no).round(3)), markup=False
            )
    if branches_file is not None:
        curve = branches(branches_file)
        ends = curve[["value", "ci_low", "ci_high"]].itertuples(index=False)
        shown = curve[["shown", "nobs", "questions"]].assign(**{"P(h)": [span(*each) for each in ends]})
        console.print(markdown_table(shown), markup=False)


if __name__ == "__main__":
    typer.run(main)
