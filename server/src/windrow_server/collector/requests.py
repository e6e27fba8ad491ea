"""The operator's two requests: to be forgotten, and to see what is held. Each proves its instance by a token.

Nothing of them is logged, and the only thing kept is the id of a forgotten instance.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, date
from typing import Annotated, Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from windrow.catalogue import Property
from windrow.envelope import instance_of, read_token

from windrow_server.collector.admission import FORMAT, Admission, Product
from windrow_server.collector.body import Gone, read
from windrow_server.collector.clean import decoded
from windrow_server.collector.compiled import Digest
from windrow_server.collector.endpoint import Receive, Scope, Send, send_error, send_json
from windrow_server.collector.orders import Orders
from windrow_server.collector.rate import Rate
from windrow_server.errors import API_ERRORS, Refusal
from windrow_server.settings import LIMIT
from windrow_server.store import Store, StoreError

REQUESTS = {
    "/v1/forget": "forget",
    "/v1/forget/": "forget",
    "/v1/held": "held",
    "/v1/held/": "held",
}
"""The paths of the operator's requests, and which of the two each is."""

_DAY = 86_400
_LIMITS = (LIMIT["request_bytes"], LIMIT["request_bytes"])
_AS_JSON = ("flag", "count", "choices")
_log = logging.getLogger("windrow.collector")


class _Forget(msgspec.Struct):
    format: int
    key: str
    erase_tokens: Annotated[list[Digest], msgspec.Meta(min_length=1, max_length=LIMIT["request_tokens"])]


class _Held(msgspec.Struct):
    format: int
    key: str
    read_token: Digest


_FORGET = msgspec.json.Decoder(_Forget)
_HELD = msgspec.json.Decoder(_Held)


class Requests:
    """ASGI callable for `REQUESTS`. Without a store (see `attach`) nothing can be shown; forgetting needs none."""

    def __init__(
        self, admission: Admission, orders: Orders, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._admission = admission
        self._orders = orders
        self._store: Store | None = None
        self._asked = Rate(LIMIT["requests_a_minute"], 60, clock)
        self._forgotten = Rate(LIMIT["forgotten_a_day"], _DAY, clock)
        # A store that hangs must not take the threads from those who need none.
        self._showing = asyncio.Semaphore(2)

    def attach(self, store: Store) -> None:
        """Show what `store` holds from now on."""
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope, receive)
        except Gone:
            return
        except Refusal as refusal:
            await send_error(send, refusal.error, refusal.detail, refusal.after)
        except (StoreError, SQLAlchemyError, asyncio.CancelledError):
            await send_error(send, API_ERRORS["not_now"])
        except Exception as error:
            # Neither message nor traceback: either could hold a token. Its type leads to the place.
            _log.error("A request was answered with 503: %s.", type(error).__name__)
            await send_error(send, API_ERRORS["not_now"])
        else:
            await send_json(send, 200, msgspec.json.encode(answer))

    async def _answer(self, scope: Scope, receive: Receive) -> object:
        if scope["method"] != "POST":
            raise Refusal("method_not_allowed")
        body = await read(receive, scope["headers"], sniff=False, limits=_LIMITS)
        if REQUESTS[scope["path"]] == "forget":
            asked: _Forget = decoded(_FORGET, body, "bad_request")
            self._product(asked)
            return await asyncio.to_thread(self._forget, asked)
        wanted: _Held = decoded(_HELD, body, "bad_request")
        product = self._product(wanted)
        async with self._showing:
            return await asyncio.to_thread(self._held, product, wanted)

    def _product(self, asked: _Forget | _Held) -> Product:
        if asked.format > FORMAT:
            raise Refusal("unsupported_format")
        if asked.format < 1:
            raise Refusal("bad_request", "At `format`.")
        product = self._admission.product(asked.key)
        self._asked.take(asked.key)
        return product

    def _forget(self, asked: _Forget) -> object:
        proven = [instance_of(read_token(bytes.fromhex(token))) for token in asked.erase_tokens]
        instances = list(dict.fromkeys(proven))
        new = sum(instance not in self._orders.forgotten for instance in instances)
        self._forgotten.take(asked.key, new)
        self._orders.forget(instances)
        return {"forgotten": instances, "forwarded": []}

    def _held(self, product: Product, asked: _Held) -> object:
        instance = instance_of(bytes.fromhex(asked.read_token))
        if self._store is None:
            raise StoreError("there is no store yet")
        rows = self._store.held(product.name, instance, LIMIT["held_events"] + 1)
        if instance in self._orders.forgotten:  # the loader may not have come to it yet
            rows = []
        events = [_event(product, row) for row in rows[: LIMIT["held_events"]]]
        return {"instance_id": instance, "events": events, "truncated": len(rows) > len(events)}


def _event(product: Product, row: dict[str, Any]) -> object:
    version = product.versions.get(row["catalogue"], product.latest)
    declared = version.catalogue.events.get(row["event"])
    hourly = declared is not None and version.rule(row["event"]).precision == "hour"
    return {
        "id": str(row["event_id"]),
        "name": row["event"],
        "time": _time(row["day"], row["hour"] if hourly else None),
        "properties": _sent(row["properties"], declared.properties if declared else {}),
        "context": _sent(row["context"], version.catalogue.context),
        "received": _time(row["received"].date(), row["received"].replace(tzinfo=UTC).hour),
    }


def _time(day: date, hour: int | None) -> str:
    return day.isoformat() if hour is None else f"{day.isoformat()}T{hour:02}:00Z"


def _sent(kept: dict[str, str], declared: dict[str, Property]) -> dict[str, object]:
    """The values as they were sent: the store keeps texts, and all others as JSON."""
    return {name: _value(text, declared.get(name)) for name, text in kept.items()}


def _value(text: str, declared: Property | None) -> object:
    if declared is None or declared.type not in _AS_JSON:
        return text
    try:
        return json.loads(text)
    except ValueError:  # it was let in by another version of the catalogue, as a text
        return text
