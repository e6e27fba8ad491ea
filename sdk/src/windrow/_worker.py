"""The flusher: one daemon thread a process, started by the first event, that owns state, ledger and sink."""

from __future__ import annotations

import errno
import random
import threading
import time

from windrow import _notice, envelope
from windrow._counters import Daily
from windrow._identity import identify_instance
from windrow._ledger import Ledger
from windrow._settings import BATCH_EVENTS
from windrow.errors import StateError
from windrow.sinks._base import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow._client import Telemetry
    from windrow.envelope import Envelope, WireEvent

_SEND_SECONDS = 10.0
_LONGEST_PAUSE = 3600.0
_NEVER_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)  # a full disk may be emptied
_HALVINGS = 5  # a side that finds sixteen events too large finds all too large
_TRIES = 24  # with pauses up to an hour: about a day


class Pending:
    """A batch that has left the queue and has not been answered; sent again, it is the same bytes."""

    __slots__ = ("body", "daily", "envelope", "halvings", "tries")

    def __init__(self, batch: Envelope, daily: list[WireEvent], body: bytes, halvings: int = 0) -> None:
        self.envelope = batch
        self.daily = daily
        self.body = body
        self.halvings = halvings
        self.tries = 0


class Worker:
    """Sends what the client queues. Everything but `wake`, `flush` and `stop` runs in its own thread."""

    def __init__(self, client: Telemetry, interval: float) -> None:
        self._client = client
        self._interval = interval
        self._condition = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._today = False
        self._deadline: float | None = None
        self._pending: list[Pending] = []
        self._not_before = 0.0
        self._counted: list[tuple[str, str, int]] = []
        self._ended = False
        self._complete = True
        self._noticed = False
        self._asked_pause = 0.0
        self._instance_id = ""
        self._daily: Daily | None = None
        self._ledger = Ledger("")
        # A daemon: the interpreter never waits for it, and close() waits no longer than it was told.
        self._thread = threading.Thread(target=self._run, name="windrow", daemon=True)
        self._thread.start()

    # ---- the product's threads --------------------------------------------------------------------

    def wake(self) -> None:
        """A batch is full."""
        with self._condition:
            self._condition.notify_all()

    def flush(self, timeout: float, *, today: bool = False) -> bool:
        """Send now; whether all was delivered within `timeout` seconds."""
        with self._condition:
            self._asked += 1
            self._today = self._today or today
            asked = self._asked
            self._not_before = self._asked_pause  # our own back-off may be cut short, the server's wish not
            self._condition.notify_all()
            in_time = self._condition.wait_for(lambda: self._answered >= asked, timeout)
        return in_time and self._complete and not self._client.queued()

    def waiting(self) -> int:
        """How many events have left the queue and have not arrived."""
        return sum(len(batch.envelope["events"]) for batch in list(self._pending))

    def stop(self, timeout: float) -> None:
        """Send what there is and end, within `timeout` seconds whatever the network does."""
        with self._condition:
            self._deadline = time.monotonic() + timeout
            self._condition.notify_all()
        self._thread.join(timeout)

    # ---- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(self._has_work, self._interval)
                asked, today, stopping = self._asked, self._today, self._deadline is not None
                self._today = False
            complete = False
            try:
                complete = self._cycle(today)
                if stopping and self._daily:
                    self._daily.release()
            except (Exception, SystemExit) as error:
                # The product must not notice; what was queued stays queued.
                self._failed(error)
            self._complete = complete
            with self._condition:
                self._answered = asked
                self._condition.notify_all()
            if stopping or self._ended:
                return

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, StateError):
            self._client.state_failed("unreadable")
            self._ended = True
        elif isinstance(error, OSError) and error.errno in _NEVER_WRITABLE:
            self._client.state_failed("not writable")
            self._ended = True
        else:
            self._client.note(f"{type(error).__name__} in the flusher")

    def _has_work(self) -> bool:
        full = self._client.queued() >= BATCH_EVENTS and time.monotonic() >= self._not_before
        return full or self._asked != self._answered or self._deadline is not None

    def _cycle(self, today: bool) -> bool:
        """Do all that is to be done now; whether nothing is left of it."""
        client = self._client
        if not self._may_send() or not self._has_noticed():
            return False
        daily = self._daily or self._begin()
        self._counted += client.take_counts()
        while self._counted:
            daily.add(*self._counted[-1])  # first added, then forgotten: a full disk loses no count
            self._counted.pop()
        if time.monotonic() < self._not_before or not self._send_pending():
            return False
        due = daily.due(self._instance_id, client.clock(), today=today)
        complete = due is not None or not today
        while (tracked := client.take_events(BATCH_EVENTS)) or due:
            self._pack(tracked, due or [])
            if not self._send_pending():
                return False
            due = []
        return complete

    def _has_noticed(self) -> bool:
        client = self._client
        if client.state.get("notice") is not None:
            return True
        # Once a process, also where a full disk cannot remember it.
        self._noticed = self._noticed or _notice.show(client.catalogue, client.sink.where)
        if self._noticed:
            client.state.swap("notice", None, client.catalogue.digest)
        return self._noticed

    def _may_send(self) -> bool:
        if self._client.may_send():
            return True
        self._pending.clear()
        self._counted.clear()
        self._ended = True
        return False

    def _begin(self) -> Daily:
        client = self._client
        identity = identify_instance(client.state)
        self._ledger = Ledger(getattr(client.state, "folder", ""))
        self._instance_id, client.digest = identity.instance_id, identity.digest
        self._daily = Daily(client.state, client.catalogue.events, client.providers, client.snapshot_of)
        return self._daily

    def _pack(self, tracked: list[tuple[str, dict[str, object], float]], due: list[WireEvent]) -> None:
        client = self._client
        precision = client.catalogue.product.time_precision
        try:
            batch = client.envelope(self._instance_id, envelope.wire_events(tracked, precision) + due)
            self._pending.append(Pending(batch, due, client.sink.render(batch)))
        except Exception:
            # They would fail again: better lost and counted than in the way of all that follows.
            client.drop("gave_up", len(tracked) + len(due))
            self._gave_up(due)
            raise

    def _send_pending(self) -> bool:
        """Send what is packed, the oldest first; whether none of it waits any more."""
        while self._pending:
            timeout = _SEND_SECONDS
            if self._deadline is not None:
                timeout = min(timeout, self._deadline - time.monotonic())
                if timeout <= 0:
                    return False
            if not self._may_send():
                return False
            batch = self._pending[0]
            outcome = self._send(batch, timeout)
            if outcome.status == "delivered":
                self._pending.pop(0)
                self._client.delivered(len(batch.envelope["events"]))
                self._client.note("")
                if self._daily and batch.daily:
                    self._daily.delivered(batch.daily, self._client.clock())
                continue
            self._client.note(f"{outcome.status}: {outcome.detail}")
            if (
                outcome.status == "too_large"
                and batch.halvings < _HALVINGS
                and len(batch.envelope["events"]) > 1
            ):
                self._halve(batch)
            elif outcome.status in ("refused", "too_large"):
                self._give_up(batch, "send_refused")
            else:
                self._pause(batch, outcome)
                return False
        return True

    def _send(self, batch: Pending, timeout: float) -> Outcome:
        client = self._client
        moment = envelope.wire_time(client.clock(), "hour")
        try:
            self._ledger.before(batch.envelope["batch_id"], client.sink.where, batch.body, moment)
        except OSError as error:
            # What cannot be shown to the operator must not leave.
            return Outcome("later", f"ledger: {type(error).__name__}")
        try:
            outcome = client.sink.send(batch.body, timeout)
        except Exception as error:
            outcome = Outcome("later", type(error).__name__)
        try:
            self._ledger.after(batch.envelope["batch_id"], outcome)
        except OSError:
            client.note("the ledger could not be written")
        return outcome

    def _halve(self, batch: Pending) -> None:
        events = batch.envelope["events"]
        middle = len(events) // 2
        daily = {event["id"] for event in batch.daily}
        halves = []
        self._client.undelivered(batch.envelope["dropped"])
        for part in (events[:middle], events[middle:]):
            half = self._client.envelope(self._instance_id, part)
            due = [event for event in part if event["id"] in daily]
            halves.append(Pending(half, due, self._client.sink.render(half), batch.halvings + 1))
        self._pending[:1] = halves

    def _pause(self, batch: Pending, outcome: Outcome) -> None:
        batch.tries += 1
        if batch.tries >= _TRIES:
            self._give_up(batch, "gave_up")
        grown = min(max(self._interval, 0.5) * 2.0 ** min(batch.tries - 1, 20), _LONGEST_PAUSE)
        # Jitter keeps a fleet from coming back in step after an outage.
        pause = grown * random.uniform(0.5, 1.0)  # noqa: S311
        self._asked_pause = time.monotonic() + outcome.after
        self._not_before = max(time.monotonic() + pause, self._asked_pause)

    def _give_up(self, batch: Pending, reason: str) -> None:
        self._pending.remove(batch)
        self._client.undelivered(batch.envelope["dropped"])
        self._client.drop(reason, len(batch.envelope["events"]))
        self._gave_up(batch.daily)

    def _gave_up(self, daily: list[WireEvent]) -> None:
        if self._daily:
            self._daily.gave_up(daily, self._client.clock())
