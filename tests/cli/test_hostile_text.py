"""Text that would act on a terminal, a report or a file system if it were let."""

import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cotfaith.cli.show import print_question, print_questions
from cotfaith.cli.terminal import Terminal
from cotfaith.plugins.questions import load
from cotfaith.plugins.registry import TASKS
from cotfaith.report.report import write_report
from cotfaith.report.visible import visible
from cotfaith.running import runner
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan, TaskPlan, build_interventions
from cotfaith.schema import Generation, GenerationRequest
from cotfaith.store.store import Store
from tests.scripted import Scripted, silent

HOSTILE = [
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "\x9b31m and \x85",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "null \0 inside",
    "\u202eright to left\u202c \u200f\u05d0",
    "😀 👩‍👩‍👧",
    "[bold red]markup[/] {{ 7 * 7 }} {% raw %} | cell | `code` ![x](http://x/y)",
    "=HYPERLINK(1)",
    "long " * 20_000,
]
IDS = ["../../outside", "/etc/passwd", "a\x1b[31m", "con\0", "..", "x" * 5000, "a/b", "<b>", "\u202e"]


class Hostile(Scripted):
    """Reasons in what would be a script in a page and a colour in a terminal."""

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        text = " <script>alert(1)</script> \x1b[31m | 1 + 1 = 2. \u202e So it is 2."
        written = super().generate(requests)
        return [
            Generation(text, 9, hit_limit=False) if len(request.dialogue) == 2 else one
            for request, one in zip(requests, written, strict=True)
        ]


@given(st.text())
def test_no_visible_text_acts_and_plain_text_is_left_as_it_is(text: str) -> None:
    shown = visible(text)
    assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", shown) is None
    assert visible(shown) == shown
    kept = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", "", text)
    assert re.sub("<U[+][0-9A-F]{4}>", "", shown) == re.sub("<U[+][0-9A-F]{4}>", "", kept)


def test_a_control_character_is_written_as_its_code_point() -> None:
    assert visible("a\x1b[31mb\tc\nd\0") == "a<U+001B>[31mb\tc\nd<U+0000>"
    assert visible("naïve 中文 😀 \u05d0\u200f") == "naïve 中文 😀 \u05d0\u200f"


@pytest.mark.parametrize("terminal", [True, False])
def test_whatever_is_printed_only_rich_itself_speaks_to_the_terminal(terminal: bool) -> None:
    out = StringIO()
    console = Terminal(file=out, force_terminal=terminal, color_system="standard" if terminal else None)
    table = Table("\x1b[5mhead")
    table.add_row(Text("\x1b[2Jcell", style="bold"))
    for thing in (
        Text("\x1b[31mtext"),
        Panel(Text("\x07 panel"), title="\x1b]0;title"),
        table,
        "\x1b[31mstring",
    ):
        console.print(thing)
    printed = out.getvalue()
    assert set(re.findall(r"\x1b\[[\d;]*m", printed)) <= {"\x1b[1m", "\x1b[0m", "\x1b[1;31m", "\x1b[1;32m"}
    assert "\x1b" not in re.sub(r"\x1b\[[\d;]*m", "", printed)
    assert "\x07" not in printed
    assert "<U+001B>[31mtext" in printed


def test_hostile_questions_are_asked_shown_and_reported_and_act_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    rows = [
        {"id": name, "question": text, "choices": [text[:200], "an\x1b[31m anvil"], "answer": "B"}
        for name, text in zip(IDS, HOSTILE, strict=True)
    ]
    own = tmp_path / "own.jsonl"
    own.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    questions = load(TASKS.build("jsonl:written=true"), own, None, 0).questions
    assert sorted(question.id for question in questions) == sorted(IDS)
    monkeypatch.setattr(runner, "open_model", lambda source, settings: Hostile())
    study = Study(model=("m",), task=("jsonl:written=true",), samples=1, permutations=0)
    tasks = (TaskPlan(TASKS.build("jsonl:written=true"), questions, "own"),)
    folder = tmp_path / "inner" / "run"
    store = Store.create(folder, study.fixed)
    runner.run(Plan(study, study.model, tasks, build_interventions(["truncation", "filler"])), store, silent)
    write_report(store)
    out = StringIO()
    console = Terminal(file=out, width=100)
    print_questions(console, store)
    for name in IDS:
        print_question(console, store, name)
    store.close()
    html = (folder / "report.html").read_text(encoding="utf-8")
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    acting = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
    assert [acting.search(text) for text in (out.getvalue(), html, markdown)] == [None, None, None]
    assert "<script>alert" not in html
    assert "<script>alert" not in markdown
    assert "&lt;script&gt;alert(1)" in html
    assert "&lt;script>alert(1)" in markdown
    assert "<U+001B>[31m" in out.getvalue()
    assert {path.name for path in tmp_path.iterdir()} == {"inner", "own.jsonl"}
    assert [path.name for path in (tmp_path / "inner").iterdir()] == ["run"]
    assert all(path.is_file() for path in folder.iterdir())
