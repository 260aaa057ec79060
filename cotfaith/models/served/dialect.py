"""vLLM's /v1/completions, with token ids in and out: what is written to it, and how its answers are read.

An answer is read whole or not at all: every number is looked up by the token it belongs to, and a ValueError
says what is missing. An unknown field is ignored by such servers, so that no error never means that it works.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cotfaith.models.engine import Draw, Drawn, Tokens

MOST_IDS = 128
"""Tokens whose log-probability is told of one sequence."""
MOST_STOPS = 4
ABSENT = -9999.0
"""Written where there is no number."""
ROUNDING = 1e-3
"""How far above zero a log-probability may be, for rounding."""
LISTED = 20
"""The likeliest tokens that servers tell."""

NEUTRAL: Mapping[str, Any] = {
    "n": 1,
    "stream": False,
    "echo": False,
    "min_p": 0.0,
    "top_k": 0,
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "ignore_eos": False,
    "min_tokens": 0,
    "skip_special_tokens": False,
    "add_special_tokens": False,
    "return_tokens_as_token_ids": True,
    "return_token_ids": True,
}
"""Said in every request: what is left out is filled in from the model's generation_config.json."""

MODEL = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


class _Logprobs(BaseModel):
    model_config = MODEL
    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float] | None] | None = None


class _Of(BaseModel):
    model_config = MODEL
    logprob: float
    rank: int | None = None


class _Choice(BaseModel):
    model_config = MODEL
    index: int
    text: str
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None
    token_ids: list[int] | None = None
    prompt_token_ids: list[int] | None = None
    prompt_logprobs: list[dict[str, _Of] | None] | None = None


class _Usage(BaseModel):
    model_config = MODEL
    prompt_tokens: int


class Completion(BaseModel):
    """An answer, as far as it is read."""

    model_config = MODEL
    choices: list[_Choice]
    usage: _Usage | None = None
    system_fingerprint: str | None = None


class Listed(BaseModel):
    """A model that a server has."""

    model_config = MODEL
    id: str
    root: str | None = None
    max_model_len: int | None = None


class Models(BaseModel):
    """All that a server has."""

    model_config = MODEL
    data: list[Listed]


class Version(BaseModel):
    """What a server is."""

    model_config = MODEL
    version: str


Shape = TypeVar("Shape", bound=BaseModel)


def shaped(shape: type[Shape], body: bytes) -> Shape:
    """Read JSON of a shape; ValueError in one line where it has another one."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(f"its answer cannot be read at {place}: {first['msg']}") from error


def scoring(model: str, sequences: Sequence[Tokens], ids: AbstractSet[int]) -> dict[str, Any]:
    """Ask for the log-probabilities of these tokens behind each sequence."""
    asked = {"temperature": 0.0, "max_tokens": 1, "logprobs": 1, "logprob_token_ids": sorted(ids)}
    return {**NEUTRAL, "model": model, "prompt": list(map(list, sequences)), **asked}


def texts(model: str, sequences: Sequence[Tokens]) -> dict[str, Any]:
    """Ask for the log-probability of each sequence's own tokens."""
    asked = {"temperature": 0.0, "max_tokens": 1, "prompt_logprobs": 0}
    return {**NEUTRAL, "model": model, "prompt": list(map(list, sequences)), **asked}


def drawing(model: str, row: Draw, ends: AbstractSet[int]) -> dict[str, Any]:
    """Ask for a continuation."""
    sampling = row.sampling
    asked = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "max_tokens": sampling.max_new_tokens,
        "seed": row.seed,
        "stop": list(row.stop[:MOST_STOPS]),
        "stop_token_ids": sorted(ends),
        "logprobs": 0,
    }
    return {**NEUTRAL, "model": model, "prompt": list(row.prompt), **asked}


def listing(model: str, sequence: Tokens) -> dict[str, Any]:
    """Ask for the likeliest tokens behind a sequence."""
    asked = {"temperature": 0.0, "max_tokens": 1, "logprobs": LISTED}
    return {**NEUTRAL, "model": model, "prompt": list(sequence), **asked}


def read_scores(
    answer: Completion, sequences: Sequence[Tokens], ids: AbstractSet[int]
) -> list[dict[int, float]]:
    """Return the log-probability of each token behind each sequence."""
    return [
        {token: _logprob(_first(choice).get(_named(token)), token) for token in ids}
        for choice in _in_order(answer, sequences)
    ]


