"""Runs a fleet's year through admission, inbox, loader and store, day by day, by an injected clock."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import msgspec
from windrow.catalogue import Catalogue, load

from windrow_server.collector import posthog
from windrow_server.collector.admission import Admission
from windrow_server.errors import StartError
from windrow_server.inbox import Inbox, Row
from windrow_server.loader import drain
from windrow_server.meta import Meta
from windrow_server.settings import Settings
from windrow_server.simulate.envelopes import Sender
from windrow_server.simulate.lives import YEAR, Life, fleet
from windrow_server.store import Store
from windrow_server.store.spawn import spawned

BIRTHS = 1500
_DAY = 86_400
_BATCHES = 12_000  # in one transfer
_LATE, _TWICE = 0.02, 0.01
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Summary:
    """What a run sent, by its own count: batches, distinct events, refusals, and who was active on which day."""

    batches: int = 0
    events: int = 0
    refused: int = 0
    active: dict[tuple[str, date], set[str]] = field(default_factory=lambda: defaultdict(set))


def run(
    settings: Settings,
    *,
    seed: int = 7,
    today: date,
    progress: Callable[[float], None] = lambda _: None,
    instances: int = BIRTHS,
) -> Summary:
    """Fill `settings.data` with a year of each catalogue's fleet that ends at `today` (UTC).

    `instances` are born in the year, `progress` hears of shares from 0 to 1. Raises `StartError` where there is data
    already, and `StoreError`.
    """
    if (settings.data / "store").exists():
        raise StartError(f"{settings.data} has data already. Name an empty folder with --data.")
    settings.data.mkdir(parents=True, exist_ok=True)
    meta = Meta(settings.data / "meta.sqlite")
    inbox = Inbox(settings.data)
    catalogues = [load(file) for file in settings.catalogues]
    for catalogue in catalogues:
        meta.register(catalogue)
    summary = Summary()
    try:
        with spawned(settings.data / "store") as url:
            store = Store.connect(url)
            store.migrate()
            admission = Admission(catalogues, meta.secret("posthog-wire"))
            for position, catalogue in enumerate(catalogues):
                year = _Year(catalogue, admission, random.Random(seed + position), today, summary)
                lives = list(fleet(seed + position, instances))
                for day, rows in year.days(lives):
                    inbox.append(rows)
                    if inbox.pending() >= _BATCHES or day == YEAR - 1:
                        drain(inbox, store, meta.collector_name(), batches=_BATCHES)
                    progress((position + (day + 1) / YEAR) / len(catalogues))
            store.close()
    finally:
        inbox.close()
        meta.close()
    return summary


class _Year:
    """The days of one product's fleet, and what the network does to its batches."""

    def __init__(
        self, catalogue: Catalogue, admission: Admission, source: random.Random, today: date, summary: Summary
    ) -> None:
        self._product = catalogue.product.name
        self._sender = Sender(catalogue)
        self._admission = admission
        self._source = source
        self._first = today - timedelta(days=YEAR - 1)
        self._summary = summary
        self._later: dict[int, list[bytes]] = defaultdict(list)

    def days(self, lives: list[Life]) -> Iterator[tuple[int, list[Row]]]:
        """For each day, what the collector took in."""
        for day in range(YEAR):
            moment = self._moment(day)
            arriving = self._later.pop(day, [])
            for life in lives:
                if life.sends_on(day):
                    self._send(life, day, moment, arriving)
            rows = [self._admitted(body, moment) for body in arriving]
            yield day, rows + self._foreign(day, moment)

    def _send(self, life: Life, day: int, moment: int, arriving: list[bytes]) -> None:
        source = self._source
        batch = self._sender.batch(life, day, moment, source)
        if not batch["events"]:
            return
        body = _encode(batch)
        fate = source.random()
        late = day + source.randint(1, 6) if fate < _LATE else day
        if late >= YEAR:
            return  # still on its way
        (arriving if late == day else self._later[late]).append(body)
        if fate > 1 - _TWICE and day + 1 < YEAR:
            self._later[day + 1].append(body)
        self._count(batch, day)

    def _count(self, batch: dict[str, object], day: int) -> None:
        events = batch["events"]
        assert isinstance(events, list)
        self._summary.events += sum(event["name"] != "beta_button" for event in events)
        key = str(batch["instance_kind"]), self._first + timedelta(days=day)
        self._summary.active[key].add(str(batch["instance_id"]))

    def _admitted(self, body: bytes, moment: int) -> Row:
        admitted = self._admission.admit(body, moment + _DAY / 2)
        self._summary.batches += 1
        self._summary.refused += sum(admitted.refused.values())
        return Row(moment + _DAY // 2, admitted.product, "windrow", admitted.payload, dict(admitted.refused))

    def _foreign(self, day: int, moment: int) -> list[Row]:
        """A few copies that speak PostHog's wire, from the last quarter of the year on."""
        if day < YEAR * 3 // 4:
            return []
        senders = [n for n in range(24) if self._source.random() < 0.5]
        batch = [self._sender.posthog_event(n, moment, self._source) for n in senders]
        body = _encode({"api_key": self._sender.key, "batch": batch})
        return [
            Row(moment + _DAY // 2, a.product, "posthog", a.payload, dict(a.refused))
            for a in posthog.admit(self._admission, body, moment + _DAY / 2)
        ]

    def _moment(self, day: int) -> int:
        begin = datetime.combine(self._first, datetime.min.time(), UTC)
        return int((begin + timedelta(days=day)).timestamp())
