"""A run as tidy pandas frames: what metrics read, and what a notebook opens."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from cotfaith.dialogue.prompts import letters
from cotfaith.store.contents import shown_steps
from cotfaith.store.store import Store

_TRACES = """
SELECT m.name, m.n_params, q.task, q.id, q.body, t.sample, t.body, t.key, r.body
FROM traces t JOIN models m ON m.fingerprint = t.model JOIN questions q ON q.key = t.question
LEFT JOIN replies r ON r.trace = t.key
ORDER BY m.n_params, m.name, q.task, q.arm, q.id, t.sample
"""
_OUTCOMES = """
SELECT e.trace, i.label, e.body, o.body FROM edits e
JOIN outcomes o ON o.edit = e.key JOIN interventions i ON i.key = e.intervention ORDER BY e.rowid
"""
_ON_STEPS = """
SELECT e.trace, i.label, e.body, o.body FROM edits e
JOIN outcomes o ON o.edit = e.key JOIN interventions i ON i.key = e.intervention
WHERE json_extract(o.body, '$.on_steps') IS NOT NULL ORDER BY e.rowid
"""
_STEPS = "SELECT key, body FROM traces"
_NOT_APPLICABLE = """
SELECT n.trace, i.label, n.reason, n.coords FROM not_applicable n
JOIN interventions i ON i.key = n.intervention ORDER BY n.rowid
"""
_NOT_APPLICABLE_COUNTS = """
SELECT m.name, m.n_params, q.task, i.label, n.reason, COUNT(*) FROM not_applicable n
JOIN interventions i ON i.key = n.intervention JOIN traces t ON t.key = n.trace
JOIN models m ON m.fingerprint = t.model JOIN questions q ON q.key = t.question
WHERE q.arm = '' GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 1, 3, 4, MIN(n.rowid)
"""
_ROTATED = """
SELECT m.name, m.n_params, r.body FROM rotated r JOIN models m ON m.fingerprint = r.model
ORDER BY m.n_params, m.name, r.rowid
"""

_VERDICTS = "SELECT trace, judge, body FROM verdicts ORDER BY rowid"

_INTERVENTIONS = "SELECT DISTINCT label, spec FROM interventions ORDER BY label"

TRACE_COLUMNS = [
    "model", "n_params", "task", "question", "cue", "arm", "target", "gold", "sample",
    "n_steps", "drawn_tokens", "hit_limit", "closed",
    "logprob", "text_tokens", "prompt_tokens",
    "answer", "correct", "answer_without", "correct_without", "same_without",
    "probs", "probs_without", "mass", "mass_without", "probability", "probability_without",
    "reply", "reply_answer", "same_reply",
    "reasoning", "trace",
]  # fmt: skip
OUTCOME_COLUMNS = [
    "intervention", "position", "resume", "coords",
    "answer", "correct", "same", "probs", "mass", "probability",
    "hit_limit", "tokens", "logprob", "resumed_tokens", "shown", "resumed",
    "inside", "own", "own_then", "gap", "gap_then", "gap_other",
    "tokens_kl", "tokens_js", "tokens_entropy", "attention",
]  # fmt: skip
ROTATED_COLUMNS = [
    "model", "n_params", "task", "question", "rotation", "n_choices", "answer", "original_letter", "correct",
    "probs",
]  # fmt: skip
BETWEEN_STEPS_COLUMNS = ["trace", "intervention", "hidden", "step", "log_kl", "effect"]
SHIFT_COLUMNS = ("own", "own_then", "gap", "gap_then", "gap_other")
"""How an edit inside moved the answer, as `schema.Shift` says; missing for other edits."""
DIVERGENCE_COLUMNS = {"tokens_kl": "kl", "tokens_js": "js", "tokens_entropy": "entropy"}
"""How it moved the tokens of a written answer, as `schema.Divergence` says."""
NUMBERS = {
    "mass", "mass_without", "probability", "probability_without", *SHIFT_COLUMNS, *DIVERGENCE_COLUMNS,
    "log_kl", "effect",
}  # fmt: skip
"""Columns that are numbers even where all are missing."""
QUESTION_COLUMNS = ["task", "id", "text", "choices", "gold", "accepted", "marks", "labels"]
SHARED_COLUMNS = [
    "trace", "model", "n_params", "task", "question", "cue", "arm", "target", "sample", "n_steps",
]  # fmt: skip
VERDICT_COLUMNS = ["trace", "judge", "part", "asked", "verdict", "probability", "quote", "fault"]
ORIGINAL_COLUMNS = ["answer", "correct", "probs", "text_tokens", "logprob", "closed", "hit_limit"]


@dataclass(frozen=True)
class RunFrames:
    """The tables of a run."""

    questions: pd.DataFrame
    interventions: pd.DataFrame
    """`label`, as the other tables name it, and `spec`, which rebuilds it."""
    traces: pd.DataFrame
    """One row a sampled reasoning, with the answers with it and without it."""
    rotated: pd.DataFrame
    """One row a question asked without reasoning with its choices in another order; `original_letter` is
    the letter that the chosen choice has in the question's own order."""
    outcomes: pd.DataFrame
    """One row a question asked again after an edit; `original_*` is the trace's own answer."""
    not_applicable: pd.DataFrame
    """One row a trace, or an edit of it, to which an intervention does not apply, and why."""
    between_steps: pd.DataFrame
    """One row a pair of steps of a trace, counted from 1, of which the earlier one was `hidden` from all
    later tokens: the mean over the later `step`'s tokens of log KL(unchanged ‖ changed), at temperature 0.6,
    and its `effect`, that less its mean over all steps that were hidden before that step; as in Thought
    Anchors (Bogdan et al. 2025, arXiv 2506.19143)."""
    verdicts: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=VERDICT_COLUMNS))
    """One row a judge's verdict on what a trace says of a cue."""

    @property
    def uncued(self) -> "RunFrames":
        """The same without all that was asked with a cue."""
        return replace(
            self,
            traces=_plain(self.traces),
            outcomes=_plain(self.outcomes),
            not_applicable=_plain(self.not_applicable),
        )

    def of(self, interventions: Collection[str]) -> "RunFrames":
        """The same with the outcomes of these interventions alone, by their labels."""
        told = self.outcomes["intervention"].isin(interventions)
        return replace(self, outcomes=self.outcomes[told].reset_index(drop=True))

    @property
    def inside(self) -> pd.DataFrame:
        """The outcomes, among them those of edits inside."""
        return self.outcomes


