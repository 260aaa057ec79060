"""What goes wrong between here and a server: asked again, waited for, or told; never waited for in vain."""

import signal
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from cotfaith.errors import InputError
from cotfaith.models.engine import Draw
from cotfaith.models.model import ModelSettings, Serving
from cotfaith.models.opening import open_model
from cotfaith.models.served import wire as wires
from cotfaith.models.served.address import Address
from cotfaith.models.served.wire import GoneError, RefusedError, Request, Wire
from cotfaith.running import circumstances, runner
from cotfaith.running.options import Study
from cotfaith.running.plan import prepare
from cotfaith.schema import Sampling
from tests.scripted import silent
from tests.serving import serving

QUICK = Request("/completions", {"prompt": [5], "max_tokens": 1}, seconds=1)


def text(body: bytes) -> str:
    return body.decode()


class Answering(socketserver.BaseRequestHandler):
    """Answers every connection with these bytes, with a pause after each part; the last one for ever."""

    parts: tuple[bytes, ...]
    pause: float
    ended: threading.Event

    def handle(self) -> None:
        self.request.recv(1 << 16)
        endless = len(self.parts) > 1
        with suppress(OSError):
            for part in chain(self.parts, repeat(self.parts[-1], 1 << 20 if endless else 0)):
                self.request.sendall(part)
                if self.ended.wait(self.pause):
                    return


@contextmanager
def answering(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    ended = threading.Event()
    handler = type("Bound", (Answering,), {"parts": parts, "pause": pause, "ended": ended})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            ended.set()
            server.shutdown()
            thread.join()


def wire_to(url: str, patience: float = 0.5, key: str = "") -> Wire:
    return Wire(Address(url, key), at_once=4, patience=patience)


def test_at_a_third_of_faults_every_text_and_probability_is_that_of_an_undisturbed_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wires, "_pauses", lambda: iter([0.01] * 100))
    rows = [Draw((5, 6, 7 + i), Sampling(1.0, 1.0, 5), i) for i in range(6)]
    wanted = {(5, 6, 7 + i): {3, 4, 5 + i} for i in range(6)}
    with serving() as right, serving(failing=(0, 503, 0, 429, 0, 1, 0, 0, 500)) as wrong:
        calm, troubled = (open_model(one.source, ModelSettings()).engine for one in (right, wrong))  # type: ignore[attr-defined]
        assert troubled.draw(rows) == calm.draw(rows)
        assert troubled.next_logprobs(wanted) == calm.next_logprobs(wanted)
        assert troubled._server.wire.faults > 50


def test_a_server_that_comes_back_is_waited_for_and_one_that_does_not_is_given_up() -> None:
    with serving() as one:
        settings = ModelSettings(serving=Serving(patience=20))
        engine: Any = open_model(one.source, settings).engine  # type: ignore[attr-defined]
        assert engine.abilities.logprobs
        one.up.clear()
        threading.Timer(1.5, one.up.set).start()
        assert len(engine.next_logprobs({(5, 6): {3}})) == 1
        one.up.clear()
        engine._server.wire._patience = 1
        with pytest.raises(GoneError, match="the same command goes on"):
            engine.next_logprobs({(5, 7): {3}})


def test_another_model_that_answers_after_a_while_is_found_out_before_anything_is_given_back() -> None:
    other = open_model("ladder/31k", ModelSettings(device="cpu"))
    with serving() as one:
        engine: Any = open_model(one.source, ModelSettings()).engine  # type: ignore[attr-defined]
        assert engine.abilities.logprobs
        one.faults.others, one.faults.others_from = other, len(one.asked) + 1
        with pytest.raises(InputError, match="another model answers there than before"):
            engine.draw([Draw((5, 6, 7), Sampling(1.0, 1.0, 5))])


def test_one_sequence_that_is_refused_is_told_and_the_others_are_not_the_reason() -> None:
    with serving() as one:
        engine: Any = open_model(one.source, ModelSettings()).engine  # type: ignore[attr-defined]
        assert engine.abilities.logprobs
        one.faults.guilty = (5, 6, 9)
        assert len(engine.next_logprobs({(5, 6, i): {3} for i in range(10, 14)})) == 4
        with pytest.raises(InputError, match=r"refuses with status 400: .*one prompt is too long"):
            engine.next_logprobs({(5, 6, i): {3} for i in range(7, 14)})


def test_nothing_is_asked_again_that_the_server_refuses() -> None:
    with serving() as one:
        one.faults.body, one.faults.status = b'{"error": "no such model"}', 404
        (found,) = wire_to(one.url).ask([QUICK], text)
        assert isinstance(found, RefusedError)
        assert (found.status, len(one.asked)) == (404, 1)
        assert "no such model" in str(found)


def test_an_address_where_nothing_listens_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "FIRST_PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    begun = time.monotonic()
    with pytest.raises(InputError, match="Is a server running there"):
        open_model(f"http://127.0.0.1:{port}/v1#m", ModelSettings())
    assert time.monotonic() - begun < 5


