"""The insights pages on a real server in a thread, over a store that a test has filled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from windrow.catalogue import Catalogue
from windrow_server.meta import Meta
from windrow_server.pages import create_pages
from windrow_server.settings import Settings
from windrow_server.store import Store

from tests.support.catalogue import sample

TOKEN = "wa_the-token-of-the-pages"


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an ASGI app on a free port of loopback; gives its URL without a slash at the end."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def running_pages(
    folder: Path, store: Store, clock: Callable[[], float], catalogue: Catalogue | None = None
) -> Iterator[str]:
    """Serve the pages over `store`, for one product (hay) and the admin token `TOKEN`."""
    meta = Meta(folder / "meta.sqlite", clock)
    meta.ensure_admin_token(TOKEN)
    meta.register(catalogue or sample())
    try:
        with serving(create_pages(store, meta, Settings(data=folder), clock)) as url:
            yield url
    finally:
        meta.close()
