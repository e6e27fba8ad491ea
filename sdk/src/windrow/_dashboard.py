"""What the dashboard's two routes answer, `config` and `events`, whatever server the product runs under.

Same origin only, no cookie read, nothing about the caller kept. `open_request` answers what needs no body, and
`take_events` the rest.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Protocol

from windrow import Telemetry

LARGEST_BODY = 32_768  # bytes


class Answer(NamedTuple):
    """A status, and what is sent as JSON."""

    status: int
    content: dict[str, Any]

    @property
    def body(self) -> bytes:
        """The JSON."""
        return json.dumps(self.content).encode()


#: The headers of every answer.
HEADERS = (("content-type", "application/json"), ("cache-control", "no-store"))


class Headers(Protocol):
    """What a request came with, by lower-case names; two of them are read."""

    def get(self, name: str, default: str, /) -> str:
        """The value, or the default."""


def open_request(telemetry: Telemetry, method: str, path: str, headers: Headers) -> Answer | None:
    """The answer, or None where the body is needed for it."""
    route = (method, path.rstrip("/").rpartition("/")[2])
    if route == ("GET", "config"):
        return Answer(200, _config(telemetry))
    if route != ("POST", "events"):
        return _error(404, "not_found", "There are GET config and POST events.")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return _error(403, "cross_site", "Events are taken from the product's own pages only.")
    # Without that header (plain HTTP) this one keeps other sites out: a browser asks before it sends them JSON.
    if not headers.get("content-type", "").lower().startswith("application/json"):
        return _error(415, "not_json", "Send application/json.")
    if not telemetry.is_enabled():
        return Answer(200, {"enabled": False, "accepted": 0})
    return None


class Readable(Protocol):
    """What a server or a framework gives to read a body from."""

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes; none at the end."""


def read_body(stream: Readable, length: int | None) -> bytes | None:
    """A body of so many bytes (None: as many as there are); None where it is larger than `LARGEST_BODY`."""
    most = LARGEST_BODY + 1 if length is None else length
    if length is not None and length > LARGEST_BODY:
        return None
    body = b""
    try:
        while len(body) < most and (piece := stream.read(most - len(body))):
            body += piece
    except OSError:  # the caller has gone: nobody will read the answer
        return b""
    return body if len(body) <= LARGEST_BODY else None


def take_events(telemetry: Telemetry, body: bytes | None) -> Answer:
    """Take what the dashboard reports. `body`: None where it was larger than `LARGEST_BODY`."""
    if body is None:
        return _error(413, "too_large", f"Send at most {LARGEST_BODY} bytes at once.")
    try:
        events = json.loads(body)["events"]
    except (ValueError, TypeError, KeyError, RecursionError):
        events = None
    if not isinstance(events, list):
        return _error(400, "not_json", 'Send {"events": [{"name": …, "properties": {…}}]}.')
    return Answer(200, {"enabled": True, "accepted": telemetry.ingest(events)})


def _config(telemetry: Telemetry) -> dict[str, Any]:
    if not telemetry.is_enabled():
        return {"enabled": False}
    declared = [e for e in telemetry.catalogue.events.values() if e.source == "dashboard"]
    routes = {v for e in declared for p in e.properties.values() if p.type == "route" for v in p.values}
    return {
        "enabled": True,
        "events": {event.name: list(event.properties) for event in declared},
        "routes": sorted(routes),
    }


def _error(status: int, slug: str, action: str) -> Answer:
    return Answer(status, {"error": slug, "action": action})
