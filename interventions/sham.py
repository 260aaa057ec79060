"""The floor of every other reading: the same procedure without an edit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from cotfaith import Blocked, Edit, Intervention, NotApplicable, Patched, Tools, Trace


@dataclass(frozen=True)
class Sham(Intervention):
    """No change: ask again with the reasoning as it is, or resumed from each of its prefixes.

    `inside`: with the reasoning as it is, through hooks that change nothing, and states taken from itself.
    """

    variant: Literal["keep", "resume", "inside"] = "keep"

    floor: ClassVar[bool] = True
    axis: ClassVar[str] = "Share of the reasoning kept"

    @property
    def resumes(self) -> bool:
        """Whether the model goes on reasoning from the prefixes."""
        return self.variant == "resume"

    @property
    def asks_for(self) -> frozenset[str]:
        """The abilities that it needs: hooks only where it uses them."""
        return self.needs | ({"hooks"} if self.variant == "inside" else set())

    def groups(self, layers: int) -> int:
        """Return 2: hooks that hide nothing, and states taken from the same run."""
        return 2

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield the whole reasoning once, or every prefix to resume from; the empty one samples anew."""
        for trace in traces:
            n = len(trace.steps)
            if n == 0:
                yield NotApplicable(trace, "no reasoning")
            elif self.variant == "keep":
                yield Edit(trace, trace.steps, 1.0, coords={"steps_shown": n})
            elif self.variant == "inside":
                every = tuple(range(tools.layers))
                for same in (Blocked(layers=every), Patched(tuple(range(n)), trace.steps, every)):
                    coords = {"steps_shown": n, "hooks": same.kind}
                    yield Edit(trace, trace.steps, 1.0, coords=coords, inside=(same,))
            else:
                for k in tools.positions(n):
                    yield Edit(trace, trace.steps[:k], k / n, resume=True, coords={"steps_shown": k})
