"""Progress of long work: a bar with rate and remaining time, or plain lines where there is no terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SECONDS_BETWEEN_LINES = 10


class Advance(Protocol):
    """Called with how many more units of a stage are done, and how many tokens were drawn for them."""

    def __call__(self, n: int, tokens: int = 0) -> None:
        """Show it."""


class Bars:
    """One bar a stage; stages that are under way at once stand below each other."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            _Rate(),
            _TokenRate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._bars = Progress(*columns, console=console, speed_estimate_period=600)
        self._shown = 0

    @contextmanager
    def __call__(self, stage: str, unit: str, total: int) -> Iterator[Advance]:
        """Show a bar until the stage ends; a stage without work shows nothing."""
        if total == 0:
            yield _nothing
            return
        task = self._bars.add_task(stage.replace("[", r"\["), total=total, unit=unit, tokens=0)
        self._bars.start()
        self._shown += 1

        def advance(n: int, tokens: int = 0) -> None:
            drawn = next(one for one in self._bars.tasks if one.id == task).fields["tokens"] + tokens
            self._bars.update(task, advance=n, tokens=drawn)

        try:
            yield advance
        finally:
            self._shown -= 1
            self._bars.stop_task(task)
            if not self._shown:
                self._bars.stop()
                for finished in self._bars.task_ids:
                    self._bars.remove_task(finished)


class Lines:
    """A line when a stage begins and ends, and at most every ten seconds between."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def __call__(self, stage: str, unit: str, total: int) -> Iterator[Advance]:
        """Print lines until the stage ends; a stage without work prints nothing."""
        begun = said = time.monotonic()
        done = drawn = 0

        def advance(n: int, tokens: int = 0) -> None:
            nonlocal done, drawn, said
            done, drawn = done + n, drawn + tokens
            now = time.monotonic()
            if done == total or now - said >= SECONDS_BETWEEN_LINES:
                said = now
                rate = done / max(now - begun, 1e-9)
                left = f", {(total - done) / rate:.0f} s left" if done < total else f" in {now - begun:.0f} s"
                written = _tokens_a_second(drawn, now - begun)
                self._say(f"{stage}: {done}/{total} {unit}, {rate:.2g}/s{written and ', '}{written}{left}")

        if total:
            self._say(f"{stage}: 0/{total} {unit}")
        yield advance

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Show units a second."""
        return Text(f"{task.speed:.2g}/s" if task.speed else "–/s")


class _TokenRate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Show the tokens that are drawn a second; nothing where none are."""
        return Text(_tokens_a_second(task.fields["tokens"], task.elapsed or 0.0))


def _tokens_a_second(tokens: int, seconds: float) -> str:
    return f"{tokens / max(seconds, 1e-9):,.0f} tokens/s" if tokens else ""


def _nothing(n: int, tokens: int = 0) -> None:
    del n, tokens
