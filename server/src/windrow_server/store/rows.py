"""Admitted envelopes become the columns of the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec

EVENT_COLUMNS = (
    *(
        "product",
        "event",
        "day",
        "hour",
        "instance_id",
        "instance_kind",
        "event_id",
        "app_version",
        "properties",
    ),
    *("context", "catalogue", "sdk", "wire", "received", "collector", "sequence", "version"),
)
BATCH_COLUMNS = ("product", "day", "instance_id", "instance_kind", "number", "batch_id")
REFUSAL_COLUMNS = ("product", "day", "reason", "wire", "stage", "n", "collector", "sequence")


class _Event(msgspec.Struct):
    id: UUID
    name: str
    time: str
    properties: dict[str, Any] = {}


class _Envelope(msgspec.Struct):
    instance_id: UUID
    instance_kind: str
    events: list[_Event]
    batch_id: UUID | None = None
    sequence: int | None = None
    catalogue: str = ""
    sdk: str = ""
    context: dict[str, Any] = {}
    dropped: dict[str, int] = {}


_decode = msgspec.json.Decoder(_Envelope).decode


class Columns:
    """What one transfer brings: events, refusals and numbered batches in columns, and the days that change by product.

    Of an instance that is `forgotten` nothing is taken but the number of its events, as refused.
    """

    def __init__(self, collector: str, forgotten: Callable[[UUID], bool] = lambda _: False) -> None:
        self.events: dict[str, list[Any]] = {name: [] for name in EVENT_COLUMNS}
        self.refusals: dict[str, list[Any]] = {name: [] for name in REFUSAL_COLUMNS}
        self.batches: dict[str, list[Any]] = {name: [] for name in BATCH_COLUMNS}
        self.days: dict[str, set[date]] = {}
        self._forgotten = forgotten
        self._collector = collector
        self._known_days: dict[str, date] = {}

    def add(
        self,
        *,
        product: str,
        wire: str,
        received: int,
        sequence: int,
        payload: bytes,
        refused: Mapping[str, int],
    ) -> int:
        """Add one admitted batch (`received` in unix seconds); how many events it had."""
        envelope = _decode(payload)
        moment = datetime.fromtimestamp(received, UTC)
        if self._forgotten(envelope.instance_id):
            late = len(envelope.events)
            if late:
                refused = {**refused, "forgotten": late}
            envelope.events, envelope.dropped, envelope.sequence = [], {}, None
        lost = (("sdk", envelope.dropped), ("collector", refused))
        for stage, counts in lost:
            for reason, n in counts.items():
                lost_row = (product, moment.date(), reason, wire, stage, n, self._collector, sequence)
                _append(self.refusals, lost_row)
        if envelope.sequence is not None and envelope.batch_id is not None:
            numbered = (envelope.instance_kind, envelope.sequence, envelope.batch_id)
            _append(self.batches, (product, moment.date(), envelope.instance_id, *numbered))
        context = {name: _text(value) for name, value in envelope.context.items()}
        version = received << 32 | sequence & 0xFFFFFFFF
        days = self.days.setdefault(product, set())
        for event in envelope.events:
            day = self._day(event.time)
            days.add(day)
            row = (
                *(product, event.name, day, _hour(event.time), envelope.instance_id, envelope.instance_kind),
                *(event.id, context.get("app_version", "")),
                {name: _text(value) for name, value in event.properties.items()},
                *(
                    context,
                    envelope.catalogue,
                    envelope.sdk,
                    wire,
                    moment,
                    self._collector,
                    sequence,
                    version,
                ),
            )
            _append(self.events, row)
        return len(envelope.events)

    def _day(self, time: str) -> date:
        text = time[:10]
        if text not in self._known_days:
            self._known_days[text] = date.fromisoformat(text)
        return self._known_days[text]


def _append(columns: dict[str, list[Any]], row: Iterable[Any]) -> None:
    for column, value in zip(columns.values(), row, strict=True):
        column.append(value)


def _hour(time: str) -> int:
    return int(time[11:13]) if len(time) > 10 else 0


def _text(value: Any) -> str:
    return value if value.__class__ is str else json.dumps(value, separators=(",", ":"))
