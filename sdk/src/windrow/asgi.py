"""The dashboard's two routes, as an ASGI app to mount in the product: `config` and `events`.

`GET …/config` says whether to send and what; `POST …/events` takes a list of events. Same origin only, no cookie
read, nothing about the caller kept.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from windrow import Telemetry

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 32_768  # bytes


class TelemetryApp:
    """An ASGI app over a `Telemetry`. Mount it anywhere, for instance at `/telemetry`."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `config` and `events`; anything else is 404."""
        if scope["type"] != "http":
            return
        route = scope["path"].rstrip("/").rpartition("/")[2]
        if (scope["method"], route) == ("GET", "config"):
            await _reply(send, 200, self._config())
        elif (scope["method"], route) == ("POST", "events"):
            status, answer = await self._events(scope, receive)
            await _reply(send, status, answer)
        else:
            await _reply(send, 404, _error("not_found", "There are GET config and POST events."))

    def _config(self) -> dict[str, Any]:
        if not self._telemetry.is_enabled():
            return {"enabled": False}
        declared = [e for e in self._telemetry.catalogue.events.values() if e.source == "dashboard"]
        routes = {v for e in declared for p in e.properties.values() if p.type == "route" for v in p.values}
        return {
            "enabled": True,
            "events": {event.name: list(event.properties) for event in declared},
            "routes": sorted(routes),
        }

    async def _events(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
            return 403, _error("cross_site", "Events are taken from the product's own pages only.")
        if not headers.get(b"content-type", b"").lower().startswith(b"application/json"):
            return 415, _error("not_json", "Send application/json.")
        if not self._telemetry.is_enabled():
            return 200, {"enabled": False, "accepted": 0}
        body = await _read(receive)
        if body is None:
            return 413, _error("too_large", f"Send at most {LARGEST_BODY} bytes at once.")
        try:
            events = json.loads(body)["events"]
        except (ValueError, TypeError, KeyError, RecursionError):
            events = None
        if not isinstance(events, list):
            return 400, _error("not_json", 'Send {"events": [{"name": …, "properties": {…}}]}.')
        return 200, {"enabled": True, "accepted": self._telemetry.ingest(events)}


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body)


def _error(slug: str, action: str) -> dict[str, str]:
    return {"error": slug, "action": action}


async def _reply(send: Send, status: int, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
