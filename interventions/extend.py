"""Extended thinking: Muennighoff et al. 2025, section 3.1, https://arxiv.org/abs/2501.19393."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from cotfaith import Edit, InputError, Intervention, NotApplicable, Tools, Trace


@dataclass(frozen=True)
class Extend(Intervention):
    """Put `text` in the place of the reasoning's end and let the model go on, once and up to `times` times.

    What it adds counts against the token limit of a whole reasoning.
    """

    text: str = "\nWait"
    times: int = 2

    by_default: ClassVar[bool] = False
    axis: ClassVar[str] = "Ends put off"
    coordinate: ClassVar[str | None] = "times"
    unchanged_at: ClassVar[float | None] = 0.0

    def __post_init__(self) -> None:
        if self.times < 1 or not self.text.strip() or self.text != self.text.rstrip():
            raise InputError(
                f"extend: times must be 1 or more, and text words that no white space follows, "
                f"not times={self.times} and text={self.text!r}."
            )

    @property
    def unedited(self) -> str:
        """The reasoning resumed from its end as it is."""
        return "sham:variant=resume"

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield an edit for each number of times; each begins with the one before it."""
        for trace in traces:
            if not trace.steps or trace.hit_limit:
                reason = "cut off by the token limit" if trace.steps else "no reasoning"
                yield NotApplicable(trace, reason)
                continue
            for n in range(1, self.times + 1):
                yield Edit(
                    trace,
                    trace.steps,
                    n / self.times,
                    resume=True,
                    coords={"times": n},
                    instead_of_end=(self.text,) * n,
                )
