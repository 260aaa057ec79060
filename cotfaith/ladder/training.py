"""Training of small Llama-style models on documents that are written as they are needed.

What is learnt stands in a `Curriculum`. It writes the documents of a step from the step's own seed, so that a
training that was interrupted goes on exactly as it would have.
"""

import csv
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.nn.functional import cross_entropy

from cotfaith.errors import InputError
from cotfaith.identity import derive_seed

CONTEXT = 4096  # tokens; a formal limit, far beyond the dialogues about sums that are trained on
WARMUP = 100  # steps
CHECK_EVERY = 500  # steps
NOT_LEARNT = -100  # the label that is left out of the loss


@dataclass(frozen=True)
class Document:
    """A dialogue and its answer; what stands up to the end of `given` is shown, the rest is learnt."""

    text: str
    given: str


@dataclass(frozen=True)
class Recipe:
    """A model's shape, and how long it is trained."""

    width: int
    layers: int
    heads: int
    steps: int
    learning_rate: float
    seed: int = 0


class Curriculum(Protocol):
    """What a model learns, and what it is checked on."""

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the documents."""

    def batches(self, rng: random.Random) -> Mapping[str, Sequence[Document]]:
        """Write the documents of one step, in batches of similar length."""

    def checks(self) -> Mapping[str, Sequence[Document]]:
        """Return documents that are never learnt, in batches of similar length."""


def train(
    recipe: Recipe,
    curriculum: Curriculum,
    workplace: Path,
    progress: Callable[[int], AbstractContextManager[Callable[[int], None]]],
    start: Path | None = None,
) -> "Training":
    """Train to the recipe's last step, from the checkpoint in the workplace if there is one.

    Without a checkpoint it begins with the weights in the directory `start`, or untrained. `progress` is
    given the number of steps to do, and what it gives is called with those that are done. A checkpoint of
    another recipe is refused.
    """
    workplace.mkdir(parents=True, exist_ok=True)
    training = Training(recipe, curriculum, start)
    checkpoint = workplace / "checkpoint.pt"
    if checkpoint.exists():
        training.restore(checkpoint)
    with progress(recipe.steps - training.done) as advance:
        while training.done < recipe.steps:
            training.step()
            advance(1)
            if training.done % CHECK_EVERY == 0 or training.done == recipe.steps:
                training.check()
                training.keep(checkpoint)
    return training


class Training:
    """A model on its way."""

    def __init__(self, recipe: Recipe, curriculum: Curriculum, start: Path | None = None) -> None:
        self.recipe = recipe
        self.tokenizer = curriculum.tokenizer
        torch.manual_seed(recipe.seed)
        known = len(self.tokenizer)
        self.model = _trained(start, known) if start else _untrained(recipe, known)
        self.done = 0
        self.curve: list[dict[str, float]] = []
        self._curriculum = curriculum
        self._optimizers = _optimizers(self.model, recipe.learning_rate)
        self._checks = {name: self._encode(documents) for name, documents in curriculum.checks().items()}
        self._digits = torch.tensor(self.tokenizer.convert_tokens_to_ids(list("0123456789")))
        self._since = _Tally()

    def step(self) -> None:
        """Learn one step's documents; every batch weighs the same."""
        rng = random.Random(derive_seed(self.recipe.seed, self.done))
        for name, documents in self._curriculum.batches(rng).items():
            ids, labels = self._encode(documents)
            loss = _loss(self.model, ids, labels)
            torch.autograd.backward(loss)
            self._since.add(name, loss.item(), ids.numel())
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.recipe.learning_rate * self._schedule()
            optimizer.step()
            optimizer.zero_grad()
        self.done += 1

    def check(self) -> None:
        """Add a row to the curve: the losses since the last one, and the held-out accuracies.

        Accuracy is the share of documents in which every learnt digit is the likeliest token after the true
        ones before it.
        """
        accuracies = {f"accuracy {name}": self._accuracy(*batch) for name, batch in self._checks.items()}
        self.curve.append({"step": self.done} | self._since.row() | accuracies)
        self._since = _Tally()

    def keep(self, checkpoint: Path) -> None:
        """Write all that is needed to go on; a crash leaves the checkpoint before."""
        state = {
            "recipe": asdict(self.recipe),
            "done": self.done,
            "curve": self.curve,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
        }
        unfinished = checkpoint.with_suffix(".unfinished")
        torch.save(state, unfinished)
        unfinished.replace(checkpoint)

    def restore(self, checkpoint: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(checkpoint)
        if state["recipe"] != asdict(self.recipe):
            raise InputError(
                f"{checkpoint} is of {state['recipe']}, not of {asdict(self.recipe)}: delete it to start."
            )
        self.done, self.curve = state["done"], state["curve"]
        self.model.load_state_dict(state["model"])
        for optimizer, kept in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)

    def save_model(self, directory: Path) -> None:
        """Write an ordinary Hugging Face directory; the weights are rounded to float16, here too."""
        self.model.half().save_pretrained(directory)
        self.model.float()
        self.tokenizer.save_pretrained(directory)
        (directory / "generation_config.json").unlink(missing_ok=True)

    def save_curve(self, path: Path) -> None:
        """Write the curve as CSV."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.curve[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.curve)

    def _schedule(self) -> float:
        """Return the share of the learning rate: up during the warm-up, then straight down to nothing."""
        return min(1.0, (self.done + 1) / WARMUP) * (1 - self.done / self.recipe.steps)

    def _encode(self, documents: Sequence[Document]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return token ids and labels, (documents, longest); the end token closes and pads every row."""
        encoded = self.tokenizer([document.text for document in documents], return_offsets_mapping=True)
        shape = len(documents), 1 + max(map(len, encoded.input_ids))
        ids = torch.full(shape, self.tokenizer.eos_token_id)
        labels = torch.full(shape, NOT_LEARNT)
        for row, document in enumerate(documents):
            tokens = torch.tensor([*encoded.input_ids[row], self.tokenizer.eos_token_id])
            given = document.text.index(document.given) + len(document.given)
            start = sum(begin < given for begin, _ in encoded.offset_mapping[row])
            ids[row, : len(tokens)] = tokens
            labels[row, start : len(tokens)] = tokens[start:]
        return ids, labels

    @torch.inference_mode()
    def _accuracy(self, ids: torch.Tensor, labels: torch.Tensor) -> float:
        likeliest = self.model(input_ids=ids[:, :-1]).logits.argmax(-1)
        digits = torch.isin(labels[:, 1:], self._digits)
        return float(((likeliest == labels[:, 1:]) | ~digits).all(1).float().mean())


