"""A server of vLLM's dialect on a shipped rung, with faults to order."""

import json
import math
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cotfaith.dialogue.prompts import plain_text
from cotfaith.models.asking import AskedModel
from cotfaith.models.engine import Tokens
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.models.shipped import local_source
from cotfaith.schema import Turn

GONE = 503


@dataclass
class Faults:
    """What a server does wrong; nothing unless it is ordered."""

    text_only: bool = False
    """Takes no ids."""
    without_ids: bool = False
    """Gives none back."""
    no_chosen: bool = False
    """Passes over logprob_token_ids."""
    no_texts: bool = False
    """Passes over prompt_logprobs."""
    processed: bool = False
    """Log-probabilities of what is drawn are those after the temperature."""
    damaged: bool = False
    """Lists of the likeliest tokens hold one, and the sentinel."""
    sentinel: bool = False
    """Writes -9999 for every chosen token but the drawn one."""
    drops_prefill: bool = False
    """Begins a new turn where it is to go on within one."""
    thinks: bool = False
    """Thinks beside its reply."""
    no_seeds: bool = False
    one_seed: bool = False
    ignores: tuple[str, ...] = ()
    """Fields that it passes over."""
    top_k: int = 0
    """Drawn from, whatever is asked."""
    repetition_penalty: float = 1.0
    crowded: float = 0.0
    """By how much log-probabilities move in every second request."""
    others: Any = None
    """Another model that answers from request `others_from` on."""
    others_from: int = 0
    failing: tuple[int, ...] = ()
    """Statuses that are answered in turn with what is right; 0 is what is right, 1 cuts the connection."""
    guilty: Tokens | None = None
    """A sequence for which a whole request is refused."""
    body: bytes | None = None
    """Answered to every completion."""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    listed: dict[str, Any] = field(default_factory=dict)


