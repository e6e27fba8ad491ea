"""One outbox a sink: the batches that wait for it, its back-off, and the send itself. A dead sink holds up no other."""

from __future__ import annotations

import json
import random
import sys
import time

from windrow import envelope as wire
from windrow._settings import SPOOL_BYTES, SPOOL_SECONDS
from windrow._spool import Spool
from windrow.errors import StateError
from windrow.sinks._base import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from windrow._ledger import FileLedger, RowLedger
    from windrow._worker import Worker
    from windrow.envelope import Envelope, WireEvent
    from windrow.sinks import Sink
    from windrow.state import State

_SEND_SECONDS = 10.0
_LONGEST_PAUSE = 6 * 3600.0
_LONGEST_WISH = 7 * 86_400.0
_HALVINGS = 5  # a side that finds sixteen events too large finds all too large
_ADOPT_SECONDS = 60.0


class Batch:
    """An envelope on its way to all sinks. `daily` are its events that replace what was sent of their day before."""

    __slots__ = ("created", "daily", "delivered", "envelope", "waiting_for")

    def __init__(self, envelope: Envelope, daily: list[WireEvent], created: int, sinks: int) -> None:
        self.envelope = envelope
        self.daily = daily
        self.created = created
        self.waiting_for = sinks
        self.delivered = False


class Entry:
    """A batch that waits for one sink; sent again, it is the same bytes."""

    __slots__ = ("batch", "body", "halvings", "ledger", "name", "size")

    def __init__(self, batch: Batch, body: bytes, halvings: int = 0) -> None:
        self.batch = batch
        self.body = body
        self.halvings = halvings
        self.ledger: dict[str, str] | None = None
        self.name = f"{batch.created:011d}-{batch.envelope['batch_id']}"
        self.size = len(body)


