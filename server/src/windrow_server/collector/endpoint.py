"""The hot path: a raw ASGI endpoint for batches, without a framework.

200 is sent once the batch is on disk. Nothing of a request but its admitted envelope is kept, logged or
echoed: not its address, not its headers, not a value that was refused.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec

from windrow_server.collector import posthog
from windrow_server.collector.admission import Admission
from windrow_server.collector.aside import Aside
from windrow_server.collector.body import Gone, read
from windrow_server.errors import API_ERRORS, ApiError, Overloaded, Refusal
from windrow_server.inbox import Inbox, Row
from windrow_server.meta import Wish

PATHS = {"/v1/batch": "windrow", "/v1/batch/": "windrow", "/batch": "posthog", "/batch/": "posthog"}
"""The paths of the collector and the wire that each speaks."""

RETRY_SECONDS = 5
_HOUR = 3600
_JSON = (b"content-type", b"application/json")
_OK = b'{"status":"Ok"}'
_log = logging.getLogger("windrow.collector")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Collector:
    """ASGI callable for `PATHS`. `wishes` by product go into the replies, and may change.

    `clock` gives unix seconds.
    """

    def __init__(
        self,
        inbox: Inbox,
        admission: Admission,
        wishes: Mapping[str, Wish] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._inbox = inbox
        self._admission = admission
        self._wishes = {} if wishes is None else wishes
        self._clock = clock
        self._aside = Aside()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope, receive)
        except Gone:
            return
        except Refusal as refusal:
            await send_error(send, refusal.error, refusal.detail)
        except (Overloaded, asyncio.CancelledError):
            # Cancelled is who still waits for a body when the server ends; this is the last that it does.
            await send_error(send, API_ERRORS["overloaded"])
        except Exception as error:
            # Neither message nor traceback: either could hold a value. Its type leads to the place.
            _log.error("A batch was answered with 503: %s.", type(error).__name__)
            await send_error(send, API_ERRORS["overloaded"])
        else:
            await send_json(send, 200, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        wire = PATHS.get(scope["path"])
        if wire is None:
            raise Refusal("not_found")
        if scope["method"] != "POST":
            raise Refusal("method_not_allowed")
        body = await read(receive, scope["headers"], sniff=wire == "posthog")
        return await (self._native(body) if wire == "windrow" else self._posthog(body))

    async def _native(self, body: bytes) -> bytes:
        now = self._clock()
        admitted = self._admission.quickly(body, now)
        if admitted is None:
            admitted = await self._aside.run(len(body), lambda: self._admission.slowly(body, now))
        product, payload, accepted, refused = admitted
        await self._inbox.put((Row(_hour(now), product, "windrow", payload, refused),))
        wish = self._wishes.get(product)
        if wish is None and not refused:
            return b'{"accepted":%d,"refused":{}}' % accepted
        said = {} if wish is None else wish.at(now)
        return msgspec.json.encode({"accepted": accepted, "refused": refused, **said})

    async def _posthog(self, body: bytes) -> bytes:
        now = self._clock()
        admitted = await self._aside.run(len(body), lambda: posthog.admit(self._admission, body, now))
        if admitted:
            await self._inbox.put(
                [Row(_hour(now), a.product, "posthog", a.payload, a.refused) for a in admitted]
            )
        return _OK


def _hour(now: float) -> int:
    return int(now) // _HOUR * _HOUR


async def send_error(send: Send, error: ApiError, detail: str = "", after: int = 0) -> None:
    """Answer with one of `API_ERRORS` as JSON: {"error", "message", "action"}; `after` seconds for Retry-After."""
    message = f"{error.message} {detail}".rstrip()
    body = msgspec.json.encode({"error": error.slug, "message": message, "action": error.action})
    more: list[tuple[bytes, bytes]] = []
    if error.status in (429, 503):
        more.append((b"retry-after", str(after or RETRY_SECONDS).encode()))
    elif error.status == 405:
        more.append((b"allow", b"POST"))
    elif error.status in (408, 413):
        # The rest of the body may still be on its way; it is not the next request.
        more.append((b"connection", b"close"))
    await send_json(send, error.status, body, more)


async def send_json(
    send: Send, status: int, body: bytes, more: list[tuple[bytes, bytes]] | tuple[()] = ()
) -> None:
    """Send a whole JSON answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *more]})
    await send({"type": "http.response.body", "body": body})
