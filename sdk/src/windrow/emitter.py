"""What the functions that `windrow generate` writes stand on: one `Emitter` an event. Nothing to be called by hand."""

from __future__ import annotations

from windrow._invalid import INVALID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from windrow.catalogue import Property
    from windrow.catalogue.coarsen import Check

    Put = Callable[[dict[str, object]], None]

__all__ = ["INVALID", "Emitter"]

_LISTED = ("choice", "name", "route")


class Emitter:
    """The short way of one plain event past `Telemetry.track()`, for calls in which every value fits.

    A generated function asks for the check of each property once. In each call it gives what the checks answered to
    `put`; where one answered `INVALID` or raised, it gives all that it was given to `again`, which goes the long way.
    So both ways queue the same and count the same losses. An event that the catalogue does not declare (any more)
    always goes the long way, and is refused there. Where telemetry is off, there is no way at all.
    """

    __slots__ = ("_checks", "_properties", "_track", "put")

    put: (
        Put | None
    )  #: Queue the event with these properties, all of them checked; None where telemetry is off.

    def __init__(
        self,
        track: Callable[[Mapping[str, object]], None],
        put: Put | None,
        properties: Mapping[str, Property],
        checks: Mapping[str, Check],
    ) -> None:
        self._track = track
        self._properties = properties
        self._checks = checks
        self.put = put

    def check(self, name: str) -> Check:
        """The check of one property: it answers what may be sent of a value, or `INVALID`, or raises."""
        check = self._checks.get(name, _refuse)
        prop = self._properties.get(name)
        if prop is None or prop.type not in _LISTED:
            return check
        known = _Known({value: check(value) for value in prop.values})
        known.check = check
        return known.__getitem__

    def again(self, given: Mapping[str, object]) -> None:
        """Track the event with these values; None stands for one that was not said."""
        self._track({name: value for name, value in given.items() if value is not None})


class _Known(dict[str, object]):
    # Asked without a call of Python's where the value is a declared one, as nearly all are.
    __slots__ = ("check",)
    check: Check

    def __missing__(self, value: str) -> object:
        return self.check(value)


def _refuse(_: Any) -> object:
    return INVALID
