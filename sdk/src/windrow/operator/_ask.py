"""One request to the collector: to see what it holds, or to be forgotten."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from windrow import __version__
from windrow.errors import WindrowError

_SECONDS = 10.0
_LARGEST = 32_000_000  # bytes: a thousand events are one


class Unanswered(WindrowError):
    """The collector did not do what it was asked; the message says why."""


def ask(
    endpoint: str, path: str, question: Mapping[str, object], seconds: float = _SECONDS
) -> dict[str, Any]:
    """POST a question as JSON; the answer to a 200. Raises `Unanswered` in words."""
    where = urlsplit(endpoint).netloc.rpartition("@")[2] or endpoint
    try:
        status, body = _post(f"{endpoint}{path}", json.dumps(question).encode(), seconds)
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(f"{where} does not answer ({type(error).__name__}).") from error
    except ValueError as error:
        raise Unanswered(f"{where} is not an http(s) address.") from error
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if status == 200 and isinstance(answer, dict):
        return answer
    said = answer.get("message") if isinstance(answer, dict) else ""
    raise Unanswered(
        f"{where} answered {status}{f': {said[:200]}' if isinstance(said, str) and said else ''}."
    )


def _post(url: str, body: bytes, seconds: float) -> tuple[int, bytes]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=seconds)
    headers = {"Content-Type": "application/json", "User-Agent": f"windrow-python/{__version__}"}
    try:
        connection.request("POST", parts.path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read(_LARGEST)
    finally:
        connection.close()
