"""A run of any size as columns, batch by batch: what stands in JSON is read by DuckDB."""

import json
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from cotfaith.store.store import Store

if TYPE_CHECKING:
    import duckdb

TRACES_AT_ONCE = 1000
_ANSWER = '{"text":"VARCHAR","correct":"BOOLEAN","probs":["DOUBLE"],"mass":"DOUBLE","probability":"DOUBLE"}'
_TRACE = (
    f'{{"steps":["VARCHAR"],"drawn_tokens":"BIGINT","hit_limit":"BOOLEAN","closed":"BOOLEAN",'
    f'"logprob":"DOUBLE","text_tokens":"BIGINT","prompt_tokens":"BIGINT","answer":{_ANSWER},'
    f'"answer_without":{_ANSWER},"same_without":"BOOLEAN"}}'
)
_REPLY = '{"text":"VARCHAR","answer":"VARCHAR","same":"BOOLEAN"}'
_EDIT = (
    '{"steps":["VARCHAR"],"first":"BIGINT","last":"BIGINT","position":"DOUBLE","resume":"BOOLEAN",'
    '"coords":"JSON","inside":"JSON"}'
)
_SHIFT = (
    '{"own":"DOUBLE","own_then":"DOUBLE","gap":"DOUBLE","gap_then":"DOUBLE","gap_other":"DOUBLE",'
    '"divergence":{"kl":"DOUBLE","js":"DOUBLE","entropy":"DOUBLE"}}'
)
_OUTCOME = (
    f'{{"answer":{_ANSWER},"same":"BOOLEAN","resumed":"VARCHAR","hit_limit":"BOOLEAN","tokens":"BIGINT",'
    f'"logprob":"DOUBLE","resumed_tokens":"BIGINT","shift":{_SHIFT},"attention":["DOUBLE"]}}'
)
_TRACES = f"""
CREATE OR REPLACE TEMP TABLE traces AS SELECT
    model, n_params, task, question, coalesce(cue, '') AS cue, coalesce(arm, 'none') AS arm, target,
    gold, sample, len(t.steps) AS n_steps, t.drawn_tokens, t.hit_limit,
    coalesce(t.closed, true) AS closed, t.logprob, coalesce(t.text_tokens, 0) AS text_tokens, t.prompt_tokens,
    t.answer.text AS answer, t.answer.correct AS correct, t.answer_without.text AS answer_without,
    t.answer_without.correct AS correct_without, t.same_without,
    t.answer.probs AS probs, t.answer_without.probs AS probs_without,
    t.answer.mass AS mass, t.answer_without.mass AS mass_without,
    t.answer.probability AS probability, t.answer_without.probability AS probability_without,
    r.text AS reply, r.answer AS reply_answer, r.same AS same_reply,
    coalesce(array_to_string(t.steps, ''), '') AS reasoning, trace, place, t.steps AS steps
FROM (SELECT *, from_json(body, '{_TRACE}') AS t, from_json(reply_body, '{_REPLY}') AS r FROM sampled)
ORDER BY place
"""
_OUTCOMES = f"""
CREATE OR REPLACE TEMP VIEW outcomes AS  -- some DuckDBs make no text, and not an empty one, of no steps
WITH asked AS (
    SELECT place, number, intervention, from_json(edit, '{_EDIT}') AS e, from_json(outcome, '{_OUTCOME}') AS o
    FROM edited
)
SELECT
    t.trace, t.model, t.n_params, t.task, t.question, t.cue, t.arm, t.target, t.sample, t.n_steps,
    t.answer AS original_answer, t.correct AS original_correct, t.probs AS original_probs,
    t.text_tokens AS original_text_tokens, t.logprob AS original_logprob, t.closed AS original_closed,
    t.hit_limit AS original_hit_limit,
    intervention, e.position, e.resume, e.coords,
    o.answer.text AS answer, o.answer.correct AS correct, o.same,
    o.answer.probs AS probs, o.answer.mass AS mass, o.answer.probability AS probability,
    o.hit_limit, o.tokens, o.logprob, o.resumed_tokens,
    coalesce(array_to_string(list_concat(
        t.steps[:coalesce(e.first, 0)], e.steps, t.steps[t.n_steps - coalesce(e.last, 0) + 1:]
    ), ''), '') AS shown,
    o.resumed, coalesce(json_array_length(e.inside), 0) > 0 AS inside,
    o.shift.own, o.shift.own_then, o.shift.gap, o.shift.gap_then, o.shift.gap_other,
    o.shift.divergence.kl AS tokens_kl, o.shift.divergence.js AS tokens_js,
    o.shift.divergence.entropy AS tokens_entropy, coalesce(o.attention, []) AS attention,
    t.reasoning, number, place
FROM asked JOIN traces t USING (place)
"""
_IN_ORDER = """
SELECT t.key FROM traces t JOIN models m ON m.fingerprint = t.model JOIN questions q ON q.key = t.question
ORDER BY m.n_params, m.name, q.task, q.arm, q.id, t.sample
"""
_SAMPLED = """
SELECT
    w.key, m.name, m.n_params, q.task, q.id, json_extract(q.body, '$.arm.cue'),
    json_extract(q.body, '$.arm.kind'), json_extract(q.body, '$.arm.target'), json_extract(q.body, '$.gold'),
    t.sample, t.key, t.body, r.body
FROM json_each(?) w CROSS JOIN traces t ON t.key = w.value JOIN models m ON m.fingerprint = t.model
JOIN questions q ON q.key = t.question LEFT JOIN replies r ON r.trace = t.key
"""
_SAMPLED_COLUMNS = [
    "place", "model", "n_params", "task", "question", "cue", "arm", "target", "gold", "sample",
    "trace", "body", "reply_body",
]  # fmt: skip
_EDITED = """
SELECT w.key, e.rowid, i.label, e.body, o.body FROM json_each(?) w
CROSS JOIN edits e ON e.trace = w.value CROSS JOIN outcomes o ON o.edit = e.key
JOIN interventions i ON i.key = e.intervention
"""
_EDITED_COLUMNS = ["place", "number", "intervention", "edit", "outcome"]
_TEXT = {
    "model",
    "task",
    "question",
    "cue",
    "arm",
    "target",
    "gold",
    "trace",
    "body",
    "reply_body",
    "intervention",
    "edit",
    "outcome",
}