def load_run(folder: str | Path) -> RunFrames:
    """Read a run's folder into frames; probabilities are lists in the order of the choices."""
    store = Store.open(Path(folder))
    frames = run_frames(store)
    store.close()
    return frames


def run_frames(store: Store) -> RunFrames:
    """Read an open run into frames."""
    traces = _table(map(_trace_row, store.query(_TRACES)), TRACE_COLUMNS)
    original = traces[[*SHARED_COLUMNS, *ORIGINAL_COLUMNS]]
    original = original.rename(columns={name: f"original_{name}" for name in ORIGINAL_COLUMNS})
    steps = {key: tuple(json.loads(body)["steps"]) for key, body in store.query(_STEPS)}
    rows = (_outcome_row(row, steps) for row in store.query(_OUTCOMES))
    outcomes = _table(rows, ["trace", *OUTCOME_COLUMNS])
    refused = pd.DataFrame(
        store.query(_NOT_APPLICABLE), columns=["trace", "intervention", "reason", "coords"]
    )
    refused["coords"] = refused["coords"].map(json.loads)
    moved = _table(between_steps(store.query(_ON_STEPS)), BETWEEN_STEPS_COLUMNS)
    return RunFrames(
        questions=questions_of(store),
        interventions=interventions_of(store),
        traces=traces,
        rotated=rotated_of(store),
        outcomes=_in_order(original.merge(outcomes, on="trace")),
        not_applicable=_in_order(original[SHARED_COLUMNS].merge(refused, on="trace")),
        between_steps=_in_order(original[SHARED_COLUMNS].merge(moved, on="trace")),
        verdicts=verdicts_of(store),
    )


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without a cue, where there is any."""
    return frame if (frame["cue"] == "").all() else frame[frame["cue"] == ""].reset_index(drop=True)


def questions_of(store: Store) -> pd.DataFrame:
    """Return the questions of a run."""
    bodies = store.query("SELECT body FROM questions WHERE arm = '' ORDER BY task, id")
    questions = ({"accepted": []} | json.loads(body) for (body,) in bodies)
    return pd.DataFrame(questions, columns=QUESTION_COLUMNS)


def interventions_of(store: Store) -> pd.DataFrame:
    """Return the interventions of a run by their labels."""
    return pd.DataFrame(store.query(_INTERVENTIONS), columns=["label", "spec"])


def rotated_of(store: Store) -> pd.DataFrame:
    """Return the answers of a run to questions with their choices in other orders."""
    return pd.DataFrame(map(_rotated_row, store.query(_ROTATED)), columns=ROTATED_COLUMNS)


def verdicts_of(store: Store) -> pd.DataFrame:
    """Return what judges said of a run's traces."""
    return pd.DataFrame(map(_verdict_row, store.query(_VERDICTS)), columns=VERDICT_COLUMNS)


