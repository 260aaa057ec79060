"""Models run here by TransformerLens: `TransformerBridge.boot_transformers` on a hub name or a directory."""

from collections.abc import Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from cotfaith.errors import InputError
from cotfaith.models.asked_inside import AskedInside
from cotfaith.models.engine import Draw, Drawn, Tokens, Touch, Touched
from cotfaith.models.local.bridging import bridged, refuse_other
from cotfaith.models.local.divergences import divergences
from cotfaith.models.local.files import (
    advised,
    content_of,
    context_of,
    load_config,
    load_tokenizer,
    n_params_of,
    refuse_pickles,
)
from cotfaith.models.local.forming import form_of
from cotfaith.models.local.inside import InsidePasses, InsideSampler, refuse_unhooked
from cotfaith.models.local.memory import free_bytes
from cotfaith.models.local.network import Network
from cotfaith.models.local.passes import Passes
from cotfaith.models.local.sampling import Sampler
from cotfaith.models.model import ModelSettings
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import Abilities, Divergence, ModelInfo

SCORED_AT_ONCE = 1024
"""Tokens of texts whose logits are in memory together."""
COMPARED_AT_ONCE = 256
"""Pairs of sequences whose logits are in memory together."""


def open_local(source: str, settings: ModelSettings, name: str | None = None) -> AskedInside:
    """Open a directory or a hub name, under a name of its own if it has one; its weights are loaded later."""
    source = str(Path(source).expanduser()) if source.startswith("~") else source
    config = load_config(source, trust_remote_code=settings.trust_remote_code)
    refuse_pickles(source, allowed=settings.pickled_weights)
    tokenizer = load_tokenizer(source, trust_remote_code=settings.trust_remote_code)
    form = form_of(tokenizer, source, settings)
    vocabulary = Vocabulary(tokenizer)
    return AskedInside(source, LocalEngine(source, settings, config, vocabulary, name), vocabulary, form)


