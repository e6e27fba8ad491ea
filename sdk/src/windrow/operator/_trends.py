"""The operator's own trends, out of the ledger: which events, how often, and which values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from windrow.catalogue import Catalogue
from windrow.operator._times import last_days

DAYS = 30

Found = dict[str, Any]


def trends(
    catalogue: Catalogue, entries: Iterable[Mapping[str, Any]], counted: list[Found], now: float, days: int
) -> Found:
    """By event and day over the last `days`. An event that was sent twice counts once, as at the collector."""
    window = last_days(now, days)
    events: dict[str, Found] = {}
    context: Found = {}
    batches: set[object] = set()  # with several sinks, one batch has several entries
    for entry in entries:
        batches.add(entry["batch_id"])
        found, facts = _read(catalogue, str(entry["body"]))
        context.update(facts)
        events.update({event["id"]: event for event in found})
    within = [event for event in events.values() if event["time"][:10] in window]
    return {
        "days": window,
        "batches": len(batches),
        "context": context,
        "events": list(_events(catalogue, within, window)),
        "counters": list(_counters(catalogue, within, counted, window)),
        "snapshots": list(_snapshots(catalogue, within)),
    }


def bodied(body: str) -> tuple[list[Found], Found, Found]:
    """What a batch says, in whatever form it was sent: its events, its context, its losses."""
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        return [], {}, {}
    if not isinstance(whole, dict):
        return [], {}, {}
    if isinstance(whole.get("batch"), list):
        items = [item for item in whole["batch"] if isinstance(item, dict)]
        events = [
            {
                "name": str(item.get("event", "")),
                "time": str(item.get("timestamp", ""))[:10],
                "properties": item.get("properties", {}),
            }
            for item in items
        ]
        return events, {}, {}
    listed = whole.get("events")
    events = [event for event in listed if isinstance(event, dict)] if isinstance(listed, list) else []
    context, lost = whole.get("context"), whole.get("dropped")
    return events, context if isinstance(context, dict) else {}, lost if isinstance(lost, dict) else {}


def _read(catalogue: Catalogue, body: str) -> tuple[list[Found], Found]:
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        return [], {}
    if not isinstance(whole, dict):
        return [], {}
    if isinstance(whole.get("batch"), list):
        return _read_posthog(catalogue, whole["batch"])
    listed = whole.get("events")
    events = [event for event in listed if _is_event(event)] if isinstance(listed, list) else []
    facts = whole.get("context")
    return events, facts if isinstance(facts, dict) else {}


def _is_event(event: object) -> bool:
    return (
        isinstance(event, dict)
        and all(isinstance(event.get(key), str) for key in ("id", "name", "time"))
        and isinstance(event.get("properties"), dict)
    )


def _read_posthog(catalogue: Catalogue, batch: list[Any]) -> tuple[list[Found], Found]:
    events, context = [], {}
    for item in batch:
        try:
            name, sent = str(item["event"]), dict(item["properties"])
            event = {"id": str(item["uuid"]), "name": name, "time": str(item["timestamp"])}
        except (TypeError, KeyError, ValueError):
            continue
        declared = catalogue.events.get(name)
        own = declared.properties if declared else {}
        context.update({key: value for key, value in sent.items() if key in catalogue.context})
        events.append({**event, "properties": {key: value for key, value in sent.items() if key in own}})
    return events, context


def _kind(catalogue: Catalogue, name: str) -> str:
    declared = catalogue.events.get(name)
    return declared.kind if declared else "event"


def _about(catalogue: Catalogue, name: str) -> str:
    declared = catalogue.events.get(name)
    return " ".join(declared.description.split()) if declared else "Declared by another release."


def _events(catalogue: Catalogue, within: list[Found], window: list[str]) -> Iterator[Found]:
    names = dict.fromkeys([*catalogue.events, *sorted({event["name"] for event in within})])
    for name in names:
        if _kind(catalogue, name) != "event":
            continue
        mine = [event for event in within if event["name"] == name]
        by_day = dict.fromkeys(window, 0)
        for event in mine:
            by_day[event["time"][:10]] += 1
        yield {
            "name": name,
            "description": _about(catalogue, name),
            "total": len(mine),
            "by_day": list(by_day.values()),
            "properties": _values(mine),
        }


def _values(events: list[Found]) -> Found:
    found: Found = {}
    for event in events:
        for prop, value in event["properties"].items():
            for one in value if isinstance(value, list) else [value]:
                counts = found.setdefault(prop, {})
                text = one if isinstance(one, str) else json.dumps(one)
                counts[text] = counts.get(text, 0) + 1
    return {
        prop: dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
        for prop, counts in sorted(found.items())
    }


def _counters(
    catalogue: Catalogue, within: list[Found], counted: list[Found], window: list[str]
) -> Iterator[Found]:
    for declared in catalogue.events.values():
        if declared.kind != "counter":
            continue
        by_day: dict[str, str | None] = dict.fromkeys(window)
        for event in within:
            if event["name"] == declared.name:
                by_day[event["time"][:10]] = str(event["properties"].get("count", "")) or None
        mine = [counter for counter in counted if counter["event"] == declared.name]
        for counter in mine:
            if counter["day"] in by_day:
                by_day[counter["day"]] = counter["bucket"]
        today = next((counter["number"] for counter in mine if counter["day"] == window[-1]), None)
        yield {
            "name": declared.name,
            "description": _about(catalogue, declared.name),
            "buckets": list(declared.properties["count"].buckets),
            "by_day": list(by_day.values()),
            "today": today,
        }


def _snapshots(catalogue: Catalogue, within: list[Found]) -> Iterator[Found]:
    for declared in catalogue.events.values():
        if declared.kind != "snapshot":
            continue
        mine = sorted((e for e in within if e["name"] == declared.name), key=lambda event: event["time"])
        last: Found = mine[-1] if mine else {"time": "", "properties": {}}
        yield {
            "name": declared.name,
            "description": _about(catalogue, declared.name),
            "day": last["time"][:10] or None,
            "properties": last["properties"],
        }
