"""The catalogue as types: one msgspec decoder that reads, checks and bounds a whole batch at its own speed.

What such a decoder lets pass holds nothing but declared names and values: every struct forbids unknown
fields, so that even the raw bytes (a duplicate key, say) can hide nothing. The rest takes the slow path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import UNSET, Meta, UnsetType
from windrow.catalogue import Catalogue, Event, Property
from windrow.catalogue.coarsen import coarsener
from windrow.reasons import REASONS

from windrow_server.collector.times import TimeRule

UUID_FORM = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SDK_FORM = r"^windrow-(?:python|node|js)/[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}\Z"
_UUIDS = re.compile(f"(?:{UUID_FORM})*")
_NUMBER = r"(?:0|[1-9][0-9]{0,5})"

Uuid = Annotated[str, Meta(pattern=rf"^{UUID_FORM}\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Kind = Literal["database", "file", "ephemeral"]
Sdk = Annotated[str, Meta(pattern=SDK_FORM)]
MOST = 2**53
"""The largest count of losses or batches: more, and JavaScript could not read it."""
Count = Annotated[int, Meta(ge=0, le=MOST)]
_Length36 = Annotated[str, Meta(min_length=36, max_length=36)]
_Day = Annotated[str, Meta(min_length=10, max_length=10)]
_Hour = Annotated[str, Meta(min_length=17, max_length=17)]


def _label(values: Iterable[str]) -> Any:
    return Literal[tuple(dict.fromkeys(values))]


def _choices(prop: Property) -> Any:
    known: Any = _label((*prop.values, "other"))
    return Annotated[list[known], Meta(max_length=len(prop.values) + 1)]


_TYPES: dict[str, Callable[[Property], Any]] = {
    "flag": lambda _: bool,
    "choice": lambda prop: _label((*prop.values, "other")),
    "choices": _choices,
    "range": lambda prop: _label(prop.buckets),
    "count": lambda prop: Annotated[int, Meta(ge=0, le=prop.maximum)],
    "version": lambda _: Annotated[str, Meta(pattern=rf"^(?:custom|{_NUMBER}\.{_NUMBER}\.{_NUMBER})\Z")],
    "name": lambda prop: _label((*prop.values, "custom")),
    "route": lambda prop: _label((*prop.values, "other")),
    "digest": lambda _: Digest,
}


class Version:
    """One version of a product's catalogue, compiled."""

    def __init__(self, catalogue: Catalogue, keys: Iterable[str]) -> None:
        self.catalogue = catalogue
        self.product = catalogue.product.name
        self.digest = catalogue.digest
        self.daily = frozenset(event.name for event in catalogue.events.values() if event.daily)
        self._times = TimeRule(catalogue.product.time_precision, catalogue.product.keep_days)
        self._days = TimeRule("day", catalogue.product.keep_days)
        self.context = _checks(catalogue.context)
        self.events = {event.name: _checks(event.properties) for event in catalogue.events.values()}
        hourly = catalogue.product.time_precision == "hour"
        types = [
            _event_type(event, number, _Hour if hourly and not event.daily else _Day)
            for number, event in enumerate(catalogue.events.values())
        ]
        events: Any = Union[tuple(types)]  # noqa: UP007
        self.event = msgspec.json.Decoder(events)
        self.batch = msgspec.json.Decoder(_batch_type(events, catalogue, self.digest, keys))

    def rule(self, name: str) -> TimeRule:
        """Return the rule for the times of the event `name`."""
        return self._days if name in self.daily else self._times

    def sound(self, events: list[Any], now: float) -> bool:
        """Check what the types cannot: that ids are UUIDs and times are allowed."""
        # One look at all ids, and one at each distinct time: a tenth of the cost of a look at each event.
        if not _UUIDS.fullmatch("".join([event.id for event in events])):
            return False
        # The types have seen to it that only an event of a day has a text as short as a day.
        times = {event.time for event in events}
        return all((self._days if len(text) == 10 else self._times).fits(text, now) for text in times)


def _checks(properties: Mapping[str, Property]) -> dict[str, Callable[[object], object]]:
    return {name: coarsener(prop, None) for name, prop in properties.items()}


def _fields(properties: Mapping[str, Property], name: str) -> type[msgspec.Struct]:
    """A struct of optional, declared properties. Fields are numbered: a property may be called `class`."""
    names = {f"p{number}": key for number, key in enumerate(properties)}
    sets = [field for field, key in names.items() if properties[key].type == "choices"]

    def ordered(self: Any) -> None:
        for field in sets:
            value = getattr(self, field)
            if value is not UNSET and value != sorted(set(value)):
                raise ValueError("not a sorted set")

    return msgspec.defstruct(
        name,
        [
            (field, Union[_TYPES[properties[key].type](properties[key]), UnsetType], UNSET)  # noqa: UP007
            for field, key in names.items()
        ],
        rename=names,
        forbid_unknown_fields=True,
        gc=False,
        namespace={"__post_init__": ordered} if sets else None,
    )


def _event_type(event: Event, number: int, time: Any) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        f"Event{number}",
        [
            ("id", _Length36),
            ("time", time),
            ("properties", _fields(event.properties, f"Properties{number}")),
        ],
        tag_field="name",
        tag=event.name,
        forbid_unknown_fields=True,
        gc=False,
    )


def _batch_type(events: Any, catalogue: Catalogue, digest: str, keys: Iterable[str]) -> type[msgspec.Struct]:
    reasons: Any = _label(REASONS)
    context: Any = _fields(catalogue.context, "Context")
    return msgspec.defstruct(
        "Batch",
        [
            ("format", Literal[1]),
            ("key", _label(keys)),
            ("catalogue", Literal[digest]),
            ("batch_id", Uuid),
            ("instance_id", Uuid),
            ("instance_kind", Kind),
            ("sdk", Sdk),
            ("events", list[events]),
            ("context", context | UnsetType, UNSET),
            ("dropped", dict[reasons, Count], msgspec.field(default_factory=dict)),
            ("sequence", Count | UnsetType, UNSET),
        ],
        forbid_unknown_fields=True,
        gc=False,
    )
