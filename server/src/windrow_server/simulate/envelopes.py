"""What a life sends on a day: envelopes as the SDK makes them, out of any catalogue."""

from __future__ import annotations

import math
import random
import uuid
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from windrow.catalogue import Catalogue, Event, Property
from windrow.envelope import FORMAT, daily_event, event_id, wire_time

from windrow_server.simulate.lives import BROKEN, Life


class Sender:
    """Writes the envelopes of a product's instances."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.key = catalogue.product.key
        self._catalogue = catalogue
        self._digest = catalogue.digest
        events = catalogue.events.values()
        self._daily = [event for event in events if event.daily]
        self._plain = [event for event in events if not event.daily]
        self._weights = [_weight(event) for event in self._plain]
        self._drawn: dict[tuple[int, int, int], Any] = {}

    def batch(self, life: Life, day: int, moment: int, source: random.Random) -> dict[str, Any]:
        """The envelope of a day; `moment` is its midnight in unix seconds."""
        instance = life.id_on(day)
        version = life.version(day)
        events = self._events(life, instance, day, moment, source)
        if version == BROKEN and source.random() < 0.04:
            events.append(self._plain_event("beta_button", {"label": "free text"}, moment, source))
        return {
            "format": FORMAT,
            "key": self._catalogue.product.key,
            "catalogue": self._digest,
            "batch_id": event_id(0, _hex(source)),
            "instance_id": instance,
            "instance_kind": life.kind,
            "sequence": day - life.born,
            "sdk": "windrow-python/0.1.0",
            "context": {
                prop.name: version if prop.name == "app_version" else self._value(prop, life, 0, source)
                for prop in self._catalogue.context.values()
            },
            "dropped": {"invalid_value": 1} if version == BROKEN and source.random() < 0.02 else {},
            "events": events,
        }

    def posthog_event(self, sender: int, moment: int, source: random.Random) -> dict[str, Any]:
        """An event as a PostHog SDK sends it, from the `sender`th copy that uses one."""
        event = source.choice(self._plain)
        return {
            "event": event.name,
            "distinct_id": f"copy-{sender}",
            "uuid": str(uuid.UUID(int=source.getrandbits(128), version=4)),
            "timestamp": f"{_iso(moment)}T{source.randrange(12):02d}:00:00Z",
            "properties": {p.name: self._value(p, None, 30, source) for p in event.properties.values()},
        }

    def _events(self, life: Life, instance: str, day: int, moment: int, source: random.Random) -> list[Any]:
        age = day - life.born
        text = _iso(moment)
        events: list[Any] = []
        for event in self._daily:
            if event.kind == "snapshot" or source.random() < 0.8:
                properties = {p.name: self._value(p, life, age, source) for p in event.properties.values()}
                events.append(daily_event(instance, event.name, text, properties))
        happened = 3 if age == 0 else source.choices((0, 1, 2, 4), (48, 30, 15, 7))[0]
        for event in source.choices(self._plain, self._weights, k=happened) if self._plain else ():
            properties = {p.name: self._value(p, None, age, source) for p in event.properties.values()}
            events.append(self._plain_event(event.name, properties, moment, source))
        return events

    def _plain_event(self, name: str, properties: dict[str, Any], moment: int, source: random.Random) -> Any:
        at_hour = self._catalogue.product.time_precision == "hour"
        time = f"{_iso(moment)}T{source.randrange(24):02d}:00Z" if at_hour else _iso(moment)
        return {"id": event_id(moment, _hex(source)), "name": name, "time": time, "properties": properties}

    def _value(self, prop: Property, life: Life | None, age: int, source: random.Random) -> Any:
        """A value that fits; of a `life` the same one every day, for it runs on the same system tomorrow."""
        if prop.type == "range":
            share = self._kept(life, prop, 0, _share) if life else _share(prop, 0, source)
            grown = min(age / 240, 1.0) * len(prop.buckets) * share
            return prop.buckets[min(int(grown + source.random() * 0.7), len(prop.buckets) - 1)]
        many = 1 + min(age // 30, 3) if prop.type == "choices" else 1
        return self._kept(life, prop, many, _chosen) if life else _chosen(prop, many, source)

    def _kept(self, life: Life, prop: Property, many: int, draw: Callable[..., Any]) -> Any:
        # Seeding a generator for each property of each day took a fifth of the run.
        key = life.seed, id(prop), many
        if key not in self._drawn:
            self._drawn[key] = draw(prop, many, random.Random(zlib.crc32(prop.name.encode()) ^ life.seed))
        return self._drawn[key]


def _share(_prop: Property, _many: int, source: random.Random) -> float:
    """How far up the buckets a grown instance gets."""
    return math.pow(source.random(), 1.5)


def _chosen(prop: Property, many: int, source: random.Random) -> Any:
    if prop.type == "choices":
        return sorted({_pick(prop.values, source) for _ in range(many)})
    if prop.type == "flag":
        return source.random() < 0.5
    if prop.type == "count":
        return min(int(source.expovariate(0.2)), prop.maximum or 0)
    if prop.type == "version":
        return f"3.{source.choice((11, 12, 12, 13))}.{source.randint(0, 9)}"
    if prop.type == "digest":
        return f"{source.getrandbits(256):064x}"
    return _pick(prop.values, source)


def _pick(values: Sequence[str], source: random.Random) -> str:
    """The first values are the popular ones."""
    return values[min(int(source.expovariate(0.9)), len(values) - 1)]


def _weight(event: Event) -> float:
    # Any catalogue has popular and rare events; which ones, its names decide once and for all.
    if any(prop.type == "name" for prop in event.properties.values()):
        return 0.1  # what happens with a release, not every day
    weight = (4.0 if event.source == "dashboard" else 0.5) + zlib.crc32(event.name.encode()) % 100 / 50
    # A fifth of the highest weight is less than the lowest: nobody takes away more than there is.
    return weight / 5 if event.name.endswith(("_deleted", "_removed")) else weight


def _hex(source: random.Random) -> str:
    return f"{source.getrandbits(80):020x}"


def _iso(moment: int) -> str:
    return wire_time(moment, "day")