class Outbox:
    """The batches of one sink, the oldest first; on disk below `folder`, where that is not empty.

    `interval` in seconds is the shortest pause after a failure.
    """

    def __init__(
        self, sink: Sink, state: State, ledger: FileLedger | RowLedger, interval: float, folder: str
    ) -> None:
        import hashlib

        self.sink = sink
        self._state = state
        self._ledger = ledger
        self._interval = max(interval, 0.5)
        short = hashlib.sha256(str(sink.where).encode()).hexdigest()[:8]
        self._spool = Spool(folder, short)
        self._row = f"backoff:{short}"
        self._entries: list[Entry] = []
        self._tries = 0
        self._not_before = self._wished = 0.0  # on the monotonic clock
        self._adopt_at = 0.0
        self._remembered = False
        self._resume()

    def waiting(self) -> int:
        """How many events wait here."""
        return sum(len(entry.batch.envelope["events"]) for entry in list(self._entries))

    def is_ready(self) -> bool:
        """Whether a send may be tried now."""
        return time.monotonic() >= self._not_before

    def hurry(self, *, at_exit: bool = False) -> None:
        """Cut our own back-off short; what the other side wished is kept to.

        At the exit only where it would be the last chance: what waits on disk need not delay the product.
        """
        if not (at_exit and self._spool.lasts):
            self._not_before = self._wished

    def put(self, batch: Batch, halvings: int = 0) -> Entry:
        """Queue a batch, on disk where there is one. Raises what the sink's `render` raises, and `OSError`."""
        entry = Entry(batch, self.sink.render(batch.envelope), halvings)
        is_envelope = getattr(self.sink, "sends_envelopes", False)  # then encoding it again would be in vain
        self._spool.put(entry.name, entry.body if is_envelope else wire.encode(batch.envelope))
        self._entries.append(entry)
        return entry

    def adopt(self, make: Callable[[Envelope, int], Batch]) -> None:
        """Take over what processes that have ended left behind."""
        if time.monotonic() < self._adopt_at:
            return
        self._adopt_at = time.monotonic() + _ADOPT_SECONDS
        for name, data in self._spool.adopt():
            try:
                batch = make(json.loads(data), int(name.partition("-")[0]))
                entry = Entry(batch, self.sink.render(batch.envelope))
            except Exception:  # a file that is damaged, in whatever way
                self._spool.remove(name)
                continue
            entry.name = name
            self._entries.append(entry)

    def send(self, worker: Worker, seconds: float) -> bool:
        """Send what waits, within about `seconds`; whether nothing waits any more."""
        deadline = time.monotonic() + seconds
        self._bound(worker)
        while self._entries:
            left = min(deadline - time.monotonic(), _SEND_SECONDS)
            if left <= 0 or not self.is_ready() or not worker.may_send():
                return not self._entries
            entry = self._entries[0]
            if not self._spool.owns(entry.name):
                self._entries.remove(entry)  # another process took this one for dead, and sends it
                continue
            outcome = self._try(entry, left)
            if outcome.status == "delivered":
                self._recover(worker)
                self._done(worker, entry)
            elif outcome.status in ("refused", "too_large"):
                self._too_large_or_refused(worker, entry, outcome)
            else:
                self._pause(worker, outcome)
            self._wishes(worker, outcome)
            if self._entries[:1] == [entry]:
                return False
        return True

    def wipe(self) -> None:
        """Forget all that waits: the operator has said no."""
        for entry in self._entries:
            self._spool.remove(entry.name)
            if entry.ledger:
                self._ledger.after(entry.ledger, "wiped")
        self._entries.clear()

    def release(self) -> None:
        """Leave what waits to the next process."""
        for entry in list(self._entries):
            self._spool.release(entry.name)

    # ---- inside -----------------------------------------------------------------------------------

    def _try(self, entry: Entry, seconds: float) -> Outcome:
        to = self.sink.where
        try:
            if entry.ledger is None:
                moment = wire.wire_time(time.time(), "hour")
                entry.ledger = self._ledger.before(entry.batch.envelope["batch_id"], to, entry.body, moment)
        except (OSError, StateError) as error:
            # What cannot be shown to the operator must not leave.
            return Outcome("later", f"ledger: {type(error).__name__}")
        try:
            outcome = self.sink.send(entry.body, seconds)
        except Exception as error:
            outcome = Outcome("later", type(error).__name__)
        try:
            self._ledger.after(entry.ledger, f"{outcome.status} {outcome.detail}".rstrip())
        except (OSError, StateError):
            outcome = outcome._replace(detail=f"{outcome.detail}; the ledger could not be written")
        return outcome

    def _wishes(self, worker: Worker, outcome: Outcome) -> None:
        if outcome.wishes:
            worker.wish(outcome.wishes)
        if pause := outcome.wishes.get("pause"):
            # All pauses end at one moment: what is added keeps the fleet from coming back in step.
            pause = min(pause * random.uniform(1.0, 1.1), _LONGEST_WISH)  # noqa: S311 -- no secret
            self._wished = max(self._wished, time.monotonic() + pause)
            self._not_before = max(self._not_before, self._wished)
            self._remember()

    def _done(self, worker: Worker, entry: Entry, reason: str = "") -> None:
        self._entries.remove(entry)
        self._spool.remove(entry.name)
        batch = entry.batch
        batch.waiting_for -= 1
        batch.delivered = batch.delivered or not reason
        if not batch.waiting_for:
            worker.answered(batch, reason)

    def _too_large_or_refused(self, worker: Worker, entry: Entry, outcome: Outcome) -> None:
        worker.client.note(f"{outcome.status}: {outcome.detail}")
        events = entry.batch.envelope["events"]
        if outcome.status == "refused" or entry.halvings >= _HALVINGS or len(events) < 2:
            self._done(worker, entry, "send_refused")
            return
        middle = len(events) // 2
        ids = {event["id"] for event in entry.batch.daily}
        rest = self._entries
        self._entries = []
        worker.client.undelivered(entry.batch.envelope["dropped"])
        for part in (events[:middle], events[middle:]):
            half = worker.client.envelope(entry.batch.envelope["instance_id"], part, self._state.kind)
            half["context"] = entry.batch.envelope["context"]
            half["sequence"] = worker.sequence(half["events"][0]["time"])
            daily = [event for event in part if event["id"] in ids]
            self.put(Batch(half, daily, entry.batch.created, 1), entry.halvings + 1)
        self._entries += rest[1:]
        self._spool.remove(entry.name)
        entry.batch.waiting_for -= 1
        if entry.batch.delivered and not entry.batch.waiting_for:
            worker.answered(entry.batch, "")

    def _pause(self, worker: Worker, outcome: Outcome) -> None:
        self._tries += 1
        worker.client.note(f"{outcome.status}: {outcome.detail}")
        grown = min(self._interval * 2.0 ** min(self._tries - 1, 20), _LONGEST_PAUSE)
        # Jitter keeps a fleet from coming back in step after an outage.
        pause = grown * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret
        self._wished = max(self._wished, time.monotonic() + min(outcome.after, _LONGEST_WISH))
        self._not_before = max(time.monotonic() + pause, self._wished)
        if self._tries == 1:
            _debug(
                f"{self.sink.where} does not take telemetry ({outcome.detail}); it is tried again, less and less often"
            )
        # The first failure too: a command that runs each minute must not pay for a dead collector each time.
        self._remember()

    def _remember(self) -> None:
        ahead = time.time() - time.monotonic()
        row = f"{self._tries} {int(self._not_before + ahead)} {int(max(self._wished + ahead, 0))}"
        self._remembered = self._state.swap(self._row, self._state.get(self._row), row)

    def _recover(self, worker: Worker) -> None:
        worker.client.note("")
        self._tries = 0
        if self._remembered:
            self._remembered = False
            self._state.swap(self._row, self._state.get(self._row), None)

    def _resume(self) -> None:
        parts = (self._state.get(self._row) or "").split(" ")
        if len(parts) == 3 and all(part.isdecimal() and len(part) < 16 for part in parts):
            self._remembered = True
            self._tries = min(int(parts[0]), 100)
            self._not_before, self._wished = (_on_our_clock(int(part)) for part in parts[1:])

    def _bound(self, worker: Worker) -> None:
        now = time.time()
        size = sum(entry.size for entry in self._entries)
        for entry in list(self._entries):
            if size <= SPOOL_BYTES and now - entry.batch.created <= SPOOL_SECONDS:
                break
            size -= entry.size
            self._done(worker, entry, "gave_up")


def _on_our_clock(until: int) -> float:
    left = until - time.time()
    return time.monotonic() + left if 0 < left <= _LONGEST_WISH else 0.0  # more: a clock was wrong


def _debug(line: str) -> None:
    # Only where the product has logging already: ours costs nothing, and stays below what is shown by default.
    if logging := sys.modules.get("logging"):
        logging.getLogger("windrow").debug(line)
