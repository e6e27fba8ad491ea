"""Advice on a sound catalogue: what a reviewer would ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

from windrow.catalogue._model import Catalogue, Event, Property
from windrow.errors import Problem


def lint(catalogue: Catalogue, today: date | None = None) -> list[Problem]:
    """What is allowed, and should still be mended; `today` (UTC) decides what has expired."""
    day = (today or datetime.now(UTC).date()).isoformat()
    return [
        Problem(_place(catalogue, path), message, hint) for path, message, hint in _advice(catalogue, day)
    ]


def _advice(catalogue: Catalogue, today: str) -> Iterator[tuple[str, str, str]]:
    if not catalogue.product.contact:
        yield "product", "names no contact", "Operators need an address for questions: add contact."
    for prop in catalogue.context.values():
        path = f"context.{prop.name}"
        if not prop.why:
            yield path, "does not say why", "Add why: what will be decided by it?"
        yield from _about_property(path, prop)
    for event in catalogue.events.values():
        yield from _about_event(f"events.{event.name}", event, today)


def _about_event(path: str, event: Event, today: str) -> Iterator[tuple[str, str, str]]:
    if not event.description:
        yield path, "is not described", "Add description: what happened?"
    if not event.why:
        yield path, "does not say why", "Add why: what will be decided by it?"
    if event.expires and event.expires < today:
        yield f"{path}.expires", f"expired on {event.expires}", "Remove the event, or renew the date."
    for prop in event.properties.values():
        below = f"{path}.properties.{prop.name}"
        if event.kind != "counter" and not prop.description:
            yield below, "is not described", "Add description: what does its value say?"
        yield from _about_property(below, prop)


def _about_property(path: str, prop: Property) -> Iterator[tuple[str, str, str]]:
    if prop.type == "digest":
        yield (
            path,
            "is a digest",
            "If the values can be listed, declare a choice: it says more and reveals less.",
        )
    if prop.type in ("choice", "choices") and len(prop.values) > 200:
        yield path, f"has {len(prop.values)} values", "Long lists single instances out: group them."


def _place(catalogue: Catalogue, path: str) -> str:
    known = path
    while known and known not in catalogue.places:
        known = known.rpartition(".")[0]
    place = catalogue.places.get(known)
    return f"{place} [{path}]" if place else f"[{path}]"