@dataclass
class Serving:
    """The server's model, its faults and what it was asked."""

    model: AskedModel
    name: str
    faults: Faults
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    heard: list[dict[str, str]] = field(default_factory=list)
    up: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    drawn: int = 0
    version: tuple[int, bytes] = (200, b'{"version": "0.0-test"}')

    @property
    def source(self) -> str:
        return f"{self.url}#{self.name}"

    def listing(self) -> dict[str, Any]:
        root = {"id": self.name, "root": local_source(self.name), "max_model_len": self.model.engine.context}
        return {"object": "list", "data": [root | self.faults.listed]}

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return a status and an answer, as vLLM's /v1/completions."""
        given = body["prompt"]
        if isinstance(given, str) or self.faults.text_only:
            return 400, {"error": {"message": "prompt: expected text"}}
        prompts = [tuple(one) for one in (given if isinstance(given[0], list) else [given])]
        if self.faults.guilty in prompts:
            return 400, {"error": {"message": "one prompt is too long"}}
        with self.lock:
            later = self.faults.others is not None and len(self.asked) > self.faults.others_from
            engine = (self.faults.others if later else self.model).engine
            choices = [self._choice(engine, i, prompt, body) for i, prompt in enumerate(prompts)]
        usage = {"prompt_tokens": sum(map(len, prompts)), "completion_tokens": 1}
        return 200, {"id": "c", "object": "text_completion", "choices": choices, "usage": usage}

    def chat(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return a status and an answer, as vLLM's /v1/chat/completions."""
        roles: Any = {"user": "human", "assistant": "assistant", "system": "system"}
        turns = [Turn(roles[one["role"]], one["content"]) for one in body["messages"]]
        if not body.get("continue_final_message") or self.faults.drops_prefill:
            turns.append(Turn("assistant", ""))
        vocabulary = self.model._vocabulary
        (prompt,) = vocabulary.tokenize([plain_text(tuple(turns))])
        with self.lock:
            later = self.faults.others is not None and len(self.asked) > self.faults.others_from
            engine = (self.faults.others if later else self.model).engine
            asked = {name: value for name, value in body.items() if name not in self.faults.ignores}
            ends = {"stop_token_ids": sorted(vocabulary.special)}
            tokens, stopped = self._draw(engine, prompt, asked | ends)
        before = vocabulary.decode(prompt[-1:])
        whole = vocabulary.decode(
            [*prompt[-1:], *(token for token in tokens if token not in vocabulary.special)]
        )
        message = {"role": "assistant", "content": whole.removeprefix(before)}
        if self.faults.thinks:
            message["reasoning_content"] = "Let me see."
        reason = "stop" if stopped else "length"
        choices = [{"index": 0, "message": message, "finish_reason": reason}]
        return 200, {"choices": choices, "usage": {"completion_tokens": len(tokens)}}

    def _choice(self, engine: Any, index: int, prompt: Tokens, body: dict[str, Any]) -> dict[str, Any]:
        asked = {name: value for name, value in body.items() if name not in self.faults.ignores}
        tokens, stopped = self._draw(engine, prompt, asked)
        warmth = (asked.get("temperature", 1.0) or 1.0) if self.faults.processed else 1.0
        every = distributions(engine, [prompt + tokens[:i] for i in range(len(tokens))])
        values = [each[token] / warmth for each, token in zip(every, tokens, strict=True)]
        return {
            "index": index,
            "text": self.model._vocabulary.decode(tokens),
            "finish_reason": "stop" if stopped else "length",
            "logprobs": {
                "tokens": [f"token_id:{token}" for token in tokens],
                "token_logprobs": values,
                "top_logprobs": [self._top(every[0], asked, tokens[0], values[0])],
            },
            "token_ids": None if self.faults.without_ids else list(tokens),
            "prompt_token_ids": list(prompt),
            "prompt_logprobs": self._prompt_logprobs(engine, prompt, asked),
        }

    def _draw(self, engine: Any, prompt: Tokens, asked: dict[str, Any]) -> tuple[Tokens, bool]:
        """Draw as vLLM does, with random numbers of our own."""
        self.drawn += 1
        seed = 7 if self.faults.one_seed else (asked.get("seed") or 0) + self.drawn * self.faults.no_seeds
        rng = random.Random(seed)
        tokens: Tokens = ()
        while len(tokens) < asked.get("max_tokens", 16):
            (scores,) = distributions(engine, [prompt + tokens])
            tokens += (self._one(rng, scores, {*prompt, *tokens}, asked),)
            text = self.model._vocabulary.decode(tokens)
            if tokens[-1] in (asked.get("stop_token_ids") or ()) or any(
                stop in text for stop in asked.get("stop") or ()
            ):
                return tokens, True
        return tokens, False

    def _one(self, rng: random.Random, scores: list[float], there: set[int], asked: dict[str, Any]) -> int:
        penalty = self.faults.repetition_penalty
        if penalty != 1:
            logits = [value + 8 for value in scores]
            scores = [
                (logit / penalty if logit > 0 else logit * penalty) if token in there else logit
                for token, logit in enumerate(logits)
            ]
        ranked = sorted(range(len(scores)), key=lambda token: -scores[token])
        temperature = asked.get("temperature", 1.0)
        if temperature == 0:
            return ranked[0]
        ranked = ranked[: self.faults.top_k or asked.get("top_k", 0) or None]
        weights = [math.exp((scores[token] - scores[ranked[0]]) / temperature) for token in ranked]
        within, held = 0, 0.0
        while within < len(ranked) and held < asked.get("top_p", 1.0) * sum(weights):
            if weights[within] < asked.get("min_p", 0.0):
                break
            held += weights[within]
            within += 1
        return rng.choices(ranked[:within], weights[:within])[0]

    def _top(self, scores: list[float], asked: dict[str, Any], drawn: int, value: float) -> dict[str, float]:
        wanted = None if self.faults.no_chosen else asked.get("logprob_token_ids")
        if wanted is not None:
            moved = self.faults.crowded * (self.drawn % 2)
            chosen = {token: min(0.0, scores[token] + moved) for token in wanted}
            if self.faults.sentinel:
                chosen = {token: one if token == drawn else -9999.0 for token, one in chosen.items()}
        elif self.faults.damaged:
            chosen = {0: -9999.0}
        else:
            ranked = sorted(enumerate(scores), key=lambda pair: -pair[1])
            chosen = dict(ranked[: min(asked.get("logprobs") or 0, 20)])
        return {f"token_id:{token}": one for token, one in (chosen | {drawn: value}).items()}

    def _prompt_logprobs(self, engine: Any, prompt: Tokens, asked: dict[str, Any]) -> list[Any] | None:
        if asked.get("prompt_logprobs") is None or self.faults.no_texts:
            return None
        every = distributions(engine, [prompt[:i] for i in range(1, len(prompt))])
        told: list[Any] = [None]
        for token, scores in zip(prompt[1:], every, strict=True):
            rank = 1 + sum(value > scores[token] for value in scores)
            told.append({str(token): {"logprob": scores[token], "rank": rank, "decoded_token": "?"}})
        return told


_KNOWN: dict[tuple[str, Tokens], list[float]] = {}


def distributions(engine: Any, sequences: Sequence[Tokens]) -> list[list[float]]:
    """Return the log-probability of every token behind each sequence, computed once for all tests."""
    name = engine.info.fingerprint
    new = [sequence for sequence in dict.fromkeys(sequences) if (name, sequence) not in _KNOWN]
    size = engine._config.vocab_size
    found = engine.next_logprobs({sequence: set(range(size)) for sequence in new})
    for sequence in new:
        _KNOWN[name, sequence] = [found[sequence, token] for token in range(size)]
    return [_KNOWN[name, sequence] for sequence in sequences]


class Handler(BaseHTTPRequestHandler):
    """Answers as a `Serving` says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    serving: Serving

    def do_GET(self) -> None:
        self.serving.heard.append(dict(self.headers))
        answers = {"models": self.serving.listing(), "health": {"status": "ok"}}
        asked = self.path.rpartition("/")[2]
        if asked == "version":
            self._write(*self.serving.version)
        else:
            self._send(200 if asked in answers else 404, answers.get(asked, {}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        faults, asked = self.serving.faults, self.serving.asked
        self.serving.heard.append(dict(self.headers))
        turn = faults.failing[len(asked) % len(faults.failing)] if faults.failing else 0
        asked.append(body)
        if turn > 1 or not self.serving.up.is_set():
            self._send(turn or GONE, {"error": "busy"})
        elif turn == 1:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            self.close_connection = True
        elif faults.body is not None:
            self._write(faults.status, faults.body)
        else:
            chat = self.path.endswith("/chat/completions")
            self._send(*(self.serving.chat(body) if chat else self.serving.answer(body)))

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        self._write(status, json.dumps(answer).encode())

    def _write(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | self.serving.faults.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class Many(ThreadingHTTPServer):
    """A server at which many may knock at once."""

    request_queue_size = 256
    daemon_threads = True


@contextmanager
def serving(name: str = "ladder/11k", port: int = 0, **faults: Any) -> Iterator[Serving]:
    """Serve a shipped model on a port of this machine, a free one if none is named."""
    model = open_model(name, ModelSettings(device="cpu"))
    assert isinstance(model, AskedModel)
    one = Serving(model, name, Faults(**faults))
    one.up.set()
    server = Many(("127.0.0.1", port), type("Bound", (Handler,), {"serving": one}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    one.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
