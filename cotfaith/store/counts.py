"""A run of any size as counts: what is alike in all that is estimated from is one row."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from cotfaith.store.columns import any_inside, batches
from cotfaith.store.frames import interventions_of, not_applicable_counts, questions_of, rotated_of
from cotfaith.store.store import Store

Kept = Callable[[str, str, str], bool | None]
"""Of a task and the texts that were shown and reasoned: whether the results of the steps were kept."""


@dataclass(frozen=True)
class Counts:
    """What was asked without a cue, as `store.frames.RunFrames` has it, counted.

    A row of `traces`, `outcomes` or `not_applicable` stands for `n` of these that are alike. Of their numbers
    it has the means (those that lack one stand in a row of their own), of `tokens` the most, and of texts
    what is read of them. An answer is only whether there is one (""), where its text is not asked for.
    """

    questions: pd.DataFrame
    interventions: pd.DataFrame
    traces: pd.DataFrame
    """`sample` is 0 for the first of a question and 1 for the others; `most_text_tokens` is what it says."""
    rotated: pd.DataFrame
    outcomes: pd.DataFrame
    """`changed`: whether the edit shows something else than a beginning of the reasoning; `whole`: whether it
    shows all of it as it was; `kept`: whether the results of its steps are the original ones; `moved`: the
    total variation of the choices; `first`: whether it is the first outcome of a sample under an
    intervention, so that these count samples; `changed_of_sample`: the share of that sample's that changed;
    `first_judged`: whether it is the first that is right or wrong."""
    inside: pd.DataFrame
    """The outcomes of edits inside, each in a row of its own, without texts."""
    not_applicable: pd.DataFrame

    def of(self, interventions: Collection[str]) -> "Counts":
        """The same with the outcomes of these interventions alone, by their labels."""
        outcomes, inside = (
            frame[frame["intervention"].isin(interventions)] for frame in (self.outcomes, self.inside)
        )
        return replace(self, outcomes=outcomes, inside=inside)


_OF_TRACES = """
SELECT * EXCLUDE lacking FROM (SELECT
    n_params, model, task, question, least(sample, 1) AS sample, n_steps, hit_limit, closed,
    answer, correct::DOUBLE AS correct,
    answer_without, correct_without::DOUBLE AS correct_without, same_without,
    left(reply, 0) AS reply, left(reply_answer, 0) AS reply_answer, same_reply::DOUBLE AS same_reply,
    count(*) AS n, avg(text_tokens) AS text_tokens, max(text_tokens) AS most_text_tokens,
    avg(mass) AS mass, avg(mass_without) AS mass_without,
    avg(probability) AS probability, avg(probability_without) AS probability_without,
    hash(mass IS NULL, mass_without IS NULL, probability IS NULL, probability_without IS NULL) AS lacking
FROM traces WHERE cue = '' GROUP BY ALL) ORDER BY ALL
"""
_OF_OUTCOMES = """
WITH read AS (
    SELECT *, NOT starts_with(reasoning, shown) AS changed, shown = reasoning AS whole,
        row_number() OVER so_far = 1 AS first,
        correct IS NOT NULL AND count(correct) OVER so_far = 1 AS first_judged,
        avg((NOT same)::DOUBLE) OVER (PARTITION BY place, intervention) AS changed_share,
        list_sum(list_transform(list_zip(probs, original_probs), lambda p: abs(p[1] - p[2]))) / 2 AS moved
    FROM outcomes WHERE cue = '' WINDOW so_far AS (PARTITION BY place, intervention ORDER BY position, number)
)
SELECT * EXCLUDE lacking FROM (SELECT
    n_params, model, task, intervention, question, n_steps,
    position, resume, inside, coords::VARCHAR AS coords, same, correct::DOUBLE AS correct,
    CASE WHEN task IN (SELECT * FROM written) THEN answer ELSE left(answer, 0) END AS answer,
    left(original_answer, 0) AS original_answer, original_correct::DOUBLE AS original_correct,
    hit_limit, original_closed, original_hit_limit, changed, whole, first, first_judged,
    CASE WHEN changed AND task IN (SELECT * FROM stepped)
        THEN values_kept(task, shown, reasoning) END::DOUBLE AS kept,
    count(*) AS n, max(tokens) AS tokens, avg(moved) AS moved, avg(logprob) AS logprob,
    avg(original_logprob) AS original_logprob, avg(mass) AS mass, avg(probability) AS probability,
    avg(CASE WHEN first THEN changed_share END) AS changed_of_sample,
    hash(
        moved IS NULL, logprob IS NULL, original_logprob IS NULL, mass IS NULL, probability IS NULL
    ) AS lacking
FROM read GROUP BY ALL) ORDER BY ALL
"""
_OF_INSIDE = """
SELECT n_params, model, task, intervention, question, sample, trace, n_steps, resume, inside, position,
    coords::VARCHAR AS coords, same, original_probs, probs, own, own_then, gap, gap_then, gap_other,
    tokens_kl, tokens_js, tokens_entropy, attention, shown = reasoning AS whole
