"""Windrow in Starlette and FastAPI: telemetry that closes with the server. Mount `windrow.asgi.TelemetryApp` for the
dashboard.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, overload

import anyio.to_thread

from windrow import Telemetry
from windrow._settings import EXIT_SECONDS

App = TypeVar("App")
Lifespan = Callable[[App], AbstractAsyncContextManager[Any]]


@overload
def lifespan(telemetry: Telemetry, own: None = None, *, timeout: float = ...) -> Lifespan[Any]: ...


@overload
def lifespan(telemetry: Telemetry, own: Lifespan[App], *, timeout: float = ...) -> Lifespan[App]: ...


def lifespan(
    telemetry: Telemetry, own: Lifespan[App] | None = None, *, timeout: float = EXIT_SECONDS
) -> Lifespan[App]:
    """A lifespan that closes telemetry within `timeout` seconds; `own` is the app's.

    Closed before the second half of `own` runs: the last batch may need the database that is closed there. An app that
    tracks in that half awaits `close` itself.
    """

    @asynccontextmanager
    async def both(app: App) -> AsyncIterator[Any]:
        if own is None:
            try:
                yield None
            finally:
                await close(telemetry, timeout)
        else:
            async with own(app) as state:
                try:
                    yield state
                finally:
                    await close(telemetry, timeout)

    return both


async def close(telemetry: Telemetry, timeout: float = EXIT_SECONDS) -> None:
    """`telemetry.close(timeout)`, while the event loop does other things."""
    # A limiter of its own: the threads of the app may all be busy, and would be waited for.
    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(telemetry.close, timeout, limiter=anyio.CapacityLimiter(1))
