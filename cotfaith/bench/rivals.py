"""What the benchmark compares: this backend, plain transformers and lm-evaluation-harness."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import httpx2
import torch

from cotfaith.dialogue.prompts import STOP_STRINGS, plain_text
from cotfaith.models.engine import common_length
from cotfaith.models.local.batches import left_pad
from cotfaith.models.local.engine import LocalEngine, open_local
from cotfaith.models.local.files import load_tokenizer
from cotfaith.models.model import ModelSettings, Serving
from cotfaith.models.opening import open_model
from cotfaith.models.served.address import read_address
from cotfaith.models.shipped import local_source
from cotfaith.schema import ChoiceRequest, GenerationRequest

BATCH = 8
"""Sequences of a padded batch, sorted by length: so few pad little and keep logits small. The fastest or
close to it of 8 to 32 for SmolLM2-135M, and of 4 to 64 for the ladder's largest rung, on two cores."""


@dataclass(frozen=True)
class Scored:
    """What a contender found, and how many tokens went through its network, padding included."""

    logprobs: list[list[float]]
    """Of each request's choices, normalised over them."""
    computed: int = 0
    """Not known of a server."""


class Contender(Protocol):
    """One way of asking a model."""

    def score(self, requests: Sequence[ChoiceRequest]) -> Scored:
        """Score every request's choices."""

    def sample(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Continue every dialogue."""


class Ours:
    """This package's backend, which divides its work itself."""

    def __init__(self, source: str, batch: int = BATCH) -> None:
        self._model = open_local(local_source(source), ModelSettings(device="cpu"))
        assert isinstance(self._model.engine, LocalEngine)
        self._engine = self._model.engine
        self._model.answer_probs([])

    def score(self, requests: Sequence[ChoiceRequest]) -> Scored:
        """Score as a run does."""
        before = self._engine.tokens_computed
        found = self._model.answer_probs(requests)
        logprobs = [[math.log(p) for p in one.probs] for one in found]
        return Scored(logprobs, self._engine.tokens_computed - before)

    def sample(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Sample as a run does."""
        return [one.text for one in self._model.generate(requests)]


class Plain:
    """Transformers with padded batches, sorted by length, that computes the last token's logits alone."""

    def __init__(self, source: str, batch: int = BATCH) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(local_source(source))
        self.model = AutoModelForCausalLM.from_pretrained(local_source(source), dtype=torch.float32).eval()
        self._batch = batch
        self._computed = 0
        self.model.register_forward_pre_hook(self._count, with_kwargs=True)

    @torch.inference_mode()
    def score(self, requests: Sequence[ChoiceRequest]) -> Scored:
        """Ask for the next token of each dialogue; every choice must be one token."""
        before = self._computed
        contexts = [tuple(self.tokenizer(plain_text(one.dialogue)).input_ids) for one in requests]
        choices = [self._choices(*pair) for pair in zip(requests, contexts, strict=True)]
        order = sorted(range(len(requests)), key=lambda i: len(contexts[i]))
        found: dict[int, list[float]] = {}
        for start in range(0, len(order), self._batch):
            batch = order[start : start + self._batch]
            ids, mask = left_pad([contexts[i] for i in batch])
            positions = (mask.cumsum(-1) - 1).clamp(min=0)
            out = self.model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=1)
            for i, logits in zip(batch, out.logits[:, -1], strict=True):
                found[i] = logits[choices[i]].log_softmax(-1).tolist()
        return Scored([found[i] for i in range(len(requests))], self._computed - before)

    @torch.inference_mode()
    def sample(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Call `generate` on all at once."""
        sampling = requests[0].sampling
        torch.manual_seed(0)
        prompts = [tuple(self.tokenizer(plain_text(one.dialogue)).input_ids) for one in requests]
        ids, mask = left_pad(prompts)
        out = self.model.generate(
            ids, attention_mask=mask, do_sample=True, temperature=sampling.temperature, top_p=sampling.top_p,
            top_k=0, max_new_tokens=sampling.max_new_tokens, pad_token_id=self.tokenizer.eos_token_id,
            stop_strings=list(STOP_STRINGS), tokenizer=self.tokenizer,
        )  # fmt: skip
        texts = self.tokenizer.batch_decode(out[:, ids.shape[1] :], skip_special_tokens=True)
        return [str(text) for text in texts]

    def bare(self, tokens: int, length: int) -> None:
        """Run a pass over about `tokens` tokens in rows of `length`: no cache, logits of last tokens only."""
        rows = max(1, round(tokens / length))
        with torch.inference_mode():
            self.model(
                input_ids=torch.ones(rows, length, dtype=torch.long), use_cache=False, logits_to_keep=1
            )

    def _choices(self, request: ChoiceRequest, context: tuple[int, ...]) -> list[int]:
        whole = self.tokenizer(
            [plain_text(request.dialogue) + choice for choice in request.choices]
        ).input_ids
        if any(tuple(ids[:-1]) != context for ids in whole):
            raise ValueError(
                f"{request.choices}: not single tokens behind the dialogue; not for this benchmark"
            )
        return [ids[-1] for ids in whole]

    def _count(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
        self._computed += ids.numel()


class Harness(Plain):
    """The loglikelihood of lm-evaluation-harness on its `hf` model."""

    def __init__(self, source: str, batch: int = BATCH) -> None:
        from lm_eval.models.huggingface import HFLM

        super().__init__(source, batch)
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self._lm = HFLM(pretrained=self.model, tokenizer=self.tokenizer, batch_size=batch, device="cpu")

    def score(self, requests: Sequence[ChoiceRequest]) -> Scored:
        """Ask for the log-likelihood of every choice."""
        before = self._computed
        return Scored(_loglikelihoods(self._lm, requests), self._computed - before)


def _loglikelihoods(lm: Any, requests: Sequence[ChoiceRequest]) -> list[list[float]]:
    """Ask a model of lm-evaluation-harness for the choices' log-likelihoods; normalise them."""
    from lm_eval.api.instance import Instance

    asked = [
        Instance("loglikelihood", {}, (plain_text(request.dialogue), choice), i)
        for i, request in enumerate(requests)
        for choice in request.choices
    ]
    logs = iter(lm.loglikelihood(asked, disable_tqdm=True))
    each = [torch.tensor([next(logs)[0] for _ in request.choices]) for request in requests]
    return [one.log_softmax(-1).tolist() for one in each]


def token_counter(source: str) -> Callable[[str], int]:
    """Return what counts the tokens of a text for a model."""
    tokenizer = load_tokenizer(local_source(source))
    return lambda text: len(tokenizer(text, add_special_tokens=False).input_ids)


def distinct_tokens(source: str, texts: Sequence[str]) -> tuple[int, int]:
    """Count the tokens of texts, in all, and with every beginning that texts share counted once."""
    tokenizer = load_tokenizer(local_source(source))
    sequences = sorted({tuple(tokenizer(text).input_ids) for text in texts})
    asked = sum(len(tokenizer(text).input_ids) for text in texts)
    shared = sum(common_length(one, other) for one, other in pairwise(sequences))
    return asked, sum(map(len, sequences)) - shared


class OursServed:
    """This package, asking a server."""

    def __init__(self, source: str, batch: int = BATCH) -> None:
        self._model = open_model(source, ModelSettings(serving=Serving(api_key_env=KEY)))
        self._model.prove(None)

    def score(self, requests: Sequence[ChoiceRequest]) -> Scored:
        """Score as a run does."""
        return Scored([[math.log(p) for p in one.probs] for one in self._model.answer_probs(requests)])

    def sample(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Sample as a run does."""
        return [one.text for one in self._model.generate(requests)]


class HarnessServed:
    """The loglikelihood of lm-evaluation-harness on its `local-completions` model, many requests at once."""

    def __init__(self, source: str, batch: int = BATCH) -> None:
        from lm_eval.models.openai_completions import LocalCompletionsAPI

        address, name = read_address(source, KEY)
        listed = httpx2.get(f"{address}/models", headers=address.headers, trust_env=False).json()["data"]
        self._lm = LocalCompletionsAPI(
            base_url=f"{address}/completions", model=name, tokenizer=listed[0]["root"], batch_size=batch,
            tokenizer_backend="huggingface", num_concurrent=Serving.at_once, header=address.headers,
            max_length=listed[0]["max_model_len"],
        )  # fmt: skip

    def score(self, requests: Sequence[ChoiceRequest]) -> Scored:
        """Ask for the log-likelihood of every choice."""
        return Scored(_loglikelihoods(self._lm, requests))

    def sample(self, requests: Sequence[GenerationRequest]) -> list[str]:
        """Refuse: only scoring is compared on a server."""
        raise NotImplementedError


OURS, PLAIN, HARNESS = "cotfaith", "transformers", "lm-eval"
OURS_SERVED, HARNESS_SERVED = "cotfaith, served", "lm-eval, served"
KEY = "COTFAITH_BENCH_KEY"
"""The variable that holds the key to the server."""
CONTENDERS: dict[str, Callable[[str, int], Contender]] = {
    OURS: Ours,
    PLAIN: Plain,
    HARNESS: Harness,
    OURS_SERVED: OursServed,
    HARNESS_SERVED: HarnessServed,
}
