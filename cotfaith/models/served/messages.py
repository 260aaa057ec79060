"""A chat as servers take it: what is written to it, and how its replies are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from cotfaith.dialogue.thinking import ROLES
from cotfaith.models.served.dialect import MODEL, shaped
from cotfaith.schema import Dialogue, Sampling

NEUTRAL: Mapping[str, float] = {"presence_penalty": 0.0, "frequency_penalty": 0.0}
"""What every server takes, and a model's defaults would fill in."""
FLAGS: Mapping[str, bool] = {"continue_final_message": True, "add_generation_prompt": False}
"""Without them vLLM drops what was begun, and says nothing."""


class _Message(BaseModel):
    model_config = MODEL
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(BaseModel):
    model_config = MODEL
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    model_config = MODEL
    completion_tokens: int | None = None


class _Reply(BaseModel):
    model_config = MODEL
    choices: list[_Choice]
    usage: _Usage | None = None


@dataclass(frozen=True)
class Way:
    """How a server is told to go on within the last message, and to draw as it is asked."""

    flags: Mapping[str, bool]
    fields: Mapping[str, float]


WAYS = (Way(FLAGS, {**NEUTRAL, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}), Way({}, NEUTRAL))
"""vLLM's, and that of servers that refuse what they do not know."""


@dataclass(frozen=True)
class Asked:
    """A reply and how it ended."""

    text: str
    tokens: int | None
    hit_limit: bool
    thought: bool
    """Whether the model thought beforehand, in a text beside its reply."""


def read_reply(body: bytes) -> Asked:
    """Read a reply; ValueError where it is none."""
    reply = shaped(_Reply, body)
    if len(reply.choices) != 1:
        raise ValueError(f"its answer has {len(reply.choices)} parts where 1 was asked for")
    (choice,) = reply.choices
    if choice.finish_reason not in ("stop", "length"):
        raise ValueError(f"its answer ended for the reason {choice.finish_reason!r:.40}")
    message = choice.message
    tokens = reply.usage.completion_tokens if reply.usage else None
    thought = bool(message.reasoning_content or message.reasoning)
    return Asked(message.content or "", tokens, choice.finish_reason == "length", thought)


def messages(dialogue: Dialogue) -> list[dict[str, str]]:
    """Write a dialogue as messages."""
    return [{"role": ROLES[turn.role], "content": turn.text} for turn in dialogue]


def chatting(
    model: str, dialogue: Dialogue, sampling: Sampling, seed: int, stop: Sequence[str], way: Way
) -> dict[str, Any]:
    """Ask for a reply, or for what follows where the assistant's turn is begun."""
    body = {
        "model": model,
        "messages": messages(dialogue),
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": seed & 0x7FFFFFFFFFFFFFFF,
        "n": 1,
        "stream": False,
        **way.fields,
        **(way.flags if dialogue[-1].role == "assistant" else {}),
    }
    return body | ({"stop": list(stop[:4])} if stop else {})