def batches(store: Store) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Yield a connection that holds some samples of reasoning, as `traces`, and their `outcomes`.

    They have the columns of `store.frames.RunFrames`, with the outcomes' `reasoning` besides; probabilities
    are lists, coordinates JSON. Traces come in the order of those frames, and each is in one batch.
    """
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    for sampled, edited in _ahead(_stored(store.folder)):
        connection.register("sampled", sampled)
        connection.register("edited", edited)
        connection.execute(_TRACES)
        connection.execute(_OUTCOMES)
        yield connection
    connection.close()


def any_inside(batch: "duckdb.DuckDBPyConnection") -> bool:
    """Tell whether a batch may hold edits inside, without reading all of it."""
    found = batch.execute("SELECT count(*) FROM edited WHERE contains(edit, '\"inside\"')").fetchall()
    return bool(found[0][0])


def _stored(folder: Path) -> Generator[tuple[pa.Table, pa.Table], None, None]:
    """Yield some traces and their edits with outcomes, as they are stored; none if there are none at all."""
    with closing(Store.open(folder)) as store, closing(store.query(_IN_ORDER)) as keys:
        some = list(islice(keys, TRACES_AT_ONCE))
        while True:
            wanted = (json.dumps([key for (key,) in some]),)
            yield (
                _table(store.query(_SAMPLED, wanted), _SAMPLED_COLUMNS),
                _table(store.query(_EDITED, wanted), _EDITED_COLUMNS),
            )
            some = list(islice(keys, TRACES_AT_ONCE))
            if not some:
                return


def _ahead(several: Generator[tuple[pa.Table, pa.Table], None, None]) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield what an iterator gives, while a thread of its own fetches the next."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(next, several, None)
        try:
            while (found := coming.result()) is not None:
                coming = reader.submit(next, several, None)
                yield found
        finally:
            coming.result()
            reader.submit(several.close)  # where it was opened


def _table(rows: Iterator[tuple[object, ...]], columns: Sequence[str]) -> pa.Table:
    """Return rows as an Arrow table, whose columns have a kind even where there is no row."""
    kinds = [pa.string() if name in _TEXT else pa.int64() for name in columns]
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [pa.array(each, kind) for each, kind in zip(values, kinds, strict=True)]
    return pa.table(arrays, names=list(columns))
