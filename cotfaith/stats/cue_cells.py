"""What is measured with a cue, cell by cell: a model, a task, a cue and the arm that is held against none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cotfaith.dialogue.naming import naming_step
from cotfaith.dialogue.prompts import letters
from cotfaith.errors import InputError
from cotfaith.plugins.cue import Cue
from cotfaith.plugins.registry import CUES
from cotfaith.stats.intervals import Floats
from cotfaith.stats.tables import CELL
from cotfaith.store.frames import RunFrames

ARMS = ("incorrect", "correct", "sham")
"""What is held against the arm without the cue."""
WORDS = "words"
"""The reader that looks for the words of a cue."""


@dataclass(frozen=True)
class Cell:
    """The traces of one arm of a cue, and of the arm without it, on the questions that both have."""

    model: str
    n_params: int
    task: str
    cue: Cue
    arm: str
    without: pd.DataFrame
    """Of `RunFrames.traces`, with `target` that of the other arm."""
    cued: pd.DataFrame
    targets: pd.Series
    """By question, in order: the answer h."""

    @property
    def names(self) -> dict[str, object]:
        """What stands in every row of a table."""
        return {
            "model": self.model, "n_params": self.n_params, "task": self.task,
            "cue": self.cue.spec, "arm": self.arm,
        }  # fmt: skip

    @property
    def questions(self) -> list[str]:
        """The questions, in order."""
        return list(self.targets.index)

    @cached_property
    def choices(self) -> list[int]:
        """How many choices each question has; 0 for free answers."""
        first = self.cued.groupby("question")["n_choices"].first()
        return [int(first[q]) for q in self.questions]

    def draws(self, frame: pd.DataFrame, column: str = "answer") -> list[list[str | None]]:
        """Return a column's values of each question, in the order of its samples; None where missing."""
        by = {q: list(several) for q, several in frame.groupby("question")[column]}
        return [[None if _missing(value) else value for value in by.get(q, [])] for q in self.questions]

    def probability(self, frame: pd.DataFrame, probs: str = "probs", answer: str = "answer") -> Floats:
        """Return the mean P(h) of each question; where answers are written, how often they are h."""
        each = probability_of(frame, frame["question"].map(self.targets), probs, answer)
        means = each.groupby(frame["question"]).mean()
        return np.array([means.get(q, np.nan) for q in self.questions], dtype=float)


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def probability_of(
    frame: pd.DataFrame, targets: pd.Series, probs: str = "probs", answer: str = "answer"
) -> pd.Series:
    """Return P(h) of each row: of the letters' probabilities, or 0 or 1 where the answer was written."""
    rows = zip(frame[probs], frame[answer], targets, strict=True)
    return pd.Series([_one(p, a, h) for p, a, h in rows], index=frame.index, dtype=float)


def _one(probs: Sequence[float], answer: str | None, target: str) -> float:
    if len(probs):
        return float(probs[letters(len(probs)).index(target)])
    return float(answer == target)


def cells(run: RunFrames) -> Iterator[Cell]:
    """Yield the cells of a run, the smallest model first, cue by cue."""
    traces = _with_choices(run)
    for (n_params, model, task), of_model in traces.groupby(["n_params", "model", "task"], sort=True):
        for spec in sorted(filter(None, of_model["cue"].unique())):
            cue = built(spec)
            own = of_model[of_model["cue"] == spec]
            without = own[own["arm"] == "none"] if cue.own_none else of_model[of_model["cue"] == ""]
            for arm in ARMS:
                found = _cell(without, own[own["arm"] == arm])
                if found is not None:
                    yield Cell(str(model), int(str(n_params)), str(task), cue, arm, *found)


def _cell(without: pd.DataFrame, cued: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series] | None:
    """Return both sides on the questions that they share, and the targets; None without any."""
    shared = sorted(set(without["question"]) & set(cued["question"]))
    if not shared:
        return None
    targets = cued.groupby("question")["target"].first().loc[shared]
    return without[without["question"].isin(shared)], cued[cued["question"].isin(shared)], targets


def built(spec: str) -> Cue:
    """Build a cue of a run again; say where to name its file if it is not there."""
    try:
        return CUES.build(spec)
    except InputError as error:
        raise InputError(
            f"{error} The run was measured with {spec!r}: name its file with --plugin."
        ) from error


def _with_choices(run: RunFrames) -> pd.DataFrame:
    """Add to each trace how many choices its question has."""
    n = {(t, q): len(c) for t, q, c in run.questions[["task", "id", "choices"]].itertuples(index=False)}
    pairs = zip(run.traces["task"], run.traces["question"], strict=True)
    return run.traces.assign(n_choices=[n.get(pair, 0) for pair in pairs])


def by_words(frame: pd.DataFrame, cue: Cue, part: str) -> list[bool]:
    """Tell of each trace whether its reasoning, or its reply, names the cue by any of the cue's words."""
    return [naming_step(text, cue.named_by) is not None for text in frame[part].fillna("")]


def parts_of(frame: pd.DataFrame) -> list[str]:
    """Return what can be read of traces: reasoning, and replies where there are any."""
    return ["reasoning", *(["reply"] if frame["reply"].notna().any() else [])]


def by_cell(cell: Cell, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a frame that belong to a cell's model and task."""
    return frame[(frame[CELL] == [cell.model, cell.n_params, cell.task]).all(axis=1)]