def test_retry_after_is_obeyed() -> None:
    with answering(
        b"HTTP/1.1 429 No\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ) as url:
        begun = time.monotonic()
        with pytest.raises(GoneError):
            wire_to(url, patience=1.2).ask([QUICK], text)
        assert 1 <= time.monotonic() - begun < 4


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n"), "longer than"),
        ((HEAD + b"Content-Length: 9999999999\r\n\r\n", b"x" * 4096), "longer than"),
        ((HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",), "was not asked for"),
        ((b"HTTP/1.1 302 Go\r\nLocation: http://example.com/\r\nContent-Length: 0\r\n\r\n",), "not followed"),
        ((b"SSH-2.0-OpenSSH_9.6\r\n",), "Is a server running there"),
        ((b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n"), "Is a server running there"),
    ],
)
def test_a_hostile_server_costs_an_error_and_neither_memory_nor_time(
    monkeypatch: pytest.MonkeyPatch, parts: tuple[bytes, ...], told: str
) -> None:
    monkeypatch.setattr(wires, "FIRST_PATIENCE", 0.5)
    begun = time.monotonic()
    with answering(*parts, pause=0.02) as url, pytest.raises(InputError, match=told):
        wire_to(url).ask([Request("/completions", {}, largest=1 << 16, seconds=1)], text)
    assert time.monotonic() - begun < 10


def test_bytes_that_come_one_by_one_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "FIRST_PATIENCE", 0.1)
    monkeypatch.setattr(wires, "BODY_SECONDS", 0.5)
    parts = (HEAD + b"Content-Length: 4096\r\n\r\n", b"x")
    with answering(*parts, pause=0.05) as url, pytest.raises(GoneError, match="too slow"):
        wire_to(url).ask([QUICK], text)


def test_the_key_stands_in_no_error_and_goes_with_every_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    with serving() as one:
        model = open_model(one.source, ModelSettings(serving=Serving(api_key_env="MY_KEY")))
        assert model.abilities.logprobs
        assert {heard["Authorization"] for heard in one.heard} == {"Bearer sk-secret"}
        one.faults.body, one.faults.status = b"your key sk-secret is not good", 401
        with pytest.raises(InputError) as caught:
            model.engine.next_logprobs({(5, 6): {3}})  # type: ignore[attr-defined]
    assert "sk-secret" not in str(caught.value)
    assert "your key *** is not good" in str(caught.value)
    assert "sk-secret" not in repr(model.engine._server.wire.address) + model.told + caplog.text  # type: ignore[attr-defined]


def test_a_key_that_would_go_in_the_clear_is_warned_of_and_one_that_is_not_there_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from cotfaith.models.served.address import read_address

    monkeypatch.setenv("MY_KEY", "sk-secret")
    for url, warned in (
        ("http://127.0.0.1:8000/v1#m", False),
        ("http://localhost:8000/v1#m", False),
        ("https://example.com/v1#m", False),
        ("http://10.0.0.1:8000/v1#m", True),
        ("http://localhost.example.com/v1#m", True),
    ):
        caplog.clear()
        address, name = read_address(url, "MY_KEY")
        assert (name, bool(caplog.records)) == ("m", warned)
        assert "sk-secret" not in repr(address) + caplog.text
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(InputError, match="--api-key-env MY_KEY: no such variable"):
        read_address("http://127.0.0.1:8000/v1#m", "MY_KEY")


@pytest.mark.parametrize(
    "url", ["http://me:pw@host/v1", "https://host/v1?key=pw", "http:///v1", "http://host:99999/v1"]
)
def test_addresses_that_hold_secrets_or_are_none_are_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        open_model(url, ModelSettings())
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("status", [404, 502, 200])
def test_a_server_that_names_no_version_is_asked_all_the_same(status: int) -> None:
    with serving() as one:
        one.version = (status, b"<html>")
        model = open_model(one.source, ModelSettings())
        assert model.told.startswith("served by a server that names no version")


CHOICE = '{"index": 0, "text": "", "finish_reason": "stop"}'
HOSTILE = {
    "no JSON": b"<html>busy</html>",
    "empty": b"",
    "another shape": b"[1, 2, 3]",
    "nested deep": b"[" * 20000 + b"]" * 20000,
    "numbers that are none": b'{"choices": [{"index": 0, "text": "", "logprobs": {"token_logprobs": [NaN]}}]}',
    "numbers in words": b'{"choices": [{"index": "0", "text": ""}]}',
    "a million parts": ('{"choices": [' + ",".join([CHOICE] * 1_000_000) + "]}").encode(),
    "too few parts": b'{"choices": [], "usage": {"prompt_tokens": 1}}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_answer_that_is_none_ends_the_run_soon_and_nothing_of_it_is_stored(
    kind: str, tmp_path: Path
) -> None:
    study = Study(task=("addition",), questions=2, samples=1, max_new_tokens=8, out=tmp_path)
    with serving() as one:
        plan = prepare(replace(study, model=(one.source,)), ())
        store = circumstances.begin(plan)
        one.faults.body = HOSTILE[kind]
        begun = time.monotonic()
        with pytest.raises(InputError, match=one.url):
            runner.run(plan, store, silent)
        assert time.monotonic() - begun < 20
        assert store.rows() == 0
        store.close()


def test_ctrl_c_is_obeyed_while_a_server_is_waited_for() -> None:
    with serving() as one:
        engine: Any = open_model(one.source, ModelSettings()).engine  # type: ignore[attr-defined]
        assert engine.abilities.logprobs
        one.up.clear()
        main = threading.main_thread().ident or 0
        threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT)).start()
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            engine.next_logprobs({(5, 6): {3}})
        assert time.monotonic() - begun < 5
