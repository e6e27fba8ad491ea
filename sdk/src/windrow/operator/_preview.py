"""What would be sent next, as far as it can be known from here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from windrow import Telemetry
from windrow.catalogue import Catalogue
from windrow.operator import _facts
from windrow.sinks import Sink
from windrow.state import State


def preview(
    catalogue: Catalogue,
    state: State | None,
    environ: Mapping[str, str],
    clock: Callable[[], float],
    telemetry: Telemetry | None,
) -> dict[str, Any]:
    """`batches`, the exact bytes each; `counters` that have not been sent; and whether memory was seen (`from`)."""
    live = telemetry is not None and telemetry.is_enabled()
    client = telemetry if live and telemetry else _unattended(catalogue, state, environ, clock)
    names = _facts.names_of(state, [str(sink.where) for sink in client.sinks])
    batches = [
        _batch(names.get(short, short), _rendered(short, envelope, client.sinks), "disk", exact=True)
        for short, envelope in _facts.spooled(state)
    ]
    waits = "memory" if live else "counters"
    batches += [
        _batch(str(sink.where), body, waits, exact=live)
        for sink, body in zip(client.sinks, client.preview(), strict=False)
    ]
    counted = _facts.counters(catalogue, state, clock())
    return {
        "from": "process" if live else "state",
        "batches": batches,
        "counters": [counter for counter in counted if not counter["sent"]],
    }


def _unattended(
    catalogue: Catalogue, state: State | None, environ: Mapping[str, str], clock: Callable[[], float]
) -> Telemetry:
    """The product's telemetry as it would be on this state; on a copy, and it is never started."""
    endpoint = catalogue.product.env("ENDPOINT")
    seen = {"WINDROW_ETC": os.devnull, endpoint: str(environ.get(endpoint, ""))}
    return Telemetry(catalogue, state=_facts.copy_of(state), environ=seen, clock=clock)


def _rendered(short: str, envelope: dict[str, Any], sinks: list[Sink]) -> bytes:
    for sink in sinks:
        if _facts.short_of(str(sink.where)) == short:
            return sink.render(envelope)
    return json.dumps(envelope, separators=(",", ":")).encode()


def _batch(to: str, body: bytes, waits: str, *, exact: bool) -> dict[str, Any]:
    return {"to": to, "waits": waits, "exact": exact, "body": body.decode("utf-8", "replace")}
