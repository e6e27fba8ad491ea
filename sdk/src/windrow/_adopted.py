"""What lay on the disk is checked again before it is sent: it may be older than the catalogue, or somebody else's."""

from __future__ import annotations

from windrow.catalogue.coarsen import coarsener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from windrow.catalogue import Catalogue, Property
    from windrow.envelope import Envelope, WireEvent

_FIELDS = (
    *("format", "key", "catalogue", "batch_id", "instance_id", "instance_kind", "sdk"),
    *("context", "dropped", "events", "sequence"),
)


def checked(whole: Mapping[str, Any], catalogue: Catalogue) -> Envelope:
    """The envelope without what this catalogue does not let through. Raises where nothing is left."""
    events = [good for event in whole["events"] if (good := _event(event, catalogue))]
    if not events or whole["key"] != catalogue.product.key:
        raise ValueError("nothing of this product")
    kept: dict[str, Any] = {name: whole[name] for name in _FIELDS if name in whole}
    context = _properties(whole["context"], catalogue.context)
    return {**kept, "context": context, "events": events}  # type: ignore[typeddict-item]  # read from JSON


def _event(event: Mapping[str, Any], catalogue: Catalogue) -> WireEvent | None:
    declared = catalogue.events.get(event["name"])
    time, hourly = event["time"], catalogue.product.time_precision == "hour"
    # `2026-11-24`, or `2026-11-24T13:00Z`
    if declared is None or not (len(time) == 10 or (hourly and len(time) == 17 and time.endswith(":00Z"))):
        return None
    properties = _properties(event["properties"], declared.properties)
    return {"id": event["id"], "name": declared.name, "time": time, "properties": properties}


def _properties(given: Mapping[str, Any], declared: Mapping[str, Property]) -> dict[str, object]:
    return {
        name: value
        for name, value in given.items()
        if name in declared and coarsener(declared[name])(value) == value
    }
