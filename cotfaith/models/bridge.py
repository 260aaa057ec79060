"""Models run by TransformerLens: `TransformerBridge.boot_transformers` on a hub name or a directory."""

import copy
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from cotfaith.errors import InputError
from cotfaith.models import ModelSettings
from cotfaith.models.batches import Tokens, common_length
from cotfaith.models.files import content_of, load_config, load_tokenizer, refuse_pickles
from cotfaith.models.passes import Passes
from cotfaith.models.renamed import hand_on_cache
from cotfaith.models.sampling import Row, Sampler
from cotfaith.models.texts import Texts
from cotfaith.schema import (
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Generation,
    GenerationRequest,
    ModelInfo,
    TextRequest,
    TextScore,
)

SCORED_AT_ONCE = 1024
"""Tokens of texts whose logits are in memory together."""


class BridgeModel:
    """A causal language model behind a TransformerBridge."""

    def __init__(self, source: str, settings: ModelSettings, name: str | None = None) -> None:
        self._name = name
        self._source = str(Path(source).expanduser()) if source.startswith("~") else source
        self._settings = settings
        self._config = load_config(self._source, trust_remote_code=settings.trust_remote_code)
        refuse_pickles(self._source, allowed=settings.pickled_weights)
        tokenizer = load_tokenizer(self._source, trust_remote_code=settings.trust_remote_code)
        self._texts = Texts(tokenizer, self._source, chat=settings.chat)

    @cached_property
    def info(self) -> ModelInfo:
        """Count the parameters without reading the weights, and hash what decides the answers."""
        from transformers import AutoModelForCausalLM

        try:
            with torch.device("meta"):
                skeleton = AutoModelForCausalLM.from_config(
                    self._config, trust_remote_code=self._settings.trust_remote_code
                )
        except ValueError as error:
            kind = getattr(self._config, "model_type", "unknown")
            raise InputError(
                f"model {self._source!r}: a {kind} model is no causal language model."
            ) from error
        form = "chat" if self._settings.chat else "plain"
        return ModelInfo(
            name=self._name
            or (Path(self._source).resolve().name if Path(self._source).is_dir() else self._source),
            fingerprint=f"{content_of(self._source, self._config)}-{self._settings.dtype}-{form}",
            n_params=sum(parameter.numel() for parameter in skeleton.parameters()),
        )

    @property
    def tokens_computed(self) -> int:
        """How many tokens went through the network so far, padding included."""
        return self._passes.tokens_computed

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text by itself, without special tokens."""
        return self._texts.count(text)

    def refusals(self, dialogues: Sequence[Dialogue], room: int) -> list[str]:
        """Say of each dialogue why it cannot be asked with so many tokens behind it; nothing if it can."""
        encoded = self._texts.tokenize([self._texts.render(dialogue) for dialogue in dialogues])
        told = self._texts.refusals(dialogues, encoded)
        too_long = f"longer than the model's context of {self._context} tokens" if dialogues else ""
        return [
            reason or (too_long if len(tokens) + room > self._context else "")
            for reason, tokens in zip(told, encoded, strict=True)
        ]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Sample in batches that fit into the memory; equal requests are computed once."""
        distinct = list(dict.fromkeys(requests))
        prompts = self._encode([request.dialogue for request in distinct])
        rows = [
            Row(request, prompt, self._texts.closers(request.stop))
            for request, prompt in zip(distinct, prompts, strict=True)
        ]
        for row in rows:
            left = self._context - len(row.prompt) - row.request.reserve
            row.room = min(row.request.sampling.max_new_tokens, left)
        ready = [row for row in rows if row.room > 0]
        begun: dict[bool, list[Row]] = {True: [], False: []}
        for row in ready:
            begun[self._passes.ended.begins(row.prompt)].append(row)
        self._sampler.sample(begun[True])
        self._passes.ended.clear()
        self._sampler.sample(begun[False])
        written = dict(zip(distinct, map(self._generation, rows), strict=True))
        return [written[request] for request in requests]

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        """Score every choice exactly, also where it is several tokens or joins the token before it.

        Each choice is tokenized together with the dialogue; what the choices' tokens have in common is the
        context, and a choice's log-probability is the sum over the tokens that follow it. Every distinct
        sequence is computed once.
        """
        distinct = list(dict.fromkeys(requests))
        split = dict(zip(distinct, self._choice_tokens(distinct), strict=True))
        wanted: dict[Tokens, set[int]] = {}
        for context, continuations in split.values():
            for continuation in continuations:
                for j, token in enumerate(continuation):
                    wanted.setdefault(context + continuation[:j], set()).add(token)
        logprobs = self._next_logprobs(wanted)
        answers = {request: _normalise(*split[request], logprobs) for request in distinct}
        for request, answer in answers.items():
            if math.isnan(answer.probs[0]):
                raise InputError(
                    f"model {self._source!r} gives none of the choices {', '.join(request.choices)} any "
                    f"probability in {self._settings.dtype}. Try --dtype float32."
                )
        return [answers[request] for request in requests]

    def text_scores(self, requests: Sequence[TextRequest]) -> list[TextScore]:
        """Score texts token by token, each tokenized together with its dialogue.

        The dialogue's tokens are what it has in common with itself and the text; texts that share their
        beginnings are scored together, as many as the logits of all their tokens allow.
        """
        distinct = list(dict.fromkeys(requests))
        prompts = self._encode([request.dialogue for request in distinct])
        whole = self._texts.tokenize([self._texts.render(r.dialogue) + r.text for r in distinct])
        begins = [common_length(prompt, text) for prompt, text in zip(prompts, whole, strict=True)]
        scores: dict[TextRequest, TextScore] = {}
        wanted: dict[Tokens, set[int]] = {}
        waiting: list[tuple[TextRequest, Tokens, int]] = []
        for request, text, begin in zip(distinct, whole, begins, strict=True):
            for j in range(begin, len(text)):
                wanted.setdefault(text[:j], set()).add(text[j])
            waiting.append((request, text, begin))
            if len(wanted) >= SCORED_AT_ONCE or request is distinct[-1]:
                logprobs = self._next_logprobs(wanted)
                for asked, tokens, start in waiting:
                    found = [logprobs[tokens[:j], tokens[j]] for j in range(start, len(tokens))]
                    scores[asked] = TextScore(sum(found), len(found))
                wanted, waiting = {}, []
        return [scores[request] for request in requests]

    @cached_property
    def _network(self) -> Any:
        """The loaded network, in the arithmetic that transformers takes for fast."""
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
    def bridge(self) -> Any:
        """The same weights behind TransformerLens's hook points."""
        from transformer_lens.model_bridge import TransformerBridge

        weights = {id(tensor): tensor for tensor in (*self._network.parameters(), *self._network.buffers())}
        try:
            bridge = TransformerBridge.boot_transformers(
                self._source,
                device=self._device,
                dtype=getattr(torch, self._settings.dtype),
                tokenizer=self._texts.tokenizer,
                trust_remote_code=self._settings.trust_remote_code,
                hf_model=copy.deepcopy(self._network, weights),
            )
        except (OSError, ValueError, RuntimeError, NotImplementedError) as error:
            raise InputError(f"model {self._source!r} could not be loaded: {error}") from error
        hand_on_cache(bridge)
        return bridge.eval()

    @cached_property
    def _device(self) -> str:
        from transformer_lens.utilities import get_device

        return self._settings.device if self._settings.device != "auto" else str(get_device())

    @cached_property
    def _passes(self) -> Passes:
        return Passes(
            self._network, self.bridge, may_share=not self._slides, batch_size=self._settings.batch_size
        )

    @cached_property
    def _sampler(self) -> Sampler:
        batch_size, decode = self._settings.batch_size, self._texts.decode
        return Sampler(self._passes, batch_size, self._ends, decode, self._check_numbers)

    @cached_property
    def _context(self) -> int:
        return int(self.bridge.cfg.n_ctx)

    @cached_property
    def _slides(self) -> bool:
        """Whether a layer attends to a window, which padding behind a shared beginning would use up."""
        layers = getattr(self._config, "layer_types", None)
        if layers is not None:
            return any("full" not in kind for kind in layers)
        used = getattr(self._config, "use_sliding_window", True)
        return bool(used) and getattr(self._config, "sliding_window", None) is not None

    @cached_property
    def _ends(self) -> set[int]:
        """The tokens that end a turn or a text, and all others that are no text: they would mark a turn."""
        generation = getattr(self.bridge.original_model, "generation_config", None)
        ids = [self._texts.end, getattr(generation, "eos_token_id", None)]
        flat = [i for part in ids for i in (part if isinstance(part, list) else [part])]
        return {i for i in flat if i is not None} | self._texts.special

    def _encode(self, dialogues: Sequence[Dialogue]) -> list[Tokens]:
        encoded = self._texts.tokenize([self._texts.render(dialogue) for dialogue in dialogues])
        for dialogue, tokens in zip(dialogues, encoded, strict=True):
            if len(tokens) >= self._context:
                raise InputError(
                    f"model {self._source!r} holds {self._context} tokens, but the prompt that begins "
                    f"{dialogue[0].text!r:.80} has {len(tokens)}. Leave the question out."
                )
        return encoded

    def _choice_tokens(self, requests: Sequence[ChoiceRequest]) -> list[tuple[Tokens, list[Tokens]]]:
        """Return what each request's choices have in common with its dialogue, and how each goes on."""
        prompts = self._encode([request.dialogue for request in requests])
        split = [
            self._texts.continuations(request.dialogue, prompt, request.choices)
            for request, prompt in zip(requests, prompts, strict=True)
        ]
        for request, (_, continuations) in zip(requests, split, strict=True):
            self._check_choices(request, continuations)
        return split

    def _check_choices(self, request: ChoiceRequest, tokens: Sequence[Tokens]) -> None:
        """Refuse a tokenizer that writes two choices alike, or one as nothing it knows."""
        first: dict[Tokens, str] = {}
        for choice, written in zip(request.choices, tokens, strict=True):
            if first.setdefault(written, choice) != choice or self._texts.unknown in written:
                raise InputError(
                    f"model {self._source!r}: its tokenizer has no tokens of its own for the choice "
                    f"{choice!r}, so that its probability cannot be read. Let the answer "
                    "be written: TASK:written=true."
                )

    def _next_logprobs(self, wanted: dict[Tokens, set[int]]) -> dict[tuple[Tokens, int], float]:
        """Compute log p(token | sequence) for every wanted pair, in float32."""
        found = {}
        for sequences, logits in self._passes.next_logits(list(wanted)):
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

    def _generation(self, row: Row) -> Generation:
        """Decode behind the prompt's last token, since some tokenizers drop the space of a first token."""
        drawn = [token for token in row.drawn if token not in self._ends]
        before = self._texts.decode(row.prompt[-1:])
        text = self._texts.decode([*row.prompt[-1:], *drawn]).removeprefix(before)
        cut = min((at for stop in row.request.stop if (at := text.find(stop)) >= 0), default=None)
        text = text[:cut]
        tokens = len(drawn) if cut is None else self._texts.count(text)
        return Generation(text, tokens, not row.stopped, row.logprob)


def _normalise(
    context: Tokens, continuations: Sequence[Tokens], logprobs: dict[tuple[Tokens, int], float]
) -> ChoiceProbs:
    sums = [
        sum(logprobs[context + tokens[:j], token] for j, token in enumerate(tokens))
        for tokens in continuations
    ]
    mass = torch.tensor(sums, dtype=torch.float64).exp()
    share = torch.softmax(torch.tensor(sums, dtype=torch.float64), dim=0)
    return ChoiceProbs(tuple(share.tolist()), float(mass.sum()))