def not_applicable_counts(store: Store) -> pd.DataFrame:
    """Return the reasons why interventions did not apply, each with how often it was one."""
    columns = ["model", "n_params", "task", "intervention", "reason", "n"]
    return pd.DataFrame(store.query(_NOT_APPLICABLE_COUNTS), columns=columns)


def _table(rows: Iterable[tuple[object, ...]], columns: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(columns))
    return table.astype(dict.fromkeys(NUMBERS.intersection(columns), float))


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    order = ["n_params", "model", "task", "intervention", "cue", "arm", "question", "sample"]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def _trace_row(row: Iterable[object]) -> tuple[object, ...]:
    model, n_params, task, name, question, sample, body, key, written = row
    trace, asked = json.loads(str(body)), json.loads(str(question))
    arm = asked.get("arm") or {"cue": "", "kind": "none", "target": None}
    reply = json.loads(str(written)) if written else dict.fromkeys(("text", "answer", "same"))
    answer, without = trace["answer"], trace["answer_without"]
    return (
        model, n_params, task, name, arm["cue"], arm["kind"], arm["target"], asked["gold"], sample,
        len(trace["steps"]), trace["drawn_tokens"], trace["hit_limit"],
        trace.get("closed", True),
        trace["logprob"], trace.get("text_tokens", 0), trace["prompt_tokens"],
        answer["text"], answer["correct"], without["text"], without["correct"], trace["same_without"],
        answer["probs"], without["probs"], answer["mass"], without["mass"],
        answer["probability"], without["probability"],
        reply["text"], reply["answer"], reply["same"], "".join(trace["steps"]), key,
    )  # fmt: skip


def _outcome_row(row: Iterable[object], steps: Mapping[object, Sequence[str]]) -> tuple[object, ...]:
    trace, intervention, edit_body, outcome_body = row
    edit, outcome = json.loads(str(edit_body)), json.loads(str(outcome_body))
    answer, shift = outcome["answer"], outcome.get("shift") or {}
    divergence = shift.get("divergence") or {}
    return (
        trace, intervention, edit["position"], edit["resume"], edit["coords"],
        answer["text"], answer["correct"], outcome["same"],
        answer["probs"], answer["mass"], answer["probability"],
        outcome["hit_limit"], outcome["tokens"], outcome["logprob"], outcome["resumed_tokens"],
        "".join(shown_steps(edit, steps[trace])), outcome["resumed"],
        bool(edit.get("inside")), *(shift.get(name) for name in SHIFT_COLUMNS),
        *(divergence.get(name) for name in DIVERGENCE_COLUMNS.values()), outcome.get("attention", []),
    )  # fmt: skip


def between_steps(rows: Iterable[Iterable[object]]) -> list[tuple[object, ...]]:
    """Return a row a pair of steps; see `RunFrames.between_steps`."""
    found: dict[tuple[object, object, int], list[tuple[int, float]]] = {}
    for trace, intervention, edit, outcome in rows:
        steps = (step for one in json.loads(str(edit))["inside"] for step in one["steps"])
        hidden = 1 + max(steps, default=-1)
        for step, log_kl in enumerate(json.loads(str(outcome))["on_steps"], hidden + 1):
            if log_kl is not None:
                found.setdefault((trace, intervention, step), []).append((hidden, log_kl))
    return [
        (trace, intervention, hidden, step, log_kl, log_kl - sum(one for _, one in of_step) / len(of_step))
        for (trace, intervention, step), of_step in found.items()
        for hidden, log_kl in of_step
    ]


def _verdict_row(row: Iterable[object]) -> tuple[object, ...]:
    trace, judge, body = row
    said = json.loads(str(body))
    return (trace, judge, *(said[name] for name in VERDICT_COLUMNS[2:]))


def _rotated_row(row: Iterable[object]) -> tuple[object, ...]:
    model, n_params, body = row
    rotated = json.loads(str(body))
    question, answer, rotation = rotated["question"], rotated["answer"], rotated["rotation"]
    names = letters(len(question["choices"]))
    letter = answer["text"]
    original = None if letter is None else names[(names.index(letter) + rotation) % len(names)]
    return (
        model, n_params, question["task"], question["id"], rotation, len(names),
        letter, original, answer["correct"], answer["probs"],
    )  # fmt: skip
