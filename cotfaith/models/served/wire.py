"""The wire: many requests at once to one address, sent again where that can help. Knows nothing of models."""

import asyncio
import logging
import math
import random
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2

from cotfaith.errors import InputError
from cotfaith.models.served.address import Address

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10
BODY_SECONDS = 60
"""In which an answer must have come once it has begun: servers send it whole."""
FIRST_PATIENCE = 10
"""Seconds for which an address that has never answered is asked again."""
LONGEST_PAUSE = 60
READINGS = 3
"""How often an answer that cannot be read is asked for."""
AGAIN = {408, 409, 425, 429, *range(500, 600)}
TOO_MANY = 429
SAID_BYTES = 1 << 14
SAID = 300
"""Characters of a server's own words that are shown."""

Read = TypeVar("Read")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Request:
    """What is sent, and what an answer may take."""

    path: str
    body: Mapping[str, Any] | None = None
    """Sent as JSON; None: nothing is sent but the question."""
    largest: int = 1 << 20
    """Bytes of an answer."""
    seconds: float = 600
    """Until an answer begins."""
    needed: bool = True
    """Whether it is asked again where that can help."""


class RefusedError(InputError):
    """The server will not answer this request, however often it is asked."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class GoneError(InputError):
    """The server has not answered for as long as we wait."""


class _FaultError(Exception):
    """What asking again can help against."""

    def __init__(self, told: str, pause: float | None = None, *, crowded: bool = False) -> None:
        super().__init__(told)
        self.pause = pause
        self.crowded = crowded


@dataclass
class Crowd:
    """How many requests are under way at once: halved where the server says too many, one more a second."""

    most: int
    limit: float = field(init=False)
    _under_way: int = 0
    _changed: float = 0.0

    def __post_init__(self) -> None:
        self.limit = self.most
        self._free = asyncio.Condition()

    async def __aenter__(self) -> None:
        async with self._free:
            await self._free.wait_for(lambda: self._under_way < max(1, int(self.limit)))
            self._under_way += 1

    async def __aexit__(self, *_: object) -> None:
        async with self._free:
            self._under_way -= 1
            self._free.notify_all()

    def shrink(self) -> None:
        """Let half as many in, at most once a second."""
        if time.monotonic() - self._changed >= 1:
            self.limit, self._changed = max(1.0, self.limit / 2), time.monotonic()

    def grow(self) -> None:
        """Let one more in, at most once a second."""
        if self.limit < self.most and time.monotonic() - self._changed >= 1:
            self.limit, self._changed = min(self.most, self.limit + 1), time.monotonic()


class Wire:
    """Requests to one address, in a loop of its own, so that it can be used from any thread."""

    def __init__(self, address: Address, at_once: int, patience: float) -> None:
        self.address = address
        self._patience = patience
        self.crowd = Crowd(at_once)
        self.faults = 0
        """How often something went wrong that was asked again."""
        self.answered = False
        """Whether the address has ever answered."""
        self._said = -math.inf
        self.ended: Callable[[], str] = str
        """Says why the server cannot come back; nothing where it may."""
        limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        self._client = httpx2.AsyncClient(
            headers=address.headers | {"Accept-Encoding": "identity"},
            limits=limits,
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=not address.loopback,
        )
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self.close = weakref.finalize(self, _end, self._client, self._loop, thread)

    def ask(self, requests: Sequence[Request], read: Callable[[bytes], Read]) -> list[Read | RefusedError]:
        """Send requests beside each other; return what is read of each answer, or why there is none.

        `read` raises ValueError for what it cannot read. GoneError where the server does not come back.
        """
        return self.ask_each([(request, read) for request in requests])

    def ask_each(self, asked: Sequence[tuple[Request, Callable[[bytes], Read]]]) -> list[Read | RefusedError]:
        """Send requests as `ask` does, each with what reads its answer."""
        return self._run(_together([self._asked(request, read) for request, read in asked]))

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _asked(self, request: Request, read: Callable[[bytes], Read]) -> Read | RefusedError:
        """Ask until there is an answer, with pauses that grow."""
        since: float | None = None
        unread = 0
        for pause in _pauses():
            try:
                async with self.crowd:
                    found = read(await self._answer(request))
            except RefusedError as refused:
                return refused
            except _FaultError as fault:
                told, least, crowded = str(fault), fault.pause, fault.crowded
            except ValueError as error:
                unread += 1
                if unread == READINGS and request.needed:
                    raise InputError(f"{self.address}: {self._shown(str(error))}") from error
                told, least, crowded = f"answers what cannot be read ({self._shown(str(error))})", 0.0, False
            else:
                self.crowd.grow()
                self.answered = True
                return found
            if not request.needed:
                return RefusedError(0, f"{self.address}: {told}")
            since = time.monotonic() if since is None else since
            await self._wait(told, since, pause if least is None else least, crowded=crowded)
        raise AssertionError("there is always another pause")

    async def _wait(self, told: str, since: float, pause: float, *, crowded: bool) -> None:
        """Wait before the request is sent again, or give up."""
        self.faults += 1
        if crowded:
            self.crowd.shrink()
        if why := self.ended():
            raise GoneError(why)
        waited = time.monotonic() - since
        patience = self._patience if self.answered else min(self._patience, FIRST_PATIENCE)
        if waited > patience and not self.answered:
            raise GoneError(f"{self.address}: {told}. Is a server running there?")
        if waited > patience:
            raise GoneError(
                f"{self.address}: {told}, for {waited:.0f} seconds. What was measured is kept; when the "
                "server is there again, the same command goes on. --patience waits longer."
            )
        if self.answered and waited >= CONNECT_SECONDS and time.monotonic() - self._said >= LONGEST_PAUSE:
            self._said = time.monotonic()
            log.warning("%s: %s; waited for up to %.0f s", self.address, told, patience)
        await asyncio.sleep(min(pause, patience - waited + 0.01))

    async def _answer(self, request: Request) -> bytes:
        """Send a request once and return the body of its answer."""
        method = "GET" if request.body is None else "POST"
        built = self._client.build_request(method, self.address.url + request.path, json=request.body)
        try:
            async with asyncio.timeout(request.seconds):
                response = await self._client.send(built, stream=True)
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    return await self._body(request, response)
            finally:
                await response.aclose()
        except TimeoutError as error:
            raise _FaultError("is too slow to answer") from error
        except httpx2.TransportError as error:
            if _certificate(error):
                raise InputError(f"{self.address}: its certificate is not trusted ({error}).") from error
            raise _FaultError(f"does not answer ({type(error).__name__})") from error

    async def _body(self, request: Request, response: httpx2.Response) -> bytes:
        """Return an answer's body; raise where its status says that there is none."""
        status = response.status_code
        if status == httpx2.codes.OK:
            return await self._read(response, request.largest)
        if 300 <= status < 400:
            raise InputError(f"{self.address}: sends us elsewhere (status {status}), which is not followed.")
        said = self._shown((await self._read(response, SAID_BYTES)).decode(errors="replace"))
        if status in AGAIN:
            raise _FaultError(
                f"answers with status {status} ({said})",
                _retry_after(response.headers.get("Retry-After")),
                crowded=status == TOO_MANY,
            )
        raise RefusedError(status, f"{self.address}: refuses with status {status}: {said}")

    async def _read(self, response: httpx2.Response, largest: int) -> bytes:
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise InputError(f"{self.address}: answers in {encoding!r:.40}, which was not asked for.")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > largest:
                raise InputError(f"{self.address}: its answer is longer than {largest:,} bytes can be.")
        return bytes(body)

    def _shown(self, said: str) -> str:
        """Return a server's own words, short and without the key."""
        return self.address.without_key(" ".join(said.split()))[:SAID] or "without a word"


async def _together(works: Sequence[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Do all of it; the first error ends the rest."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _pauses() -> Iterator[float]:
    """Yield seconds: from half a second on, twice as long each time, up to a minute, each a bit shorter."""
    longest = 0.5
    while True:
        yield longest * random.uniform(0.5, 1)
        longest = min(2 * longest, LONGEST_PAUSE)


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that a server asks for; dates and nonsense count as nothing."""
    return float(value) if value is not None and value.isdecimal() and len(value) < 7 else None


def _certificate(error: BaseException) -> bool:
    """Tell whether a connection failed for its certificate, which waiting does not mend."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _end(client: httpx2.AsyncClient, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """Close all connections and end the loop."""
    asyncio.run_coroutine_threadsafe(client.aclose(), loop).result(CONNECT_SECONDS)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(CONNECT_SECONDS)
    loop.close()
