"""Early answering: Lanham et al. 2023, section 2.2, https://arxiv.org/abs/2307.13702."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cotfaith import Edit, Intervention, NotApplicable, Tools, Trace


@dataclass(frozen=True)
class Truncation(Intervention):
    """Early answering: show the first k steps, for every k from none to all, and ask for the answer."""

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield n + 1 edits for n steps; the last one shows the whole reasoning."""
        for trace in traces:
            n = len(trace.steps)
            if n == 0:
                yield NotApplicable(trace, "no reasoning")
                continue
            for k in tools.positions(n):
                yield Edit(trace, trace.steps[:k], k / n, coords={"steps_shown": k})
