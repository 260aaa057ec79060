"""What is shown of long work: how far, how fast, in units and in tokens, and what remains."""

import io

import pytest
from rich.console import Console

from cotfaith.running import progress


def test_lines_tell_units_tokens_and_what_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 20.0, 40.0])
    monkeypatch.setattr("cotfaith.running.progress.time.monotonic", lambda: next(now))
    said = io.StringIO()
    with progress.Lines(Console(file=said, width=200))("m · t · reasoning", "samples", 8) as advance:
        advance(2, 3000)
        advance(6, 5000)
    assert said.getvalue().splitlines() == [
        "m · t · reasoning: 0/8 samples",
        "m · t · reasoning: 2/8 samples, 0.1/s, 150 tokens/s, 60 s left",
        "m · t · reasoning: 8/8 samples, 0.2/s, 200 tokens/s in 40 s",
    ]


def test_where_nothing_is_drawn_no_tokens_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 4.0])
    monkeypatch.setattr("cotfaith.running.progress.time.monotonic", lambda: next(now))
    said = io.StringIO()
    with progress.Lines(Console(file=said, width=200))("answers", "edits", 4) as advance:
        advance(4)
    assert said.getvalue().splitlines()[-1] == "answers: 4/4 edits, 1/s in 4 s"


def test_bars_tell_tokens_a_second() -> None:
    said = io.StringIO()
    bars = progress.Bars(Console(file=said, width=200, force_terminal=True))
    with bars("reasoning", "samples", 2) as advance:
        advance(1, 1_000_000)
        bars._bars.refresh()
    assert "tokens/s" in said.getvalue()
    assert "1/2" in said.getvalue()
