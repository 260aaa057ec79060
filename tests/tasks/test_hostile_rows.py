"""Whatever a file holds, a loader gives questions that can be asked, or says what is wrong as an InputError."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cotfaith import InputError
from cotfaith.data.files import ENDINGS
from cotfaith.dialogue.prompts import plain_text
from cotfaith.plugins.questions import load
from cotfaith.plugins.registry import TASKS

READERS = [name for name, cls in TASKS.classes.items() if cls.reads_data]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.sampled_from(
    ["", " ", "x", "A", "(A)", "5", "#### 5", r"\boxed{2}", "\ud800", "a\x00b", "Q\nOptions:\n(A) x\n(B) y"]
)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def loads_or_says_why(name: str, path: Path) -> None:
    for skip in (False, True):
        try:
            loaded = load(TASKS.classes[name](), path, None, 0, skip_bad_rows=skip)
        except InputError as error:
            told = str(error)
            loaded = None
        assert loaded is not None or str(path) in told
        if loaded is None:
            continue
        for question in loaded.questions:
            plain_text(TASKS.classes[name]().request(question, " So.").dialogue).encode()


@pytest.mark.parametrize("name", READERS)
@QUICK
@given(data=st.data())
def test_random_records(name: str, tmp_path: Path, data: st.DataObject) -> None:
    names = [field for schema in TASKS.classes[name].schemas for field in schema]
    more = ["id", "choices", "answer", "question", "mc1_targets", "label", "text", "stem", "activity_label"]
    records = st.dictionaries(st.sampled_from([*names, *more]), VALUES, max_size=9)
    rows = data.draw(st.lists(records | VALUES, min_size=1, max_size=3))
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    loads_or_says_why(name, path)


@pytest.mark.parametrize("ending", ENDINGS)
@QUICK
@given(
    content=st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))
)
def test_random_bytes(ending: str, tmp_path: Path, content: bytes) -> None:
    for name in ("arc-easy", "logiqa", "mmlu", "jsonl"):
        for packed in ("", ".gz"):
            path = tmp_path / f"rows{ending}{packed}"
            path.write_bytes(content)
            loads_or_says_why(name, path)
