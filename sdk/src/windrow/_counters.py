"""What is sent once a day: counters, counted on the instance over all its processes, and snapshots."""

from __future__ import annotations

import os
import time

from windrow.catalogue.coarsen import INVALID, coarsener
from windrow.envelope import daily_event, wire_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from windrow._state import State
    from windrow.catalogue import Event
    from windrow.envelope import WireEvent

_LEASE_SECONDS = 60


class Daily:
    """The counters and snapshots of one process; the state adds them up with the other processes'."""

    def __init__(
        self,
        state: State,
        events: Mapping[str, Event],
        providers: Mapping[str, Callable[[], object]],
        ask: Callable[[str, Callable[[], object]], dict[str, object] | None],
    ) -> None:
        self._state = state
        self._checks = {
            event.name: coarsener(event.properties["count"])
            for event in events.values()
            if event.kind == "counter"
        }
        self._providers = providers
        self._ask = ask
        self._failed: dict[str, str] = {}
        self._holder = os.urandom(8).hex()

    def add(self, event: str, day: str, n: int) -> None:
        """Add to the day's count, whoever else is adding."""
        key = f"counter:{event}:{day}"
        while True:
            found = self._state.get(key)
            if self._state.swap(key, found, str(int(found or "0") + n)):
                return

    def due(self, instance_id: str, now: float, *, today: bool) -> list[WireEvent]:
        """The counters of days that have ended and the snapshots that today lacks, if this process may send them.

        `today`: also what today has so far; the whole day replaces it later.
        """
        day = wire_time(now, "day")
        if not self._take_lease(now):
            return []
        events = self._counters(instance_id, day, today)
        for event, provider in list(self._providers.items()):
            key = f"sent:{event}:{day}"
            if today or (self._failed.get(event) != day and self._state.get(key) is None):
                properties = self._ask(event, provider)
                if properties is None:
                    self._failed[event] = day
                else:
                    events.append(daily_event(instance_id, event, day, properties))
        return events

    def delivered(self, events: list[WireEvent], now: float) -> None:
        """Remember what has been sent, so that it is not sent again; forget days that are over."""
        day = wire_time(now, "day")
        for event in events:
            sent = f"sent:{event['name']}:{event['time']}"
            self._state.swap(sent, self._state.get(sent), str(event["properties"].get("count", "1")))
            if event["time"] < day:
                counter = f"counter:{event['name']}:{event['time']}"
                self._state.swap(counter, self._state.get(counter), None)
        for key, value in self._state.items("sent:"):
            if key.rpartition(":")[2] < _days_before(now, 7):
                self._state.swap(key, value, None)

    def _counters(self, instance_id: str, day: str, today: bool) -> list[WireEvent]:
        events: list[WireEvent] = []
        for key, value in self._state.items("counter:"):
            _, event, counted = key.split(":")
            check = self._checks.get(event)
            label = check(int(value)) if check else INVALID
            if label is INVALID:
                self._state.swap(key, value, None)  # a catalogue of another release declared it
            elif counted < day or (today and counted == day):
                if self._state.get(f"sent:{event}:{counted}") != label:
                    events.append(daily_event(instance_id, event, counted, {"count": label}))
                elif counted < day:
                    self._state.swap(key, value, None)
        return events

    def _take_lease(self, now: float) -> bool:
        # Of the processes of an instance, one sends; when it dies, another may a minute later.
        found = self._state.get("lease:daily")
        holder, _, until = (found or "").partition(" ")
        if found and holder != self._holder and now < float(until) <= now + _LEASE_SECONDS:
            return False
        return self._state.swap("lease:daily", found, f"{self._holder} {now + _LEASE_SECONDS:.0f}")

    def release(self) -> None:
        """Give the lease back, so that the next process need not wait for its end."""
        found = self._state.get("lease:daily")
        if found and found.startswith(f"{self._holder} "):
            self._state.swap("lease:daily", found, None)


def _days_before(now: float, days: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(now - days * 86_400))
