"""Django's ASGI application, with the end of the server."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.core import asgi

from windrow.asgi import Receive, Scope, Send
from windrow.integrations.django import _telemetry


def get_asgi_application() -> Any:
    """Django's own, which also closes telemetry: a server that ends by a signal runs no exit handlers.

    Django itself answers no `lifespan`, by which a server tells that it ends.
    """
    django = asgi.get_asgi_application()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await django(scope, receive, send)

    return application


async def _live(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await sync_to_async(_telemetry.close, thread_sensitive=False)()
    await send({"type": "lifespan.shutdown.complete"})