FROM outcomes WHERE inside AND cue = ''
ORDER BY n_params, model, task, intervention, question, sample, number
"""


def count(store: Store, kept: Kept, stepped: Collection[str] = (), written: Collection[str] = ()) -> Counts:
    """Count a run.

    Parameters
    ----------
    store : Store
        The run.
    kept : function
        Tells whether an edit of a task keeps the results of the steps; None where it states none.
    stepped, written : collections of task
        The tasks for which it is asked, and those for which the answers' texts are.

    Returns
    -------
    Counts
        Whose estimates are those of the run's frames.
    """
    parts: dict[str, list[pa.Table]] = {_OF_TRACES: [], _OF_OUTCOMES: [], _OF_INSIDE: []}
    for batch in batches(store):
        if not parts[_OF_TRACES]:
            batch.create_function("values_kept", kept, ["VARCHAR"] * 3, "BOOLEAN", null_handling="special")
        for name, tasks in (("stepped", stepped), ("written", written)):
            batch.register(name, pa.table({"task": pa.array(tasks, pa.string())}))
        for query, found in parts.items():
            if query != _OF_INSIDE or not found or any_inside(batch):
                found.append(_short(batch.sql(query).to_arrow_table()))
    traces, outcomes, inside = (_frame(tables) for tables in parts.values())
    return Counts(
        questions_of(store), interventions_of(store), traces, rotated_of(store), outcomes, inside,
        not_applicable_counts(store),
    )  # fmt: skip


def chosen(store: Store, traces: Sequence[str], outcomes: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return some columns of a run's traces and outcomes, row by row as `store.frames.RunFrames` has them."""
    parts: dict[str, list[pa.Table]] = {
        f"SELECT {', '.join(traces)} FROM traces WHERE cue = '' ORDER BY place": [],
        f"SELECT {', '.join(outcomes)} FROM outcomes WHERE cue = '' ORDER BY place, number": [],
    }
    for batch in batches(store):
        for query, found in parts.items():
            found.append(_short(batch.sql(query).to_arrow_table()))
    first, second = (_frame(tables) for tables in parts.values())
    return first, second


def _short(table: pa.Table) -> pa.Table:
    """Return a table in which each text stands once."""
    texts = [pa.types.is_string(kind) for kind in table.schema.types]
    columns = [
        column.dictionary_encode() if text else column
        for column, text in zip(table.columns, texts, strict=True)
    ]
    return pa.table(columns, names=table.column_names)


def _frame(tables: list[pa.Table]) -> pd.DataFrame:
    """Return a frame whose texts are categories, in their alphabetical order, and coordinates mappings."""
    frame: pd.DataFrame = pa.concat_tables(tables).unify_dictionaries().to_pandas()
    for column in frame.select_dtypes("category"):
        texts = frame[column].cat
        if column == "coords":
            read = pd.Series([json.loads(text) for text in texts.categories], dtype=object)
            frame[column] = read.to_numpy()[texts.codes.to_numpy()]
        else:
            frame[column] = texts.reorder_categories(sorted(texts.categories))
    return frame
