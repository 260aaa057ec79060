"""Models run by TransformerLens: `TransformerBridge.boot_transformers` on a hub name or a directory."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from safetensors import SafetensorError

from cotfaith.errors import InputError
from cotfaith.models import ModelSettings
from cotfaith.models.batches import Tokens, common_length, left_pad, sharing_batches
from cotfaith.models.files import content_of, load_config, load_tokenizer
from cotfaith.models.sampling import Row, draw
from cotfaith.prompts import plain_text
from cotfaith.schema import (
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Generation,
    GenerationRequest,
    ModelInfo,
    Turn,
)


class BridgeModel:
    """A causal language model behind a TransformerBridge."""

    def __init__(self, source: str, settings: ModelSettings) -> None:
        self._source = str(Path(source).expanduser()) if source.startswith("~") else source
        self._settings = settings
        self._config = load_config(self._source)
        self._tokenizer = load_tokenizer(self._source)
        if settings.chat:
            self._check_chat_template()

    @cached_property
    def info(self) -> ModelInfo:
        """Count the parameters without reading the weights, and hash what decides the answers."""
        from transformers import AutoModelForCausalLM

        try:
            with torch.device("meta"):
                skeleton = AutoModelForCausalLM.from_config(self._config)
        except ValueError as error:
            kind = getattr(self._config, "model_type", "unknown")
            raise InputError(
                f"model {self._source!r}: a {kind} model is no causal language model."
            ) from error
        form = "chat" if self._settings.chat else "plain"
        return ModelInfo(
            name=Path(self._source).resolve().name if Path(self._source).is_dir() else self._source,
            fingerprint=f"{content_of(self._source, self._config)}-{self._settings.dtype}-{form}",
            n_params=sum(parameter.numel() for parameter in skeleton.parameters()),
        )

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text by itself, without special tokens."""
        return len(self._tokenizer(text, add_special_tokens=False).input_ids)

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """Sample in left-padded batches of similar length; equal requests are computed once."""
        rows = {request: Row(request, self._encode(request.dialogue)) for request in requests}
        for row in rows.values():
            left = self._context - len(row.prompt) - row.request.reserve
            row.room = min(row.request.sampling.max_new_tokens, left)
        ready = [row for row in rows.values() if row.room > 0]
        ready.sort(key=lambda row: len(row.prompt), reverse=True)
        for start in range(0, len(ready), self._settings.batch_size):
            self._sample(ready[start : start + self._settings.batch_size])
        return [self._generation(rows[request]) for request in requests]

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        """Score every choice exactly, also where it is several tokens or joins the token before it.

        Each choice is tokenized together with the dialogue; what the choices' tokens have in common is the
        context, and a choice's log-probability is the sum over the tokens that follow it. Every distinct
        sequence is computed once.
        """
        split = {request: self._choice_tokens(request) for request in requests}
        wanted: dict[Tokens, set[int]] = {}
        for context, continuations in split.values():
            for continuation in continuations:
                for j, token in enumerate(continuation):
                    wanted.setdefault(context + continuation[:j], set()).add(token)
        logprobs = self._next_logprobs(wanted)
        return [_normalise(*split[request], logprobs) for request in requests]

    @cached_property
    def bridge(self) -> Any:
        """The loaded model."""
        from transformer_lens.model_bridge import TransformerBridge
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        device = None if self._settings.device == "auto" else self._settings.device
        dtype = getattr(torch, self._settings.dtype)
        try:
            bridge = TransformerBridge.boot_transformers(
                self._source, device=device, dtype=dtype, tokenizer=load_tokenizer(self._source)
            )
        except (OSError, ValueError, RuntimeError, NotImplementedError, SafetensorError) as error:
            raise InputError(f"model {self._source!r} could not be loaded: {error}") from error
        return bridge.eval()

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
        """The tokens that end a turn or a text."""
        generation = getattr(self.bridge.original_model, "generation_config", None)
        ids = [self._tokenizer.eos_token_id, getattr(generation, "eos_token_id", None)]
        flat = [i for part in ids for i in (part if isinstance(part, list) else [part])]
        return {i for i in flat if i is not None}

    @cached_property
    def _last_only(self) -> dict[str, int]:
        """Ask for the last position's logits alone, where the architecture can."""
        known = inspect.signature(self.bridge.original_model.forward).parameters
        return {"logits_to_keep": 1} if "logits_to_keep" in known else {}

    def _render(self, dialogue: Dialogue) -> str:
        if not self._settings.chat:
            return plain_text(dialogue)
        roles = {"human": "user", "assistant": "assistant"}
        messages = [{"role": roles[turn.role], "content": turn.text} for turn in dialogue]
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
        return str(text)

    def _check_chat_template(self) -> None:
        """Refuse a template that is missing, or that changes or refuses what the assistant has begun."""
        if not self._tokenizer.chat_template:
            raise InputError(f"model {self._source!r}: its tokenizer has no chat template; not for --chat.")
        begun = (Turn("human", "Why?"), Turn("assistant", "Because:"))
        try:
            whole = self._render((*begun, *begun))
        except (ValueError, TemplateError) as error:
            raise InputError(f"model {self._source!r}: its chat template refuses: {error}.") from error
        if not whole.endswith("Because:") or whole.count("Because:") != 2:
            raise InputError(f"model {self._source!r}: its chat template changes the assistant's turn.")

    def _tokenize(self, text: str) -> Tokens:
        """Tokenize a rendered dialogue; a chat template writes its own special tokens."""
        return tuple(self._tokenizer(text, add_special_tokens=not self._settings.chat).input_ids)

    def _encode(self, dialogue: Dialogue) -> Tokens:
        tokens = self._tokenize(self._render(dialogue))
        if len(tokens) >= self._context:
            raise InputError(
                f"model {self._source!r} holds {self._context} tokens, but the prompt that begins "
                f"{dialogue[0].text!r:.80} has {len(tokens)}. Leave the question out."
            )
        return tokens

    def _choice_tokens(self, request: ChoiceRequest) -> tuple[Tokens, list[Tokens]]:
        prompt = self._render(request.dialogue)
        whole = [self._tokenize(prompt + choice) for choice in request.choices]
        shared = common_length([self._encode(request.dialogue), *whole])
        return whole[0][:shared], [tokens[shared:] for tokens in whole]

    @torch.inference_mode()
    def _next_logprobs(self, wanted: dict[Tokens, set[int]]) -> dict[tuple[Tokens, int], float]:
        """Compute log p(token | sequence) for every wanted pair, in float32."""
        found = {}
        for batch in sharing_batches(wanted, self._settings.batch_size):
            logprobs = torch.log_softmax(self._prefill(batch).logits, dim=-1)
            for sequence, row in zip(batch, logprobs, strict=True):
                tokens = sorted(wanted[sequence])
                values = row[tokens].tolist()
                found.update({(sequence, t): v for t, v in zip(tokens, values, strict=True)})
        return found

    @torch.inference_mode()
    def _sample(self, rows: list[Row]) -> None:
        """Draw tokens for all rows at once; rows that end leave the batch."""
        state = self._prefill([row.prompt for row in rows])
        while rows:
            tokens = draw(state.logits, rows)
            logprobs = state.logits.log_softmax(-1)[range(len(rows)), tokens].tolist()
            for row, token, logprob in zip(rows, tokens, logprobs, strict=True):
                row.take(token, logprob, self._ends, self._tail)
            going = [i for i, row in enumerate(rows) if not row.ended]
            if len(going) < len(rows):
                rows = [rows[i] for i in going]
                state.keep(going)
            if rows:
                self._step(state, [row.drawn[-1] for row in rows])

    def _prefill(self, sequences: Sequence[Tokens]) -> "_State":
        """Run sequences up to their last tokens; what all of them begin with is computed once."""
        shared = min(common_length(sequences), min(map(len, sequences)) - 1)
        cache = None
        if shared > 0 and len(sequences) > 1 and not self._slides:
            cache = self._forward(torch.tensor([sequences[0][:shared]]), None, None)[1]
            cache.batch_repeat_interleave(len(sequences))
        else:
            shared = 0
        ids, own = left_pad([sequence[shared:] for sequence in sequences])
        mask = torch.cat([own.new_ones(len(sequences), shared), own], dim=1)
        logits, cache = self._forward(ids, mask, cache)
        return _State(logits, mask, cache)

    def _step(self, state: "_State", tokens: Sequence[int]) -> None:
        """Append one token to each sequence."""
        state.mask = torch.cat([state.mask, state.mask.new_ones(len(tokens), 1)], dim=1)
        state.logits, state.cache = self._forward(torch.tensor(tokens)[:, None], state.mask, state.cache)

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor | None, cache: Any) -> tuple[torch.Tensor, Any]:
        """Return the last position's logits, (batch, vocabulary) in float32, and the extended cache.

        The mask, 0 on padding, covers what is cached and what is new; a real token's position is the number
        of real tokens before it.
        """
        device = self.bridge.cfg.device
        mask = torch.ones_like(ids) if mask is None else mask
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        logits, cache = self.bridge(
            ids.to(device),
            return_type="logits_and_cache",
            use_cache=True,
            past_key_values=cache,
            attention_mask=mask.to(device),
            position_ids=positions.to(device),
            **self._last_only,
        )
        last = logits[:, -1].float()
        if bool(last.isnan().any()):
            raise InputError(
                f"model {self._source!r} computes values that are not numbers in {self._settings.dtype}. "
                "Try --dtype float32."
            )
        return last, cache

    def _tail(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(tokens, clean_up_tokenization_spaces=False))

    def _generation(self, row: Row) -> Generation:
        """Decode behind the prompt's last token, since some tokenizers drop the space of a first token."""
        drawn = [token for token in row.drawn if token not in self._ends]
        before = self._tail(row.prompt[-1:])
        text = self._tail([*row.prompt[-1:], *drawn]).removeprefix(before)
        cut = min((at for stop in row.request.stop if (at := text.find(stop)) >= 0), default=None)
        text = text[:cut]
        tokens = len(drawn) if cut is None else self.count_tokens(text)
        return Generation(text, tokens, not row.stopped, row.logprob)


@dataclass
class _State:
    """A batch of sequences while they are continued."""

    logits: torch.Tensor
    mask: torch.Tensor
    cache: Any

    def keep(self, rows: list[int]) -> None:
        """Drop the other sequences."""
        index = torch.tensor(rows, dtype=torch.long)
        self.mask = self.mask[index]
        if rows:
            self.cache.batch_select_indices(index.to(self.logits.device))


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
