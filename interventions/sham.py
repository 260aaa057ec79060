"""The floor of every other reading: the same procedure without an edit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from cotfaith import Edit, Intervention, NotApplicable, Tools, Trace


@dataclass(frozen=True)
class Sham(Intervention):
    """No change: ask again with the reasoning as it is, or resumed from each of its prefixes."""

    variant: Literal["keep", "resume"] = "keep"

    floor: ClassVar[bool] = True
    axis: ClassVar[str] = "Share of the reasoning kept"

    @property
    def resumes(self) -> bool:
        """Whether the model goes on reasoning from the prefixes."""
        return self.variant == "resume"

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield the whole reasoning once, or every prefix to resume from; the empty one samples anew."""
        for trace in traces:
            n = len(trace.steps)
            if n == 0:
                yield NotApplicable(trace, "no reasoning")
            elif self.variant == "keep":
                yield Edit(trace, trace.steps, 1.0, coords={"steps_shown": n})
            else:
                for k in tools.positions(n):
                    yield Edit(trace, trace.steps[:k], k / n, resume=True, coords={"steps_shown": k})
