"""Budget forcing: Muennighoff et al. 2025, section 3.1, https://arxiv.org/abs/2501.19393."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from cotfaith import Edit, InputError, Intervention, NotApplicable, Tools, Trace


@dataclass(frozen=True)
class Budget(Intervention):
    """End the reasoning after a share of its tokens, wherever that is, and ask for the answer.

    `shares` is how many shares there are, from none to all of the tokens that the sample has.
    """

    shares: int = 10

    by_default: ClassVar[bool] = False
    axis: ClassVar[str] = "Share of the tokens shown"

    def __post_init__(self) -> None:
        if self.shares < 1:
            raise InputError(f"budget: shares must be 1 or more, not {self.shares}.")

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield an edit a share; shares of a short reasoning that end at the same token are one."""
        for trace in traces:
            if not trace.steps:
                yield NotApplicable(trace, "no reasoning")
            total = trace.text_tokens
            budgets = dict.fromkeys(total * k // self.shares for k in tools.positions(self.shares))
            for tokens in budgets if trace.steps else ():
                shown = tools.first_tokens(trace.reasoning, tokens).rstrip()
                yield Edit(trace, _steps(shown, trace.steps), tokens / total, coords={"tokens": tokens})


def _steps(shown: str, steps: Sequence[str]) -> tuple[str, ...]:
    """Cut what is shown of a reasoning where its steps end."""
    ends = [end for end in accumulate(map(len, steps)) if end < len(shown)]
    borders = zip([0, *ends], [*ends, len(shown)], strict=True)
    return tuple(shown[start:end] for start, end in borders if end > start)
