"""What is sent once a day: counters, counted on the instance over all its processes, and snapshots."""

from __future__ import annotations

import os
import time

from windrow._settings import LARGEST_COUNT
from windrow.catalogue.coarsen import INVALID, coarsener
from windrow.envelope import daily_event, wire_time
from windrow.errors import StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from windrow.catalogue import Event
    from windrow.envelope import WireEvent
    from windrow.state import State

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
            if self._state.swap(key, found, str(min(_number(key, found or "0") + n, LARGEST_COUNT))):
                return

    def due(self, instance_id: str, now: float, *, today: bool) -> list[WireEvent] | None:
        """The counters of days that have ended and the snapshots that today lacks; None if another process sends them.

        `today`: also what today has so far; the whole day replaces it later.
        """
        day = wire_time(now, "day")
        if not self._take_lease(now):
            return None
        events = self._counters(instance_id, day, today)
        for event, provider in list(self._providers.items()):
            key = f"{event}:{day}"
            if today or (self._failed.get(key) != day and self._state.get(f"sent:{key}") is None):
                properties = self._ask(event, provider)
                if properties is None:
                    self._failed[key] = day
                else:
                    events.append(daily_event(instance_id, event, day, properties))
        return events

    def delivered(self, events: list[WireEvent], now: float) -> None:
        """Remember what has been sent, so that it is not sent again; forget what was sent a week ago.

        Until then a counter stays: another process may still bring what it counted on that day.
        """
        for key, value in self._state.items("sent:"):
            of_day = key.removeprefix("sent:")
            if of_day.rpartition(":")[2] < _days_before(now, 7):
                counter = f"counter:{of_day}"
                self._state.swap(counter, self._state.get(counter), None)
                self._state.swap(key, value, None)
        for event in events:
            sent = f"sent:{event['name']}:{event['time']}"
            self._state.swap(sent, self._state.get(sent), str(event["properties"].get("count", "1")))

    def gave_up(self, events: list[WireEvent], now: float) -> None:
        """These were refused for good: they are not tried again today, nor are their functions asked."""
        for event in events:
            self._failed[f"{event['name']}:{event['time']}"] = wire_time(now, "day")

    def _counters(self, instance_id: str, day: str, today: bool) -> list[WireEvent]:
        events: list[WireEvent] = []
        for key, value in self._state.items("counter:"):
            event, _, counted = key.removeprefix("counter:").rpartition(":")
            check = self._checks.get(event)
            label = check(_number(key, value)) if check else INVALID
            if label is INVALID:
                self._state.swap(key, value, None)  # a catalogue of another release declared it
            elif counted < day or (today and counted == day):
                given_up = not today and self._failed.get(f"{event}:{counted}") == day
                if not given_up and self._state.get(f"sent:{event}:{counted}") != label:
                    events.append(daily_event(instance_id, event, counted, {"count": label}))
        return events

    def _take_lease(self, now: float) -> bool:
        # Of the processes of an instance, one sends; when it dies, another may a minute later.
        found = self._state.get("lease:daily")
        holder, _, until = (found or "").partition(" ")
        if found and holder != self._holder and now < _until(until) <= now + _LEASE_SECONDS:
            return False
        return self._state.swap("lease:daily", found, f"{self._holder} {int(now) + _LEASE_SECONDS}")

    def release(self) -> None:
        """Give the lease back, so that the next process need not wait for its end."""
        found = self._state.get("lease:daily")
        if found and found.startswith(f"{self._holder} "):
            self._state.swap("lease:daily", found, None)


def _number(key: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise StateError(f"The row {key} of the state is damaged. Remove the state to begin anew.") from None


def _until(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0  # a lease that nobody can read is nobody's


def _days_before(now: float, days: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(now - days * 86_400))
