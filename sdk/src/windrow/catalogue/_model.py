"""What a catalogue is, once it has been read and found sound."""

from __future__ import annotations

from windrow._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Product(Record):
    """The software that is measured, and where its events go."""

    name: str
    title: str
    key: str
    sink: str
    endpoint: str
    contact: str
    keep_days: int
    time_precision: str
    grace_minutes: int = 10
    rotate: str = "never"

    def env(self, setting: str) -> str:
        """The environment variable of a setting: `hay` and `DISABLED` make `HAY_TELEMETRY_DISABLED`."""
        return f"{self.name.upper()}_TELEMETRY_{setting}"


class Property(Record):
    """One declared key. Of `values`, `buckets` and `maximum`, the type says which one counts."""

    name: str
    type: str
    description: str = ""
    why: str = ""
    values: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    maximum: int | None = None


class Event(Record):
    """One declared event. A counter has a single property, the range `count`."""

    name: str
    kind: str
    source: str
    description: str
    why: str
    since: str
    properties: dict[str, Property]
    owner: str = ""
    expires: str = ""
    decision: str = ""

    @property
    def daily(self) -> bool:
        """Whether it is sent once a day and replaces what was sent of that day before."""
        return self.kind != "event"


class Catalogue(Record):
    """A sound catalogue. `places` leads from a dotted path to `file:line`, for messages."""

    product: Product
    context: dict[str, Property]
    events: dict[str, Event]
    places: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of what may be sent; prose, key and endpoint are left out."""
        import hashlib

        meaning: dict[str, Any] = {
            "product": self.product.name,
            "time_precision": self.product.time_precision,
            "context": {name: _meaning(prop) for name, prop in self.context.items()},
            "events": {
                event.name: {
                    "kind": event.kind,
                    "from": event.source,
                    "properties": {name: _meaning(prop) for name, prop in event.properties.items()},
                }
                for event in self.events.values()
            },
        }
        if self.product.rotate != "never":
            meaning["rotate"] = self.product.rotate
        return hashlib.sha256(canonical(meaning)).hexdigest()

    def to_json(self) -> bytes:
        """The canonical `telemetry.json`: the same keys as the TOML, lists of names resolved, keys sorted."""
        return canonical(self.to_mapping())

    def to_mapping(self) -> dict[str, Any]:
        """The catalogue in the shape of the file it was read from."""
        return {
            "product": self.product._asdict(),
            "context": {name: _declared(prop) for name, prop in self.context.items()},
            "events": {event.name: _declared_event(event) for event in self.events.values()},
        }


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, without spaces, in ASCII: the same bytes in every language."""
    import json

    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _meaning(prop: Property) -> dict[str, Any]:
    kept = {
        "type": prop.type,
        "values": sorted(prop.values),
        "buckets": list(prop.buckets),
        "max": prop.maximum,
    }
    return {key: value for key, value in kept.items() if value}


def _declared(prop: Property) -> dict[str, Any]:
    kept = {
        "type": prop.type,
        "description": prop.description,
        "why": prop.why,
        "values": list(prop.values),
        "buckets": list(prop.buckets),
        "max": prop.maximum,
    }
    return {key: value for key, value in kept.items() if value}


def _declared_event(event: Event) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "description": event.description,
        "why": event.why,
        "since": event.since,
        "from": event.source,
        "kind": event.kind,
        "owner": event.owner,
        "expires": event.expires,
        "decision": event.decision,
    }
    if event.kind == "counter":
        kept["buckets"] = list(event.properties["count"].buckets)
    else:
        kept["properties"] = {name: _declared(prop) for name, prop in event.properties.items()}
    return {key: value for key, value in kept.items() if value}
