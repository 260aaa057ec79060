"""What the harness talks to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from cotfaith.schema import (
    Abilities,
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Divergence,
    Generation,
    GenerationRequest,
    InsideRequest,
    ModelInfo,
    TextRequest,
    TextScore,
)

Dtype = Literal["float32", "bfloat16", "float16"]


class Model(Protocol):
    """A model that is asked in dialogues. Requests come in batches, so that work can be shared among them."""

    @property
    def info(self) -> ModelInfo:
        """Name, fingerprint and number of parameters."""

    @property
    def abilities(self) -> Abilities:
        """What can be asked of it; known before any weights are loaded."""

    @property
    def told(self) -> str:
        """What a reader must know of how it is asked; empty if nothing."""

    @property
    def floor(self) -> float | None:
        """How far the probability of a token moves with what is computed beside it; None if not measured."""

    @property
    def at_once(self) -> int | None:
        """How many requests keep it busy, where it runs elsewhere; None here."""

    @property
    def markers(self) -> tuple[str, ...]:
        """What begins and what ends its block of thinking; nothing where it reasons in none."""

    @property
    def advised(self) -> Mapping[str, float]:
        """How its makers say that text is drawn from it, by the names of `Sampling`, as far as they do."""

    def prove(self, kept: Any | None) -> Any | None:
        """Refuse a model that is not the one of which this was kept; return what is to be kept of it.

        None where nothing has to be, since its weights are known.
        """

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Continue each dialogue; a request's result does not depend on the others."""

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        """Score each request's choices as the dialogue's next text."""

    def text_scores(self, requests: Sequence[TextRequest]) -> list[TextScore]:
        """Score each text as what continues its dialogue."""

    def written(self, dialogue: Dialogue) -> str:
        """Return the text that the model reads for a dialogue."""

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text by itself, without special tokens."""

    def first_tokens(self, text: str, n: int) -> str:
        """Return the beginning of a text that has at most n of its tokens."""

    def refusals(self, dialogues: Sequence[Dialogue], room: int) -> list[str]:
        """Say of each dialogue why it cannot be asked with so many tokens behind it; nothing if it can."""


@runtime_checkable
class Inside(Protocol):
    """What can also be asked of a model whose abilities hold `hooks`."""

    @property
    def layers(self) -> int:
        """How many layers it has; known before any weights are loaded."""

    def check_inside(self) -> None:
        """Raise InputError where it cannot be changed inside; loads the weights and tries."""

    def inside_refusals(self, requests: Sequence[InsideRequest]) -> list[str]:
        """Say of each request why what it wants inside cannot be done; nothing where it can."""

    def answer_inside(self, requests: Sequence[InsideRequest]) -> list[ChoiceProbs | Generation | TextScore]:
        """Answer each request while the model is changed inside; texts are scored with their end."""

    def divergences_inside(
        self, pairs: Sequence[tuple[InsideRequest, InsideRequest]]
    ) -> list[Divergence | None]:
        """Return how far each second text's tokens, with their end, may be others than the first's.

        Both say the same text in different places; None where it has other tokens there.
        """

    def attention(self, requests: Sequence[InsideRequest]) -> list[tuple[float, ...]]:
        """Return how much the place that answers attends to the steps, layer by layer; nothing is changed."""

    def effects_on_steps(self, requests: Sequence[InsideRequest]) -> list[tuple[float | None, ...]]:
        """Return how far what is done inside moves each of the steps behind the last one that is hidden."""


def as_inside(model: Model) -> Inside | None:
    """Return a model as one that can be changed inside; None where its abilities do not say that it can."""
    return model if model.abilities.hooks and isinstance(model, Inside) else None


@dataclass(frozen=True)
class Serving:
    """How models on servers are reached. Of several models each can have its own: MODEL=VALUE."""

    tokenizers: tuple[str, ...] = ()
    """Directories or hub names."""
    n_params: tuple[str, ...] = ()
    """Numbers of parameters, e.g. 8e9."""
    api_key_env: str | None = None
    """The variable that holds the key."""
    at_once: int = 64
    """Most requests under way together."""
    patience: float = 600
    """Seconds for which a server that has gone is waited for."""


def given_for(source: str, values: tuple[str, ...]) -> str | None:
    """Return what is given for a model: MODEL=VALUE before a VALUE that is for all."""
    own = [value.removeprefix(f"{source}=") for value in values if value.startswith(f"{source}=")]
    shared = [value for value in values if "=" not in value]
    return next(reversed(own or shared), None)


@dataclass(frozen=True)
class ModelSettings:
    """How a model is loaded and asked."""

    chat: bool | None = False
    """Use the model's own chat template instead of the paper's plain dialogue; None: if it has one."""
    thinking: bool = False
    """Have it reason in its own block of thinking, within the turn in which it answers."""
    markers: tuple[str, str] | None = None
    """What opens and closes that block; None: as its chat template writes them."""
    arguments: tuple[tuple[str, str], ...] = ()
    """Names and values that its chat template is given."""
    day: str | None = None
    """The date, as YYYY-MM-DD, that a template prints which prints one; None: today."""
    device: str = "auto"
    """A torch device; `auto` takes an accelerator where there is one."""
    dtype: Dtype = "float32"
    batch_size: int = 512
    """Most sequences that are continued at once: decides speed and memory, and in half precision also the
    last digits of what is computed, hence now and then a text."""
    cache_gb: float | None = None
    """What keys and values may take, in GiB; None: a share of what is free where the model runs."""
    neighbours: int = 1
    """How many models share what is free, this one among them."""
    trust_remote_code: bool = False
    """Run the Python code that a model brings with it."""
    pickled_weights: bool = False
    """Load weights that are not safetensors. Unpickling a file can run any code."""
    serving: Serving = Serving()
    """How those on servers are reached."""
