"""The dashboard's two routes, `config` and `events`, as a WSGI app to mount in the product: as `windrow.asgi` does."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from windrow import Telemetry
from windrow._dashboard import HEADERS, LARGEST_BODY, open_request, read_body, take_events

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["LARGEST_BODY", "TelemetryApp"]

_READ = {"HTTP_SEC_FETCH_SITE": "sec-fetch-site", "CONTENT_TYPE": "content-type"}


class TelemetryApp:
    """A WSGI app over a `Telemetry`. Mount it anywhere, for instance at `/telemetry`."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer `config` and `events`; anything else is 404."""
        headers = {name: environ[key] for key, name in _READ.items() if key in environ}
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        answer = open_request(self._telemetry, method, path, headers)
        if answer is None:
            answer = take_events(self._telemetry, _read(environ))
        body = answer.body
        start_response(
            f"{answer.status} {HTTPStatus(answer.status).phrase}",
            [*HEADERS, ("content-length", str(len(body)))],
        )
        return [body]


def _read(environ: WSGIEnvironment) -> bytes | None:
    length = str(environ.get("CONTENT_LENGTH") or "")
    if length.isdecimal():
        return read_body(environ["wsgi.input"], int(length[:10]))
    # Sent in chunks: only some servers know where such a body ends, and say so.
    return read_body(environ["wsgi.input"], None) if environ.get("wsgi.input_terminated") else b""
