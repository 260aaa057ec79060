"""The pages as an application: to whom it answers, at which addresses, with what headers."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cotfaith.dialogue.prompts import letters
from cotfaith.errors import InputError
from cotfaith.report.visible import visible
from cotfaith.schema import Answer
from cotfaith.store.contents import StoredEdit
from cotfaith.store.store import Store
from cotfaith.view import pages
from cotfaith.view.asked import PLAIN, Filters, count, query
from cotfaith.view.comparing import written

HOSTS = ("127.0.0.1", "localhost")
"""By what names a browser may have found us: others are of pages that send their readers here."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Show = Callable[[Store, Mapping[str, str]], object]


class Guard:
    """Lets through only who knows the token that the address begins with; nothing is kept by a browser."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with 403."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = scope["path"].split("/")[1].encode(errors="surrogateescape")
        known = secrets.compare_digest(given, self._token)
        refused = PlainTextResponse("Open the address that cotfaith view has printed, token and all.\n", 403)
        await (self._app if known else refused)(scope, receive, answer)


def app(folder: Path, token: str) -> Starlette:
    """Return the pages of a run, for who knows the token."""
    routes = [
        Route("/", _page(folder, "list", _list)),
        Route("/trace", _page(folder, "trace", _trace)),
        Route("/edit", _page(folder, "edit", lambda store, given: pages.edit_page(store, _key(given)))),
        Route(
            "/question",
            _page(folder, "question", lambda store, given: pages.question_page(store, _key(given))),
        ),
        Route("/style.css", _style),
    ]
    return Starlette(
        routes=[Mount(f"/{token}", routes=routes)],
        middleware=[
            Middleware(Guard, token=token),
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
        ],
        exception_handlers={InputError: _refused, HTTPException: _refused},
    )


def environment() -> Environment:
    """Return the templates' environment: everything is escaped, and no control character acts."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader("cotfaith.view"), PackageLoader("cotfaith.report")]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    made.globals |= {"query": query}
    made.filters |= {
        "pairs": _pairs, "answer": written, "likely": _likely, "numbered": _numbered,
        "first_changed": _first_changed,
    }  # fmt: skip
    return made


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return what a form gives back, and what it shows."""
    return [(visible(name) or PLAIN, name or PLAIN) for name in names]


def _likely(answer: Answer) -> float | None:
    """Return the probability of an answer, of those that were measured."""
    if answer.text is not None and answer.probs:
        return answer.probs[letters(len(answer.probs)).index(answer.text)]
    return answer.probability


def _numbered(steps: Iterable[int]) -> str:
    """Write which steps, from 1."""
    return ", ".join(str(step + 1) for step in steps)


def _first_changed(edits: Sequence[StoredEdit]) -> str:
    """Return the key of the first edit that changed the answer, or of the first."""
    changed = (one.key for one in edits if one.outcome is not None and not one.outcome.same)
    return next(changed, edits[0].key)


TEMPLATES = environment()


def _page(folder: Path, name: str, show: Show) -> Callable[[Request], Response]:
    """Return what answers an address: each request opens the run anew, which may grow meanwhile."""
    template = TEMPLATES.get_template(f"{name}.html.j2")

    def answer(request: Request) -> Response:
        with closing(Store.open(folder)) as store:
            shown = show(store, request.query_params)
        return HTMLResponse(template.render(page=shown, run=folder.resolve().name))

    return answer


def _list(store: Store, given: Mapping[str, str]) -> pages.ListPage:
    return pages.list_page(store, Filters.of(given), count("after", given.get("after", "")))


def _trace(store: Store, given: Mapping[str, str]) -> pages.TracePage:
    first = count("first", given.get("first", ""))
    return pages.trace_page(store, _key(given), given.get("test", ""), first)


def _key(given: Mapping[str, str]) -> str:
    return given.get("key", "")


def _style(_: Request) -> Response:
    shared = TEMPLATES.get_template("style.html.j2").render()
    own = TEMPLATES.get_template("view.css.j2").render()
    shared = shared.replace("<style>", "").replace("</style>", "")
    return Response(shared + own, media_type="text/css")


def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    said = error.detail if isinstance(error, HTTPException) else str(error)
    return HTMLResponse(TEMPLATES.get_template("refused.html.j2").render(said=said), status)