def read_drawn_token(answer: Completion, sequences: Sequence[Tokens]) -> list[tuple[int, float]]:
    """Return the one token that was drawn behind each sequence, with its log-probability."""
    found = []
    for choice in _in_order(answer, sequences):
        tokens, logprobs = _drawn(choice)
        if len(tokens) != 1:
            raise ValueError(f"its answer has {len(tokens)} tokens where one was asked for")
        found.append((tokens[0], logprobs[0]))
    return found


def read_listed(answer: Completion, sequence: Tokens) -> list[tuple[int, float]]:
    """Return the likeliest tokens and their log-probabilities, the likeliest first; all of them or none."""
    (choice,) = _in_order(answer, [sequence])
    found = {_token(name): _logprob(value, name) for name, value in _first(choice).items()}
    if len(found) < LISTED:
        raise ValueError(f"its answer lists {len(found)} tokens where {LISTED} were asked for")
    return sorted(found.items(), key=lambda pair: -pair[1])


def read_texts(
    answer: Completion, sequences: Sequence[Tokens], begins: Sequence[int]
) -> list[list[tuple[float, int | None]]]:
    """Return the log-probability and rank of each token of each sequence, from its place in `begins` on."""
    found = []
    for choice, sequence, begin in zip(_in_order(answer, sequences), sequences, begins, strict=True):
        told = choice.prompt_logprobs or []
        if len(told) != len(sequence):
            raise ValueError(f"its answer scores {len(told)} of {len(sequence)} tokens of a text")
        scored = []
        for place in range(begin, len(sequence)):
            one = (told[place] or {}).get(str(sequence[place]))
            logprob = _logprob(one.logprob if one else None, sequence[place])
            scored.append((logprob, one.rank if one else None))
        found.append(scored)
    return found


def read_continuation(answer: Completion, row: Draw) -> tuple[Drawn, list[float]]:
    """Return what was drawn, and the log-probability of each of its tokens."""
    (choice,) = _in_order(answer, [row.prompt])
    tokens, logprobs = _drawn(choice)
    limit = row.sampling.max_new_tokens
    if choice.finish_reason not in ("stop", "length"):
        raise ValueError(f"its answer ended for the reason {choice.finish_reason!r:.40}")
    if len(tokens) > limit or (choice.finish_reason == "length" and len(tokens) != limit):
        raise ValueError(f"its answer has {len(tokens)} tokens, with a limit of {limit}")
    return Drawn(tuple(tokens), choice.finish_reason == "stop", sum(logprobs)), logprobs


def _in_order(answer: Completion, sequences: Sequence[Tokens]) -> list[_Choice]:
    """Return one choice a sequence, each behind the very tokens that were sent."""
    choices = {choice.index: choice for choice in answer.choices}
    if len(answer.choices) != len(sequences) or choices.keys() != set(range(len(sequences))):
        raise ValueError(f"its answer has {len(answer.choices)} parts where {len(sequences)} were asked for")
    sent = sum(map(len, sequences))
    read = answer.usage.prompt_tokens if answer.usage else None
    if read != sent:
        raise ValueError(f"it read {read} tokens where {sent} were sent")
    for i, sequence in enumerate(sequences):
        told = choices[i].prompt_token_ids
        if told is not None and tuple(told) != sequence:
            raise ValueError("it read other tokens than were sent")
    return [choices[i] for i in range(len(sequences))]


def _first(choice: _Choice) -> dict[str, float]:
    listed = choice.logprobs.top_logprobs if choice.logprobs else None
    return (listed[0] or {}) if listed else {}


def _drawn(choice: _Choice) -> tuple[list[int], list[float]]:
    """Return the tokens that were drawn, with the log-probability of each."""
    if choice.token_ids is None or choice.logprobs is None:
        raise ValueError("its answer has no ids or no log-probabilities of the tokens that were drawn")
    told = choice.logprobs
    if not len(choice.token_ids) == len(told.tokens) == len(told.token_logprobs):
        raise ValueError("its answer has not as many log-probabilities as tokens")
    if [_named(token) for token in choice.token_ids] != told.tokens:
        raise ValueError("its answer has log-probabilities of other tokens than were drawn")
    pairs = zip(choice.token_ids, told.token_logprobs, strict=True)
    return choice.token_ids, [_logprob(value, token) for token, value in pairs]


def _logprob(value: float | None, token: object) -> float:
    if value is None or not ABSENT < value < ROUNDING:
        raise ValueError(f"its answer has no log-probability of token {token!s:.20} (but {value!s:.20})")
    return min(value, 0.0)


def _named(token: int) -> str:
    return f"token_id:{token}"


def _token(name: str) -> int:
    number = name.removeprefix("token_id:")
    if number == name or not number.isdecimal() or len(number) > 9:
        raise ValueError(f"its answer names a token {name!r:.40} where ids were asked for")
    return int(number)
