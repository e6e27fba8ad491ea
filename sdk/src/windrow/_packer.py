"""Makes batches of what waits, and puts them into the outboxes; holds back what the notice does not cover yet."""

from __future__ import annotations

import time
from contextlib import suppress

from windrow import envelope
from windrow._identity import note_month, sequence_row
from windrow._outbox import Batch
from windrow._settings import BATCH_EVENTS, QUEUE_EVENTS
from windrow.errors import StateUnreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow._core import Core
    from windrow._counters import Daily
    from windrow._identity import Identity
    from windrow._outbox import Outbox
    from windrow.envelope import Envelope, WireEvent

    Tracked = tuple[str, dict[str, object], float]


class Packer:
    """For one instance, as long as its state is the same. `allowed` and `facts` are what the notice covers by now."""

    def __init__(self, client: Core, daily: Daily, outboxes: list[Outbox]) -> None:
        self._client = client
        self._daily = daily
        self._outboxes = outboxes
        self.allowed: frozenset[str] = frozenset()
        self.facts: frozenset[str] = frozenset()
        self.held: list[Tracked] = []  # events that the notice does not cover yet
        self._numbered = ""
        self._numbers: list[int] = []  # of batches to come, reserved in the state
        # At most one: taken out of the queue, and not in a batch yet.
        self._unpacked: list[list[Tracked]] = []

    def pack(self, identity: Identity, due: list[WireEvent], *, closing: bool) -> None:
        """Pack what is due, and what is queued if an outbox is ready or the process is closing.

        Raises `StateError` and `OSError`, and what a sink's `render` raises.
        """
        held, self.held = self.held, []
        ready = closing or any(outbox.is_ready() for outbox in self._outboxes)
        for _ in range(1 + QUEUE_EVENTS // BATCH_EVENTS):  # a busy product must not keep us from sending
            if not due and not (ready and (held or self._client.queued())):
                break
            taken, held = held[:BATCH_EVENTS], held[BATCH_EVENTS:]
            taken += self._client.take_events(BATCH_EVENTS - len(taken))
            free = [event for event in taken if event[0] in self.allowed]
            self._hold([event for event in taken if event[0] not in self.allowed])
            if free or due:
                self._pack(identity, free, due)
            due = []
        self.held += held

    def rescue(self, identity: Identity) -> None:
        """On the product's thread, while ours hangs in the network: what is queued goes to the disk for the next start.

        Takes no lock and asks no database: nothing here waits.
        """
        while taken := self._claim() or self._client.take_events(BATCH_EVENTS):
            if free := [event for event in taken if event[0] in self.allowed]:
                events = envelope.wire_events(free, self._client.catalogue.product.time_precision)
                self._put([self._batch(self._around(identity.at(events[0]["time"]), events), [])])

    def adopted(self, whole: Envelope, created: int) -> Batch:
        """The batch of an envelope that another process has left behind. Raises where it is none."""
        from windrow._adopted import checked

        declared = self._client.catalogue.events
        whole = checked(whole, self._client.catalogue)
        daily = [event for event in whole["events"] if declared[event["name"]].daily]
        return Batch(whole, daily, min(created, int(time.time())), 1)

    def sequence(self, day: str) -> int:
        """The number of the next batch under the id of that day. Raises `StateError` and `OSError`."""
        state = self._client.state
        key = sequence_row(day, monthly=self._client.catalogue.product.rotate == "monthly")
        if key != self._numbered:
            self._numbers, self._numbered = [], key
        while not self._numbers:
            # As many at once as a full queue needs: each change of a state costs as much as the batch itself.
            wanted = 1 + self._client.queued() // BATCH_EVENTS
            row = state.get(key)
            number = int(row) if row and row.isdecimal() and len(row) < 16 else 0
            if state.swap(key, row, str(number + wanted)):
                self._numbers = list(range(number, number + wanted))
        return self._numbers.pop(0)

    # ---- inside -----------------------------------------------------------------------------------

    def _hold(self, events: list[Tracked]) -> None:
        room = max(QUEUE_EVENTS - len(self.held), 0)
        self.held += events[:room]
        if len(events) > room:
            self._client.drop("queue_full", len(events) - room)

    def _pack(self, identity: Identity, tracked: list[Tracked], due: list[WireEvent]) -> None:
        try:
            self._unpacked.append(tracked)
            batches = self._batches(identity, tracked, due)  # waits for the state
            if self._claim() is not None:
                self._put(batches)
        except StateUnreachable:
            self.held = (self._claim() or []) + self.held
            self._daily.put_back(due)
            raise
        except Exception:
            # They would fail again: better lost and counted than in the way of all that follows.
            self._claim()
            self._client.drop("gave_up", len(tracked) + len(due))
            self._daily.gave_up(due, self._client.clock())
            raise

    def _claim(self) -> list[Tracked] | None:
        """What is being packed, to one of the two threads that may ask: at the exit the product's does not wait."""
        with suppress(IndexError):
            return self._unpacked.pop()
        return None

    def _batches(self, identity: Identity, tracked: list[Tracked], due: list[WireEvent]) -> list[Batch]:
        events = envelope.wire_events(tracked, self._client.catalogue.product.time_precision) + due
        of_id: dict[str, list[WireEvent]] = {}
        for event in events:
            of_id.setdefault(identity.at(event["time"]), []).append(event)
        made = []
        for instance_id, part in of_id.items():
            if self._client.catalogue.product.rotate == "monthly":
                note_month(self._client.state, part[0]["time"])
            whole = self._around(instance_id, part)
            whole["sequence"] = self.sequence(part[0]["time"])
            made.append(
                self._batch(whole, [event for event in due if identity.at(event["time"]) == instance_id])
            )
        return made

    def _batch(self, whole: Envelope, daily: list[WireEvent]) -> Batch:
        return Batch(whole, daily, int(time.time()), len(self._outboxes))

    def _put(self, batches: list[Batch]) -> None:
        for batch in batches:
            for outbox in self._outboxes:
                outbox.put(batch)

    def _around(self, instance_id: str, events: list[WireEvent]) -> Envelope:
        return self._client.envelope(instance_id, events, self._client.state.kind, self.facts)
