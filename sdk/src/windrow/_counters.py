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
    from collections.abc import Callable, Iterator, Mapping

    from windrow._identity import Identity
    from windrow.catalogue import Event
    from windrow.envelope import WireEvent
    from windrow.state import State

_LEASE_SECONDS = 60
_DAY = 86_400
_LOOK_SECONDS = 300.0  # between two looks at what the state has of other processes
_ROWS = ("counter:", "sent:", "daily")


class Daily:
    """The counters and snapshots of one process; the state adds them up with the other processes'.

    `ask` answers a snapshot event by its provider, or None where that fails.
    """

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
        self._on_the_way: set[str] = set()
        self._known = 0  # providers at the last look
        self._looked = -_LOOK_SECONDS
        self._looked_on = ""
        self._written: tuple[str, str | None] = "", None
        self._holder = os.urandom(8).hex()

    def add(self, event: str, day: str, n: int) -> None:
        """Add to the day's count, whoever else is adding. Raises `StateError` and `OSError`."""
        key = f"counter:{event}:{day}"
        # What this process wrote last is still there unless another one has counted: one question fewer.
        found = self._written[1] if self._written[0] == key else self._state.get(key)
        while True:
            new = str(min(_number(key, found or "0") + n, LARGEST_COUNT))
            if self._state.swap(key, found, new):
                self._written = key, new
                return
            found = self._state.get(key)

    def due(
        self, identity: Identity, now: float, allowed: frozenset[str], *, today: bool
    ) -> list[WireEvent] | None:
        """The counters of days that have ended and the snapshots that today lacks, as far as `allowed`.

        None if another process is sending them. `today`: also what today has so far; the whole day replaces it later.
        """
        day = wire_time(now, "day")
        if not today and not self._is_time_to_look(day):
            return []
        if not today and not self._has_come(identity, now):
            return []
        keys = [(event, counted) for event, counted in self._wanted(day, today) if event in allowed]
        if not keys:
            return []
        if not self._take_lease(now):
            return None
        events = []
        for event, counted in keys:
            properties = self._properties(event, counted)
            if properties is None:
                self._failed[f"{event}:{counted}"] = day
            else:
                events.append(daily_event(identity.at(counted), event, counted, properties))
                self._on_the_way.add(f"{event}:{counted}")
        return events

    def delivered(self, events: list[WireEvent], now: float) -> None:
        """Remember what has been sent, so that it is not sent again; forget what was sent a week ago.

        Until then a counter stays: another process may still bring what it counted on that day.
        """
        self._clear(now)
        for event in events:
            key = f"{event['name']}:{event['time']}"
            self._put(f"sent:{key}", str(event["properties"].get("count", "1")))
            self._on_the_way.discard(key)
        if events:
            self._put("daily", f"{wire_time(now, 'day')} {int(now)}")
            self.release()

    def gave_up(self, events: list[WireEvent], now: float) -> None:
        """These were refused for good: they are not tried again today, nor are their functions asked."""
        for event in events:
            key = f"{event['name']}:{event['time']}"
            self._failed[key] = wire_time(now, "day")
            self._on_the_way.discard(key)

    def put_back(self, events: list[WireEvent]) -> None:
        """These could not be packed just now: they are due again."""
        self._on_the_way.difference_update(f"{event['name']}:{event['time']}" for event in events)
        self._looked = -_LOOK_SECONDS

    def release(self) -> None:
        """Give the lease back, so that the next process need not wait for its end."""
        found = self._state.get("lease:daily")
        if found and found.startswith(f"{self._holder} "):
            self._state.swap("lease:daily", found, None)

    # ---- inside -----------------------------------------------------------------------------------

    def _is_time_to_look(self, day: str) -> bool:
        moment = time.monotonic()
        if (
            day == self._looked_on
            and self._known == len(self._providers)
            and moment - self._looked < _LOOK_SECONDS
        ):
            return False
        self._looked, self._looked_on, self._known = moment, day, len(self._providers)
        return True

    def _has_come(self, identity: Identity, now: float) -> bool:
        # Spread over the day by instance: ten thousand must not call at midnight. Who missed the time sends a day later
        # than the last time at the latest, and who has never sent does so at once.
        _, _, last = (self._state.get("daily") or "").partition(" ")
        if not last.isdecimal() or len(last) > 15 or not 0 <= now - int(last) < _DAY:
            return True
        if wire_time(int(last), "day") == wire_time(now, "day"):
            return True  # today's round has begun: what has come since (another process's snapshot) goes too
        return now % _DAY >= identity.second_of_day(wire_time(now, "day"))

    def _wanted(self, day: str, today: bool) -> Iterator[tuple[str, str]]:
        tomorrow = _day_after(day)
        for key, value in self._state.items("counter:"):
            event, _, counted = key.removeprefix("counter:").rpartition(":")
            check = self._checks.get(event)
            if check is None:
                self._state.swap(key, value, None)  # a catalogue of another release declared it
            elif counted > tomorrow:
                # Counted while the clock was ahead; what was counted is kept, for today.
                if self._state.swap(key, value, None):
                    self.add(event, day, _number(key, value))
            elif counted < day or (today and counted == day):
                label = check(_number(key, value))
                if (
                    self._is_open(event, counted, day, today)
                    and self._state.get(f"sent:{event}:{counted}") != label
                ):
                    yield event, counted
        for event in list(self._providers):
            sent = not today and self._state.get(f"sent:{event}:{day}") is not None
            if not sent and self._is_open(event, day, day, today):
                yield event, day

    def _is_open(self, event: str, counted: str, day: str, today: bool) -> bool:
        key = f"{event}:{counted}"
        return today or (self._failed.get(key) != day and key not in self._on_the_way)

    def _properties(self, event: str, counted: str) -> dict[str, object] | None:
        if (provider := self._providers.get(event)) is not None:
            return self._ask(event, provider)
        key = f"counter:{event}:{counted}"
        label = self._checks[event](_number(key, self._state.get(key) or "0"))
        return None if label is INVALID else {"count": label}

    def _clear(self, now: float) -> None:
        # Only where the last round was within a week: a clock that jumps ahead must not clear what is in use.
        last = (self._state.get("daily") or "").partition(" ")[0]
        if not _days_before(now, 7) <= last < wire_time(now, "day"):
            return
        for key, value in self._state.items("sent:"):
            of_day = key.removeprefix("sent:")
            if of_day.rpartition(":")[2] < _days_before(now, 7):
                counter = f"counter:{of_day}"
                self._state.swap(counter, self._state.get(counter), None)
                self._state.swap(key, value, None)

    def _take_lease(self, now: float) -> bool:
        # Of the processes of an instance, one sends; when it dies, another may a minute later.
        found = self._state.get("lease:daily")
        holder, _, until = (found or "").partition(" ")
        if found and holder != self._holder and now < _until(until) <= now + _LEASE_SECONDS:
            self._looked = -_LOOK_SECONDS
            return False
        return self._state.swap("lease:daily", found, f"{self._holder} {int(now) + _LEASE_SECONDS}")

    def _put(self, key: str, value: str) -> None:
        self._state.swap(key, self._state.get(key), value)


def wipe_counters(state: State) -> None:
    """Forget all that was counted, and what was sent of it. Raises `StateError` and `OSError`."""
    for prefix in _ROWS:
        for key, value in state.items(prefix):
            state.swap(key, value, None)


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
    return wire_time(max(now - days * _DAY, 0), "day")


def _day_after(day: str) -> str:
    import calendar

    return wire_time(calendar.timegm(time.strptime(day, "%Y-%m-%d")) + _DAY, "day")
