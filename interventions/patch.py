"""Activation patching of steps: Meng et al. 2022, arXiv 2202.05262.

The donors are other texts of as many tokens and no noise, as Zhang and Nanda 2023 (arXiv 2309.16042) advise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from cotfaith import Edit, Intervention, NotApplicable, Patched, Tools, Trace, layer_groups

DONORS = {"mistake": "mistake:variant=substitute", "paraphrase": "paraphrase"}


@dataclass(frozen=True)
class Patch(Intervention):
    """Take the states of a step from a run in which it says something else, before a layer.

    `donor` says what it says there: a `mistake`, or the same in other words (`paraphrase`, with all steps
    before it). `direction`: the donor's states into the run on the model's own reasoning (`noise`: are they
    needed?), or its own into the donor's run (`denoise`: do they suffice?). `layers`: before `each` alone,
    the `first` (which is the donor's step itself), `thirds`, or some, as `12-20`. A donor must have as many
    tokens in each step as the reasoning has.
    """

    donor: Literal["mistake", "paraphrase"] = "mistake"
    direction: Literal["noise", "denoise"] = "noise"
    layers: str = "each"

    needs: ClassVar[frozenset[str]] = frozenset({"prefill", "hooks"})
    by_default: ClassVar[bool] = False
    axis: ClassVar[str] = "Step whose states are taken"
    coordinate: ClassVar[str | None] = "step"

    def __post_init__(self) -> None:
        layer_groups(self.layers, 10_000)

    @property
    def unedited(self) -> str:
        """Hooks that change nothing."""
        return "sham:variant=inside"

    @property
    def made_of(self) -> tuple[str, ...]:
        """What writes the donors."""
        return (DONORS[self.donor],)

    def check_layers(self, layers: int) -> None:
        """Refuse layers that a model does not have."""
        layer_groups(self.layers, layers)

    def groups(self, layers: int) -> int:
        """Return before how many groups of layers states are taken."""
        return len(layer_groups(self.layers, layers))

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        """Yield an edit for each donor and each group of layers before which its states are taken."""
        for written in tools.edits_of(DONORS[self.donor], traces):
            if isinstance(written, NotApplicable):
                yield written
                continue
            own = written.trace.steps
            said = int(written.coords.get("steps_paraphrased", len(own)))
            donor = (*written.steps, *own[said:])
            changed = tuple(i for i, pair in enumerate(zip(own, donor, strict=False)) if pair[0] != pair[1])
            if len(donor) != len(own) or not changed:
                yield NotApplicable(written.trace, "the donor has not the same steps", written.coords)
                continue
            base, other = (own, donor) if self.direction == "noise" else (donor, own)
            for name, layers in layer_groups(self.layers, tools.layers):
                yield Edit(
                    written.trace,
                    base,
                    changed[-1] / len(own),
                    coords={"step": changed[-1] + 1, "layers": name},
                    inside=(Patched(changed, other, layers),),
                )
