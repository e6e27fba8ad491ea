"""One request to the collector: to see what it holds, or to be forgotten."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from windrow import __version__
from windrow.errors import WindrowError
from windrow.sinks._http import Reply, post
from windrow.sinks._proxy import Hindrance

_SECONDS = 10.0
_LARGEST = 32_000_000  # bytes: a thousand events are far less
_HEADERS = {"Content-Type": "application/json", "User-Agent": f"windrow-python/{__version__}"}


class Unanswered(WindrowError):
    """The collector did not do what it was asked; the message says why."""


def ask(
    endpoint: str,
    path: str,
    question: Mapping[str, object],
    environ: Mapping[str, str],
    seconds: float = _SECONDS,
) -> dict[str, Any]:
    """POST a question as JSON; the answer to a 200. `environ` names proxies. Raises `Unanswered` in words."""
    where = urlsplit(endpoint).netloc.rpartition("@")[2] or endpoint
    body = json.dumps(question).encode()
    try:
        reply = post(f"{endpoint}{path}", _HEADERS, body, time.monotonic() + seconds, environ, _LARGEST)
    except Hindrance as error:
        raise Unanswered(f"{where} cannot be reached: {error}.") from error
    except (OSError, HTTPException) as error:
        raise Unanswered(f"{where} does not answer ({type(error).__name__}).") from error
    except ValueError as error:
        raise Unanswered(f"{where} is not an http(s) address.") from error
    answer = _object(reply)
    if reply.status == 200 and answer is not None:
        return answer
    said = answer.get("message") if answer else None
    raise Unanswered(f"{where} answered {reply.status}{f': {said[:200]}' if isinstance(said, str) else ''}.")


def _object(reply: Reply) -> dict[str, Any] | None:
    try:
        found = json.loads(reply.body or b"")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
