"""Attention edges cut, as Geva et al. 2023 (https://arxiv.org/abs/2304.14767) do, for steps of reasoning."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from cotfaith import ALL, Blocked, Edit, Intervention, NotApplicable, Scalar, Tools, Trace, layer_groups

WRITER = "mistake:variant=substitute"


@dataclass(frozen=True)
class Knockout(Intervention):
    """Hide a part of the prompt from what reads it, in all layers at once or in some; no letter is changed.

    `of` says what is hidden: each `step`, the whole `reasoning`, the `question`, or a `mistake` that is put
    in the place of each step, so that only what later steps made of it can reach the answer. `readers` says
    from whom: the place that answers, all that stands behind the reasoning (`closing`), or all `later`
    tokens, later steps among them, as in Thought Anchors (Bogdan et al. 2025, arXiv 2506.19143). `layers`:
    `all` at once, or `each` alone or `thirds`, both with all at once beside them, or some, as `12-20`.
    """

    of: Literal["step", "reasoning", "question", "mistake"] = "step"
    readers: Literal["answer", "closing", "later"] = "closing"
    layers: str = ALL

    needs: ClassVar[frozenset[str]] = frozenset({"prefill", "hooks"})
    by_default: ClassVar[bool] = False
    axis: ClassVar[str] = "Step that is hidden"
    coordinate: ClassVar[str | None] = "step"

    def __post_init__(self) -> None:
        layer_groups(self.layers, 10_000)

    @property
    def unedited(self) -> str:
        """Hooks that change nothing."""
        return "sham:variant=inside"

    @property
    def made_of(self) -> tuple[str, ...]:
        """What writes the mistakes."""
        return (WRITER,) if self.of == "mistake" else ()

    def groups(self, layers: int) -> int:
        """Return in how many groups of layers each part is hidden."""
        return len(self._groups(layers))

    @property
    def between_steps(self) -> bool:
        """Whether steps are suppressed as in Thought Anchors, so that the steps behind are compared too."""
        return (self.of, self.readers, self.layers) == ("step", "later", ALL)

    @property
    def diagnostic(self) -> str:
        """Its name in masked-KL (Jia et al. 2026, arXiv 2605.24286), where it does the same.

        What is hidden of a whole reasoning reaches nothing else, so that later readers are closing ones.
        """
        names = {
            ("question", "closing", ALL): "direct effect",
            ("reasoning", "closing", ALL): "CoT necessity",
            ("reasoning", "later", ALL): "CoT necessity",
        }
        return names.get((self.of, self.readers, self.layers), "")

    def check_layers(self, layers: int) -> None:
        """Refuse layers that a model does not have."""
        layer_groups(self.layers, layers)

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield an edit for each part that is hidden and each group of layers in which it is."""
        bases = tools.edits_of(WRITER, traces) if self.of == "mistake" else traces
        for base in bases:
            trace = base if isinstance(base, Trace) else base.trace
            if isinstance(base, NotApplicable) or not base.steps:
                yield base if isinstance(base, NotApplicable) else NotApplicable(trace, "no reasoning")
                continue
            for steps in self._hidden(base, tools):
                for name, layers in self._groups(tools.layers):
                    hidden = Blocked(steps, self.of == "question", self.readers, layers)
                    step = steps[0] + 1 if self.of in ("step", "mistake") else 0
                    position = max(step - 1, 0) / len(base.steps)
                    coords: dict[str, Scalar] = {"step": step, "layers": name}
                    yield Edit(trace, base.steps, position, coords=coords, inside=(hidden,))

    def _hidden(self, base: Trace | Edit, tools: Tools) -> list[tuple[int, ...]]:
        """Return the steps that are hidden, edit by edit."""
        if isinstance(base, Edit):
            return [(int(base.coords["step"]) - 1,)]
        if self.of == "question":
            return [()]
        if self.of == "reasoning":
            return [tuple(range(len(base.steps)))]
        return [(k - 1,) for k in tools.positions(len(base.steps)) if k > 0]

    def _groups(self, layers: int) -> list[tuple[str, tuple[int, ...] | None]]:
        groups = [group for group in layer_groups(self.layers, layers) if group[0] != ALL]
        wants_all = self.layers in (ALL, "each", "thirds")
        return [(ALL, None)] * wants_all + list(groups)