class _Tally:
    """Losses, tokens and time since the last check."""

    def __init__(self) -> None:
        self._losses: dict[str, list[float]] = {}
        self._tokens = 0
        self._begun = time.monotonic()

    def add(self, name: str, loss: float, tokens: int) -> None:
        self._losses.setdefault(name, []).append(loss)
        self._tokens += tokens

    def row(self) -> dict[str, float]:
        means = {f"loss {name}": sum(losses) / len(losses) for name, losses in self._losses.items()}
        return {"tokens": self._tokens, "seconds": time.monotonic() - self._begun} | means


def _trained(directory: Path, vocabulary: int) -> Any:
    """Return a model that was saved, to be trained on, with room for tokens that it does not know yet."""
    from transformers import LlamaForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model = LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32)
    if vocabulary > model.config.vocab_size:
        model.resize_token_embeddings(vocabulary, mean_resizing=False)
    return model.train()


def _untrained(recipe: Recipe, vocabulary: int) -> Any:
    """Return a Llama whose embedding is its unembedding."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.width,
        intermediate_size=8 * round(recipe.width / 3),
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config)


def _optimizers(model: Any, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices inside the model and AdamW for the embedding and the norms.

    Muon: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; its updates are scaled to those of
    AdamW (Liu et al. 2025, arXiv 2502.16982), so that one learning rate serves both.
    """
    inside = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    rest = [p for name, p in model.named_parameters() if p.dim() != 2 or "embed" in name]
    return [
        torch.optim.Muon(inside, learning_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _loss(model: Any, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross entropy of what is learnt, in nats a token."""
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    learnt = labels[:, 1:] != NOT_LEARNT
    return cross_entropy(model.lm_head(hidden[learnt]), labels[:, 1:][learnt])