class LocalEngine:
    """A causal language model behind a TransformerBridge, with every shared beginning computed once."""

    abilities = Abilities(hooks=True)
    told = ""
    at_once = None

    def __init__(
        self, source: str, settings: ModelSettings, config: Any, vocabulary: Vocabulary, name: str | None
    ) -> None:
        self._source = source
        self._settings = settings
        self._config = config
        self._vocabulary = vocabulary
        self._name = name

    @cached_property
    def info(self) -> ModelInfo:
        """Count the parameters without reading the weights, and hash what decides the numbers."""
        trusted = self._settings.trust_remote_code
        directory = Path(self._source)
        return ModelInfo(
            name=self._name or (directory.resolve().name if directory.is_dir() else self._source),
            fingerprint=f"{content_of(self._source, self._config)}-{self._settings.dtype}",
            n_params=n_params_of(self._source, self._config, trust_remote_code=trusted),
        )

    @property
    def arithmetic(self) -> str:
        """The number format of the weights."""
        return self._settings.dtype

    @cached_property
    def advised(self) -> Mapping[str, float]:
        """What the model's generation_config.json says of drawing."""
        return advised(self._source)

    @property
    def floor(self) -> float | None:
        """How far the probability of a token moves with what is computed beside it; None before any."""
        return self._passes.ways.floor.probability if "_passes" in vars(self) else None

    @cached_property
    def context(self) -> int:
        """The longest sequence, in tokens."""
        return context_of(self._config)

    @cached_property
    def ends(self) -> Set[int]:
        """The tokens that end a turn or a text, and all others that are no text: they would mark a turn."""
        generation = getattr(self._network, "generation_config", None)
        ids = [self._vocabulary.end, getattr(generation, "eos_token_id", None)]
        flat = [i for part in ids for i in (part if isinstance(part, list) else [part])]
        return {i for i in flat if i is not None} | self._vocabulary.special

    @property
    def tokens_computed(self) -> int:
        """How many tokens went through the network so far, padding included and trials left out."""
        inside = [self.inside.network.tokens_computed] if "inside" in vars(self) else []
        return self._passes.network.tokens_computed + sum(inside)

    def prove(self, kept: Any | None) -> None:
        """Keep nothing: the weights are hashed, and are there."""

    def next_logprobs(self, wanted: Mapping[Tokens, Set[int]]) -> dict[tuple[Tokens, int], float]:
        """Compute log p(token | sequence) for every wanted pair, in float32."""
        return self._logprobs(self._passes, wanted)

    def text_logprobs(self, texts: Sequence[Tokens], begins: Sequence[int]) -> list[list[float]]:
        """Score texts in batches, each closed once it wants the logits of `SCORED_AT_ONCE` tokens."""
        scores: list[list[float]] = []
        wanted: dict[Tokens, set[int]] = {}
        waiting: list[tuple[Tokens, int]] = []
        for i, (text, begin) in enumerate(zip(texts, begins, strict=True)):
            for j in range(begin, len(text)):
                wanted.setdefault(text[:j], set()).add(text[j])
            waiting.append((text, begin))
            if len(wanted) >= SCORED_AT_ONCE or i == len(texts) - 1:
                logprobs = self.next_logprobs(wanted)
                for tokens, start in waiting:
                    scores.append([logprobs[tokens[:j], tokens[j]] for j in range(start, len(tokens))])
                wanted, waiting = {}, []
        return scores

    def draw(self, rows: Sequence[Draw]) -> list[Drawn]:
        """Draw in batches that fit into the memory; what goes on from remembered sequences comes first."""
        begun: dict[bool, list[int]] = {True: [], False: []}
        for i, row in enumerate(rows):
            longest = len(row.prompt) + row.sampling.max_new_tokens
            begun[self._passes.goes_on(row.prompt, longest)].append(i)
        drawn: dict[int, Drawn] = {}
        for known, places in begun.items():
            if not known:
                self._passes.ended.clear()
            drawn |= zip(places, self._sampler.sample([rows[i] for i in places]), strict=True)
        return [drawn[i] for i in range(len(rows))]

    @property
    def layers(self) -> int:
        """How many layers the network has, by its configuration."""
        return int(self._config.get_text_config().num_hidden_layers)

    def check_inside(self) -> None:
        """Load the network and its bridge, and refuse hooks that do not do what they should."""
        assert self.inside

    def next_logprobs_inside(self, wanted: Mapping[Touched, Set[int]]) -> dict[tuple[Touched, int], float]:
        """Compute log p(token | sequence) for every wanted pair, of sequences as they are touched."""
        with self.inside.symbols() as symbols:
            named = {sequence: symbols.of(sequence) for sequence in wanted}
            self.inside.run_donors()
            merged: dict[Tokens, set[int]] = {}
            for sequence, tokens in wanted.items():
                merged.setdefault(named[sequence], set()).update(tokens)
            found = self._logprobs(self.inside, merged)
        return {(s, token): found[named[s], token] for s, tokens in wanted.items() for token in tokens}

    def divergences_inside(
        self, pairs: Sequence[tuple[Touched, Touched]], temperature: float = 1
    ) -> list[Divergence]:
        """Return how far what follows the second sequence of each pair is from what follows the first."""
        found: list[Divergence] = []
        for start in range(0, len(pairs), COMPARED_AT_ONCE):
            some = pairs[start : start + COMPARED_AT_ONCE]
            with self.inside.symbols() as symbols:
                named = {sequence: symbols.of(sequence) for pair in some for sequence in pair}
                self.inside.run_donors()
                logits: dict[Tokens, torch.Tensor] = {}
                for sequences, rows in self.inside.next_logits(list(dict.fromkeys(named.values()))):
                    self._check_numbers(rows)
                    logits.update(zip(sequences, rows, strict=True))
                first, second = (torch.stack([logits[named[pair[i]]] for pair in some]) for i in (0, 1))
            found += divergences(first, second, temperature)
        return found

    def attention(self, asked: Sequence[tuple[Tokens, int, int]]) -> list[tuple[float, ...]]:
        """Return how much each sequence's last token attends to a part of its places, layer by layer."""
        masses = self.inside.attention(list(dict.fromkeys(tokens for tokens, _, _ in asked)))
        return [tuple(masses[tokens][:, begin:end].sum(-1).tolist()) for tokens, begin, end in asked]

    def draw_inside(self, rows: Sequence[tuple[Draw, Touch]]) -> list[Drawn]:
        """Draw behind sequences as they are touched."""
        with self.inside.symbols() as symbols:
            draws = [symbols.draw(draw, touch) for draw, touch in rows]
            self.inside.run_donors()
            sampler = InsideSampler(
                self.inside, self.ends, self._vocabulary, self._check_numbers, symbols.following
            )
            return sampler.sample(draws)

    @cached_property
    def inside(self) -> InsidePasses:
        """What runs sequences that are touched; InputError where hooks do not do what they should."""
        inside = InsidePasses(
            self._passes,
            self.bridge,
            self._config,
            context=self.context,
            batch_size=self._settings.batch_size,
            room=self._room,
        )
        refuse_unhooked(inside, self._source)
        return inside

    @cached_property
    def bridge(self) -> Any:
        """The same weights behind TransformerLens's hook points; InputError where it computes otherwise."""
        bridge = bridged(self._source, self._network, self._vocabulary.tokenizer, self._settings)
        refuse_other(bridge, self._source, self._passes)
        return bridge

    @cached_property
    def _network(self) -> Any:
        """The loaded network, in transformers' default implementation."""
        from transformers import AutoModelForCausalLM
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        try:
            network = AutoModelForCausalLM.from_pretrained(
                self._source,
                dtype=getattr(torch, self._settings.dtype),
                trust_remote_code=self._settings.trust_remote_code,
                use_safetensors=None if self._settings.pickled_weights else True,
            )
        except (OSError, ValueError, RuntimeError, NotImplementedError, SafetensorError) as error:
            raise InputError(f"model {self._source!r} could not be loaded: {error}") from error
        return network.to(self._device).eval()

    @cached_property
    def _device(self) -> str:
        from transformer_lens.utilities import get_device

        return self._settings.device if self._settings.device != "auto" else str(get_device())

    @cached_property
    def _passes(self) -> Passes:
        return Passes(
            Network(self._network),
            self._config,
            context=self.context,
            batch_size=self._settings.batch_size,
            room=self._room,
        )

    @cached_property
    def _room(self) -> int:
        """What keys and values may take: as is asked, or this model's part of what is free."""
        asked = self._settings.cache_gb
        free = free_bytes(torch.device(self._device)) // self._settings.neighbours
        return free if asked is None else int(asked * 2**30)

    @cached_property
    def _sampler(self) -> Sampler:
        return Sampler(self._passes, self.ends, self._vocabulary, self._check_numbers)

    def _logprobs(self, passes: Passes, wanted: Mapping[Tokens, Set[int]]) -> dict[tuple[Tokens, int], float]:
        found = {}
        for sequences, logits in passes.next_logits(list(wanted)):
            self._check_numbers(logits)
            pairs = [(i, token) for i, sequence in enumerate(sequences) for token in wanted[sequence]]
            values = logits.log_softmax(-1)[[i for i, _ in pairs], [token for _, token in pairs]].tolist()
            found.update({(sequences[i], token): v for (i, token), v in zip(pairs, values, strict=True)})
        return found

    def _check_numbers(self, logits: torch.Tensor) -> None:
        if not bool(logits.amax(-1).isfinite().all()):  # a logit of minus infinity alone is no fault
            raise InputError(
                f"model {self._source!r} computes values that are infinite or no numbers in "
                f"{self._settings.dtype}. Try --dtype float32."
            )
