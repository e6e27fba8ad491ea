"""Requests as raw as a test needs them, with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def request(
    method: str,
    url: str,
    body: bytes | Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30,
) -> Answer:
    """One request on a connection of its own; an iterable body is sent in chunks."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        chunked = body is not None and not isinstance(body, bytes)
        connection.request(method, path, body, dict(headers or {}), encode_chunked=chunked)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def post(url: str, body: bytes | Iterable[bytes], **headers: str) -> Answer:
    """POST a body; `content_encoding="gzip"` becomes a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    chunked = {} if isinstance(body, bytes) else {"Transfer-Encoding": "chunked"}
    return request("POST", url, body, {"Content-Type": "application/json", **chunked, **named})


def raw(url: str, data: bytes, timeout: float = 30) -> bytes:
    """Send bytes as they are, and return all that comes back until the server closes or `timeout`."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=timeout) as connection:
        connection.sendall(data)
        got = b""
        try:
            while chunk := connection.recv(65536):
                got += chunk
        except TimeoutError:
            pass
        return got
