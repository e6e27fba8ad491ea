"""The dashboard's two routes, `config` and `events`, as an ASGI app to mount in the product.

`GET …/config` says whether to send and what; `POST …/events` takes a list of events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from windrow import Telemetry
from windrow._dashboard import HEADERS, LARGEST_BODY, Answer, open_request, take_events

__all__ = ["LARGEST_BODY", "TelemetryApp"]

# Loosely: each framework has types of its own for these, and the app is to be mounted in all of them.
Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS]


class TelemetryApp:
    """An ASGI app over a `Telemetry`. Mount it anywhere, for instance at `/telemetry`."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `config` and `events`; anything else is 404."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        answer = open_request(self._telemetry, scope["method"], scope["path"], headers)
        if answer is None:
            answer = take_events(self._telemetry, await _read(receive))
        await _reply(send, answer)


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body)


async def _reply(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": answer.body})
