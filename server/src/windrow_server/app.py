"""The web process as one ASGI app: batches and operators' requests to the collector, all else to the pages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from windrow_server.collector import PATHS, REQUESTS, Collector, Requests
from windrow_server.collector.endpoint import send_error, send_json
from windrow_server.errors import API_ERRORS
from windrow_server.inbox import Inbox
from windrow_server.meta import Meta
from windrow_server.pages import create_pages, starting_page
from windrow_server.settings import LIMIT, Settings
from windrow_server.store import Store

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_PAGES = ("/", "/login", "/logout")


class App:
    """ASGI app. Batches are taken from the first moment; pages come with `attach`, once a store answers."""

    def __init__(
        self, collector: Collector, requests: Requests, inbox: Inbox, meta: Meta, settings: Settings
    ) -> None:
        self._collector = collector
        self._operators = requests
        self._inbox = inbox
        self._meta = meta
        self._settings = settings
        self._store: Store | None = None
        self._pages: Any = starting_page()
        self._requests = 0

    def attach(self, store: Store) -> None:
        """Show the pages over `store` from now on."""
        self._pages = create_pages(store, self._meta, self._settings)
        self._operators.attach(store)
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the server's start and end."""
        if scope["type"] == "http":
            if self._requests >= LIMIT["connections"]:
                await send_error(send, API_ERRORS["overloaded"])
                return
            self._requests += 1
            try:
                await self._answer(scope, receive, send)
            finally:
                self._requests -= 1
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in PATHS:
            await self._collector(scope, receive, send)
        elif path in REQUESTS:
            await self._operators(scope, receive, send)
        elif path == "/healthz":
            await send_json(send, 200, b'{"status":"ok"}')
        elif path == "/readyz":
            await self._ready(send)
        elif _for_programs(scope["method"], path):
            await send_error(send, API_ERRORS["not_found"])
        else:
            await self._pages(scope, receive, send)

    async def _ready(self, send: Send) -> None:
        inbox, store = await asyncio.gather(
            asyncio.to_thread(self._inbox.writable),
            asyncio.to_thread(lambda: self._store is not None and self._store.ready()),
        )
        body = b'{"inbox":%s,"store":%s}' % (b"true" if inbox else b"false", b"true" if store else b"false")
        await send_json(send, 200 if inbox and store else 503, body)


def _for_programs(method: str, path: str) -> bool:
    """Say whether nobody but a program asks for this, so that a page would be no answer."""
    seen = method in ("GET", "HEAD") or path in _PAGES or path.startswith("/static/")
    return path.startswith("/v1/") or not seen


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
