"""The smallest statements of what may be sent. A release collects more where it makes a statement that is new."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from windrow.catalogue._model import Catalogue, Event, Property

# A set can say "more" of numbers only by steps. Every rise adds a statement, since the number itself is one;
# a fall adds none if it ends on a step.
_DAYS = (
    *(7, 14, 30, 60, 90, 100, 120, 150, 180, 200, 240, 270, 300, 365, 400, 500),
    *(730, 1000, 1095, 1460, 1825, 3660),
)
_TENS = tuple(10**power for power in range(16))


def atoms(catalogue: Catalogue) -> frozenset[str]:
    """All that this catalogue allows to be sent, as statements: `events.started.os:choice:linux`.

    `atoms(new) - atoms(old)` is empty exactly when `new` collects no more than `old`, and for no one else. The address
    and all prose are left out. Statements are kept by instances: one that has been released keeps its spelling.
    """
    product = catalogue.product
    # What is coarser is part of what is finer: the day of the hour, the id of a month of the id that lasts.
    found = {"time:day", "rotate:monthly", *_steps("keep", _DAYS, product.keep_days)}
    found |= {f"time:{product.time_precision}", f"rotate:{product.rotate}", f"to:{product.sink}"}
    for fact in catalogue.context.values():
        found |= atoms_of_context(fact)
    for event in catalogue.events.values():
        found |= atoms_of_event(event)
    return frozenset(found)


def atoms_of_context(fact: Property) -> frozenset[str]:
    """The statements of one fact about the instance: `context.app_version:version`."""
    return frozenset(_atoms_of_property(f"context.{fact.name}", fact))


def atoms_of_event(event: Event) -> frozenset[str]:
    """The statements of one event: that it exists, its kind, where it comes from, and its properties."""
    place = f"events.{event.name}"
    found = {place, f"{place}:kind:{event.kind}", f"{place}:from:{event.source}"}
    for prop in event.properties.values():
        found.update(_atoms_of_property(f"{place}.{prop.name}", prop))
    return frozenset(found)


def _atoms_of_property(place: str, prop: Property) -> Iterator[str]:
    typed = f"{place}:{prop.type}"
    yield typed
    if prop.type in ("choice", "choices", "route"):
        for value in prop.values:
            yield f"{typed}:{value}"
    elif prop.type == "range":
        # What a bucket reveals is on which side of each limit a number lies: joining two buckets reveals less.
        for label in prop.buckets[1:]:
            yield f"{typed}:{label.rstrip('+').partition('-')[0]}"
    elif prop.type == "count":
        yield from _steps(typed, _TENS, prop.maximum or 0)
    # A name comes out of the product's own source, whose list grows with each release: no new kind of fact.


def _steps(what: str, steps: tuple[int, ...], number: int) -> Iterator[str]:
    for step in steps:
        if step < number:
            yield f"{what}:{step}"
    yield f"{what}:{number}"
