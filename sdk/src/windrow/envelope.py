"""The wire form of a batch: `spec/envelope.md`, in code."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, NotRequired, TypedDict

    class WireEvent(TypedDict):
        """One event as it is sent."""

        id: str
        name: str
        time: str
        properties: dict[str, object]

    class Envelope(TypedDict):
        """One batch as it is sent."""

        format: int
        key: str
        catalogue: str
        batch_id: str
        instance_id: str
        instance_kind: str
        sdk: str
        context: dict[str, object]
        dropped: dict[str, int]
        events: list[WireEvent]
        sequence: NotRequired[int]


FORMAT = 1
_HOUR = 3600
_DAY = 86_400


def encode(envelope: Envelope) -> bytes:
    """The exact bytes: compact JSON in ASCII."""
    import json

    return json.dumps(envelope, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def wire_time(seconds: float, precision: str) -> str:
    """A moment (unix seconds) in UTC, cut to the precision: `2026-11-24` or `2026-11-24T13:00Z`."""
    import time

    return time.strftime("%Y-%m-%d" if precision == "day" else "%Y-%m-%dT%H:00Z", time.gmtime(seconds))


def wire_events(tracked: Iterable[tuple[str, dict[str, object], float]], precision: str) -> list[WireEvent]:
    """Name, coarse properties and moment become events with an id and a cut time."""
    step = _DAY if precision == "day" else _HOUR
    waiting = list(tracked)
    noise = os.urandom(10 * len(waiting)).hex()
    events: list[WireEvent] = []
    shared: dict[int, tuple[str, str]] = {}  # nearly all events of a batch have one cut time
    for position, (name, properties, moment) in enumerate(waiting):
        cut = int(moment // step * step)
        if cut not in shared:
            shared[cut] = _stamp(cut), wire_time(cut, precision)
        stamp, when = shared[cut]
        events.append(
            {
                "id": stamp + _random_part(noise[position * 20 : position * 20 + 20]),
                "name": name,
                "time": when,
                "properties": properties,
            }
        )
    return events


def daily_event(instance_id: str, name: str, day: str, properties: Mapping[str, Any]) -> WireEvent:
    """A counter or snapshot of a day; its id follows from instance, event and day: sent twice, it counts once."""
    import uuid

    made = uuid.uuid5(uuid.UUID(instance_id), f"{name}:{day}")
    return {"id": str(made), "name": name, "time": day, "properties": dict(properties)}


def random_id(seconds: float = 0) -> str:
    """A UUID of version 7 whose time says no more than is given."""
    return event_id(int(seconds), os.urandom(10).hex())


def event_id(seconds: int, random: str) -> str:
    """A UUID of version 7 (RFC 9562) out of a cut time and 20 random hex digits: it tells nothing finer."""
    return _stamp(seconds) + _random_part(random)


def _stamp(seconds: int) -> str:
    stamp = f"{seconds * 1000 & 0xFFFFFFFFFFFF:012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7"


def _random_part(random: str) -> str:
    return f"{random[:3]}-{'89ab'[int(random[3], 16) & 3]}{random[4:7]}-{random[7:19]}"


def read_token(erase_token: bytes) -> bytes:
    """The token that shows what is held of an instance; the erase token cannot be had from it."""
    import hashlib

    return hashlib.sha256(b"windrow/read" + erase_token).digest()


def instance_of(read_token: bytes) -> str:
    """The instance id that a read token proves: a UUID of version 8 out of its SHA-256."""
    import hashlib
    import uuid

    raw = bytearray(hashlib.sha256(read_token).digest()[:16])
    # RFC 9562 version 8: "made by a rule of our own". Older Pythons cannot be asked for it.
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))
