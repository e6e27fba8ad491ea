"""The pages as one ASGI application: log-in, the insights page, its scripts and styles."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy.exc import DatabaseError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from windrow_server.meta import Meta
from windrow_server.pages import _format
from windrow_server.pages._insights import View, insights
from windrow_server.pages._period import PERIODS
from windrow_server.pages.auth import COOKIE, SESSION_SECONDS, Sessions, local_path
from windrow_server.settings import Settings
from windrow_server.store import Store, StoreError

_HERE = Path(__file__).parent
_LOG = logging.getLogger(__name__)
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_FORM_BYTES = 4096
_RETRY_SECONDS = 5


def create_pages(
    store: Store, meta: Meta, settings: Settings, clock: Callable[[], float] = time.time
) -> ASGIApp:
    """Return the pages. `clock` gives unix seconds; the period on a page ends with its day in UTC."""
    return _Pages(store, meta, settings, clock).app()


def starting_page() -> ASGIApp:
    """Return what stands in for the pages until there is a store: 503, and a page that tries again by itself."""
    title, text = _MESSAGES[503]
    templates = _environment()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        html = templates.get_template("message.html").render(title=title, text=text, retry=_RETRY_SECONDS)
        headers = {"cache-control": "no-store", "retry-after": str(_RETRY_SECONDS)}
        await HTMLResponse(html, 503, headers)(scope, receive, send)

    static = Mount("/static", StaticFiles(directory=_HERE / "static"))
    return _with_headers(Starlette(routes=[static, Mount("/", app)]))


class _Pages:
    def __init__(self, store: Store, meta: Meta, settings: Settings, clock: Callable[[], float]) -> None:
        self._store, self._meta, self._settings, self._clock = store, meta, settings, clock
        self._templates = _environment()

    async def _sessions(self) -> Sessions:
        # Asked anew each time: `windrow-server token --new` runs in another process. In a thread, because
        # the file may be locked, and batches are taken on this loop.
        return Sessions(await run_in_threadpool(self._meta.session_key))

    def app(self) -> ASGIApp:
        routes = [
            Route("/", self._guarded(self._insights)),
            Route("/login", self._login_form, methods=["GET"]),
            Route("/login", self._login, methods=["POST"]),
            Route("/logout", self._logout, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ]
        handlers: dict[Any, Any] = {
            HTTPException: self._failed,
            StoreError: self._not_ready,
            DatabaseError: self._not_remembered,
            Exception: self._broken,
        }
        return _with_headers(Starlette(routes=routes, exception_handlers=handlers))

    # ---- the insights page ----------------------------------------------------------------------

    def _guarded(
        self, page: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            sessions = await self._sessions()
            if not sessions.good(request.cookies.get(COOKIE), self._clock()):
                return RedirectResponse("/login" + _next(request), 303)
            return await page(request)

        return endpoint

    async def _insights(self, request: Request) -> Response:
        query = request.query_params
        view: View = await run_in_threadpool(
            insights, self._store, self._meta, query.get("product"), query.get("period"), self._clock()
        )
        address = f"http://{self._settings.host}:{self._settings.port}"
        return self._page("insights.html", view=view, address=address, periods=PERIODS)

    # ---- log-in ---------------------------------------------------------------------------------

    async def _login_form(self, request: Request) -> Response:
        return self._login_page(request.query_params.get("next"))

    async def _login(self, request: Request) -> Response:
        form = await _form(request)
        target = local_path(str(form.get("next") or ""))
        now = self._clock()
        token = str(form.get("token") or "").strip()
        if not await run_in_threadpool(self._meta.check_admin_token, token):
            message = "This is not the admin token. Compare it with what the server printed."
            return self._login_page(target, message, 401)
        sessions = await self._sessions()
        response = RedirectResponse(target, 303)
        response.set_cookie(
            COOKIE, sessions.begin(now), max_age=SESSION_SECONDS, path="/", httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return response

    async def _logout(self, _request: Request) -> Response:
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    def _login_page(self, target: str | None, problem: str = "", status: int = 200) -> Response:
        return self._page("login.html", status, next=local_path(target), problem=problem)

    # ---- what goes wrong ------------------------------------------------------------------------

    async def _failed(self, _request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        title, text = _MESSAGES.get(status, ("That did not work", "The request cannot be answered."))
        return self._page("message.html", status, title=title, text=text, retry=0)

    async def _not_ready(self, _request: Request, error: Exception) -> Response:
        _LOG.warning("insights: the store does not answer: %s", error)
        title, text = _MESSAGES[503]
        headers = {"retry-after": str(_RETRY_SECONDS)}
        return self._page("message.html", 503, headers, title=title, text=text, retry=_RETRY_SECONDS)

    async def _not_remembered(self, _request: Request, error: Exception) -> Response:
        assert isinstance(error, DatabaseError)
        _LOG.warning("insights: meta.sqlite in --data cannot be read: %s", error.orig)
        title = "The server cannot look up who may see this"
        text = "The file in which it keeps that is locked or damaged. Batches are taken all the same; nothing is lost."
        headers = {"retry-after": str(_RETRY_SECONDS)}
        return self._page("message.html", 503, headers, title=title, text=text, retry=_RETRY_SECONDS)

    async def _broken(self, _request: Request, _error: Exception) -> Response:
        title, text = _MESSAGES[500]
        return self._page("message.html", 500, title=title, text=text, retry=0)

    def _page(
        self, template: str, status: int = 200, headers: dict[str, str] | None = None, /, **values: Any
    ) -> Response:
        html = self._templates.get_template(template).render(**values)
        return HTMLResponse(html, status, {"cache-control": "no-store", **(headers or {})})


_MESSAGES = {
    404: ("There is no such page", "The address is wrong, or the page has moved."),
    405: ("That did not work", "This address does not take that kind of request."),
    413: ("That is too much", "The form that was sent is larger than any form of these pages."),
    500: (
        "This page is broken",
        "The server made a mistake. Its log says which; nothing that was collected is lost by it.",
    ),
    503: (
        "The store is not ready",
        "It is still starting, or has just been restarted. Nothing is lost: what arrives meanwhile waits in the inbox.",
    ),
}


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_format.number, day=_format.day, percent=_format.percent)
    environment.globals["static"] = _static
    return environment


def _static(name: str) -> str:
    # The time of the last build is in the address, so that a browser may keep the file and still sees a new one.
    path = _HERE / "static" / name
    return f"/static/{name}?{int(path.stat().st_mtime)}" if path.exists() else f"/static/{name}"


def _next(request: Request) -> str:
    path = request.url.path + ("?" + request.url.query if request.url.query else "")
    return "" if path == "/" else "?next=" + quote(path, safe="")


async def _form(request: Request) -> FormData:
    try:
        length = int(request.headers.get("content-length", "0"))
    except ValueError:
        length = _FORM_BYTES + 1
    if length > _FORM_BYTES or "transfer-encoding" in request.headers:
        raise HTTPException(413)
    return await request.form(max_files=0, max_fields=4)


def _with_headers(app: ASGIApp) -> ASGIApp:
    extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await app(scope, receive, headed if scope["type"] == "http" else send)

    return wrapped
