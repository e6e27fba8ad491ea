"""What may leave in place of a value: compiled once, called for each property of each event.

Imports nothing heavy, since `track()` runs it on the product's own thread. No check ever raises.
Values are asked for their `type()`, since `__class__` and `isinstance` believe what an object says of itself.
Coarsening what is coarse already changes nothing, except for digests: the collector runs the same checks.
"""

from __future__ import annotations

from _bisect import bisect_right

from windrow._invalid import INVALID
from windrow.catalogue._buckets import parse_buckets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from windrow.catalogue._model import Property

    Check = Callable[[Any], object]
    Digest = Callable[[str], str]

__all__ = ["INVALID", "coarsener"]

_SMALL = 128
#: Characters of a value that becomes a digest: it waits in the queue as it is, and the queue must stay small.
LONGEST_DIGESTED = 1000


def coarsener(prop: Property, digest: Digest | None = None) -> Check:
    """The check of one property: it returns what is sent, or `INVALID`.

    `digest` makes the keyed hash; without it (in the collector) only a finished digest passes.
    """
    if prop.type == "digest":
        return _made_digest(digest) if digest else _finished_digest
    return _MAKERS[prop.type](prop)


def _flag(_: Property) -> Check:
    def check(value: Any) -> object:
        return value if value is True or value is False else INVALID

    return check


def _listed(prop: Property) -> Check:
    fallback = "custom" if prop.type == "name" else "other"
    find = {value: value for value in prop.values}.get

    def check(value: Any) -> object:
        if type(value) is str:
            return find(value, fallback)
        plain = _plain(value)
        return INVALID if plain is None else find(plain, fallback)

    return check


def _several(prop: Property) -> Check:
    find = {value: value for value in prop.values}.get

    def check(value: Any) -> object:
        if type(value) not in (list, tuple, set, frozenset):
            return INVALID
        found: set[str] = set()
        for item in value:
            plain = _plain(item)
            if plain is None:
                return INVALID
            found.add(find(plain, "other"))
        return sorted(found)

    return check


def _plain(value: Any) -> str | None:
    # A member of an enumeration, say: as plain text, for it may bring its own hash and equality.
    return str.__str__(value) if issubclass(type(value), str) else None


def _range(prop: Property) -> Check:
    labels = prop.buckets
    lowest = parse_buckets(labels)
    known = {label: label for label in labels}
    # Most numbers are small, and this runs on the product's own thread.
    small = tuple(labels[max(bisect_right(lowest, number) - 1, 0)] for number in range(_SMALL))

    def check(value: Any) -> object:
        kind = type(value)
        if kind is int:
            if 0 <= value < _SMALL:
                return small[value]
            at = bisect_right(lowest, value)
        elif kind is float:
            # NaN is not below infinity either; a label holds all that is floored into it.
            if not 0.0 <= value < float("inf"):
                return INVALID
            at = bisect_right(lowest, int(value))
        elif kind is str:
            return known.get(value, INVALID)
        else:
            return INVALID
        if value < 0:
            return INVALID
        return labels[at - 1 if at else 0]

    return check


def _count(prop: Property) -> Check:
    maximum = prop.maximum or 0

    def check(value: Any) -> object:
        if type(value) is float:
            if not (0.0 <= value < float("inf") and value == int(value)):
                return INVALID
            value = int(value)
        elif type(value) is not int:
            return INVALID
        if value < 0:
            return INVALID
        return value if value < maximum else maximum

    return check


def _version(_: Property) -> Check:
    def check(value: Any) -> object:
        if type(value) is not str:
            return INVALID
        return _release(value)

    return check


def _release(text: str) -> str:
    if len(text) > 100 or not text.isascii():
        return "custom"
    core = text.removeprefix("v")
    for separator in ("+", "-"):
        core, found, rest = core.partition(separator)
        if found and not rest:
            return "custom"
    parts = core.split(".")
    if len(parts) == 3 and all(p.isdigit() and len(p) <= 6 and (p == "0" or p[0] != "0") for p in parts):
        return core
    return "custom"


def _made_digest(digest: Digest) -> Check:
    def check(value: Any) -> object:
        if type(value) is not str or len(value) > LONGEST_DIGESTED:
            return INVALID
        try:
            return digest(value)
        except UnicodeEncodeError:
            return INVALID

    return check


def _finished_digest(value: Any) -> object:
    is_hex = type(value) is str and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return value if is_hex else INVALID


_MAKERS: dict[str, Callable[[Property], Check]] = {
    "flag": _flag,
    "choice": _listed,
    "choices": _several,
    "range": _range,
    "count": _count,
    "version": _version,
    "name": _listed,
    "route": _listed,
}
