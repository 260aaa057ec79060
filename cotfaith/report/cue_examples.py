"""Examples of answers that changed to a cue's: the cue, the answers, and the sentence that names it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from cotfaith.dialogue.naming import naming_step
from cotfaith.plugins.arms import asked_text
from cotfaith.report.examples import LONGEST
from cotfaith.stats.cue_cells import Cell
from cotfaith.store.store import Store

MOST = 10


@dataclass(frozen=True)
class CueExample:
    """A question that was answered as its cue says, and otherwise without it."""

    task: str
    id: str
    model: str
    cue: str
    asked: str
    """All that was asked, with the cue."""
    reasoning: str
    without: str
    """The answer without the cue."""
    answer: str
    gold: str
    named: str
    """The sentence of the reasoning that names the cue; empty if nothing does."""


def cue_examples(store: Store, cells: Sequence[Cell]) -> list[CueExample]:
    """Return up to ten, by turns of each cue, those that name it and those that do not by turns too."""
    queues = [list(_changed(store, cell)) for cell in cells if cell.arm == "incorrect"]
    mixed = chain.from_iterable(zip_longest(*map(_by_turns, queues)))
    return [one for one in mixed if one is not None][:MOST]


def _by_turns(several: Sequence[CueExample]) -> list[CueExample]:
    named, silent = ([one for one in several if bool(one.named) == wanted] for wanted in (True, False))
    pairs = zip_longest(named, silent)
    return [one for pair in pairs for one in pair if one is not None]


def _changed(store: Store, cell: Cell) -> Iterator[CueExample]:
    """Yield the first trace of each question that followed the cue, where a draw without did not."""
    before = dict(zip(cell.questions, cell.draws(cell.without), strict=True))
    followed = cell.cued[cell.cued["answer"] == cell.cued["question"].map(cell.targets)]
    for row in followed.drop_duplicates("question").itertuples():
        others = [answer for answer in before[str(row.question)] if answer not in (None, row.target)]
        if others:
            trace = store.traces([str(row.trace)])[0].trace
            asked = asked_text(trace.question)
            yield CueExample(
                cell.task, str(row.question), cell.model, cell.cue.spec,
                asked if len(asked) <= LONGEST else f"{asked[:LONGEST]} …", trace.reasoning.strip(),
                str(others[0]), str(row.answer), " or ".join(trace.question.right) or "none",
                naming_step(trace.reasoning, cell.cue.named_by) or "",
            )  # fmt: skip
