"""The flusher: one daemon thread a process, started by the first event, that owns state, notice, ledger and sinks."""

from __future__ import annotations

import errno
import sys
import threading
import time
from contextlib import suppress

from windrow import _late, envelope
from windrow._asker import Asker
from windrow._counters import Daily, wipe_counters
from windrow._gate import remembered
from windrow._identity import Identity, identify_instance, identity_of
from windrow._ledger import open_ledger
from windrow._notice import Notice
from windrow._outbox import Outbox
from windrow._packer import Packer
from windrow._settings import BATCH_EVENTS, EXIT_SECONDS, QUEUE_EVENTS, grace_seconds, may_spool
from windrow._spool import wipe_spool
from windrow._wishes import is_sampled_out, remember_wishes
from windrow.errors import StateError, StateUnreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from windrow._client import Telemetry
    from windrow._outbox import Batch

    Tracked = tuple[str, dict[str, object], float]

_LOOK_SECONDS = 0.2
_COUNT_SECONDS = 0.5  # a count is in the state a second after it was made, at the latest
_SEND_SECONDS = 30.0
_REMEMBER_SECONDS = 0.1  # of the time at the exit, to write down how the send ended
_NEVER_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)  # a full disk may be emptied


class Worker:
    """Sends what the client queues. Everything but `wake`, `flush` and `stop` runs in its own thread."""

    def __init__(self, client: Telemetry, interval: float) -> None:
        self.client = client
        self._interval = interval
        self._condition = threading.Condition()
        self._asked = self._answered = 0
        self._today = False
        self._deadline: float | None = None
        self._closing = EXIT_SECONDS
        self._not_before = 0.0  # a full queue is no reason to try before that
        self._counts_wait = False
        self._counted: list[tuple[str, str, int]] = []
        self._is_over = self._ended = False
        self._complete = True
        self._secret: str | None = None
        self._identity: Identity | None = None
        self._notice: Notice | None = None
        self._daily: Daily | None = None
        self._asker = Asker(self)
        self._outboxes: list[Outbox] = []
        self._spool_folder = ""
        self._packer: Packer | None = None
        _close_with_the_process(client)
        main = threading.main_thread()
        self._parent = None if type(main).__name__ == "_MainThread" else main
        # A daemon: the interpreter never waits for it, and close() waits no longer than it was told.
        self._thread = threading.Thread(target=self._run, name="windrow", daemon=True)
        self._thread.start()

    # ---- the product's threads --------------------------------------------------------------------

    def wake(self, *, counted: bool = False) -> None:
        """A batch is full, or something was counted."""
        with self._condition:
            self._counts_wait = self._counts_wait or counted
            self._condition.notify_all()

    def flush(self, timeout: float, *, today: bool = False) -> bool:
        """Send now; whether all was delivered within `timeout` seconds."""
        with self._condition:
            self._asked += 1
            self._today = self._today or today
            asked = self._asked
            self._condition.notify_all()
            in_time = self._condition.wait_for(lambda: self._answered >= asked, timeout)
        return in_time and self._complete and not self.client.queued()

    def end(self) -> None:
        """Telemetry is off, whatever the gate says by now: wipe what waits, and end."""
        with self._condition:
            self._is_over = True
            self._condition.notify_all()

    def join(self, timeout: float) -> None:
        """Wait for the end that `end()` asked for, `timeout` seconds at most."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def waiting(self) -> int:
        """How many events have left the queue and have not arrived."""
        held = len(self._packer.held) if self._packer else 0
        return held + sum(outbox.waiting() for outbox in list(self._outboxes))

    def stop(self, timeout: float) -> None:
        """Send what there is and end, within `timeout` seconds whatever the network does."""
        with self._condition:
            self._deadline = time.monotonic() + timeout
            self._condition.notify_all()
        try:
            self._thread.join(timeout)
        finally:  # also where a Ctrl-C ends the wait
            with suppress(Exception):
                if self._thread.is_alive() and self._packer and self._identity and self._spool_folder:
                    self._packer.rescue(self._identity)
                self._release()

    def instance_id(self) -> str | None:
        """The id of today, once one has been made or read."""
        return self._identity.at(envelope.wire_time(self.client.clock(), "day")) if self._identity else None

    # ---- what outboxes ask --------------------------------------------------------------------------

    def may_send(self) -> bool:
        """Ask the gate and the state again; where one says no, wipe what waits and end."""
        client = self.client
        if not self._is_over and client.may_send():
            decision = remembered(client.state, client.clock())
            if decision is None:
                if self._secret in (None, client.state.get("secret")):
                    return True
                # Whoever wiped the state began a new instance: nothing of the old one may be sent under the new id.
                client.wipe()
                self._forget()
                return False
            client.turn_off(decision)
        self._ended = True
        if self._daily is not None:
            with suppress(StateError, OSError):
                wipe_counters(client.state)
                wipe_spool(getattr(client.state, "folder", ""))
        self._forget()
        return False

    def sequence(self, day: str) -> int:
        """The number of the next batch under the id of that day. Raises `StateError` and `OSError`."""
        return self._packer.sequence(day) if self._packer else 0

    def wish(self, wishes: Mapping[str, float]) -> None:
        """The other side asks for something. Raises `StateError` and `OSError`."""
        remember_wishes(self.client.state, wishes, self.client.clock())

    def answered(self, batch: Batch, reason: str) -> None:
        """Every sink has answered, or was given up for `reason`. Raises `StateError` and `OSError`."""
        now = self.client.clock()
        if batch.delivered:
            self.client.delivered(len(batch.envelope["events"]))
            if self._daily and batch.daily:
                self._daily.delivered(batch.daily, now)
            return
        self.client.undelivered(batch.envelope["dropped"])
        self.client.drop(reason, len(batch.envelope["events"]))
        if self._daily:
            self._daily.gave_up(batch.daily, now)

    # ---- what the asker asks ------------------------------------------------------------------------

    def answer_came(self) -> None:
        """The product's function has answered, or failed."""
        with self._condition:
            self._condition.notify_all()

    def wait_for_answer(self, came: Callable[[], bool], until: float) -> None:
        """Wait for the product's function, at the exit for no longer than leaves time for the send."""
        with self._condition:
            while not came():
                end = until if self._deadline is None else min(until, self._deadline - self._closing / 2)
                if (left := end - time.monotonic()) <= 0:
                    return
                self._condition.wait(left)

    def _ask(self, event: str, provider: Callable[[], object]) -> dict[str, object] | None:
        day = envelope.wire_time(self.client.clock(), "day")
        return self._asker.ask(event, provider, day)

    # ---- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        with suppress(Exception), _late.lock:  # what cannot be imported fails again where it is needed
            _late.fetch(tls=any(str(sink.where).startswith("https:") for sink in self.client.sinks))
        next_cycle = time.monotonic() + self._interval
        while True:
            with self._condition:
                self._wait(next_cycle)
                if not self._is_asked() and self._counts_wait:
                    self._condition.wait_for(self._is_asked, _COUNT_SECONDS)
                asked, today, stopping = self._asked, self._today, self._deadline is not None
                self._today = self._counts_wait = False
            whole = self._is_asked() or time.monotonic() >= next_cycle
            complete = self._guarded(today, whole=whole)
            if whole:
                next_cycle = time.monotonic() + self._interval
                self._not_before = 0.0 if complete else next_cycle
                self._complete = complete
            with self._condition:
                self._answered = asked
                self._condition.notify_all()
            if stopping or self._ended:
                break
        if self._parent:
            self._release()

    def _wait(self, until: float) -> None:
        """Wait for work; the condition is held."""
        while self._parent and time.monotonic() < until and not self._has_work():
            # A thread has forked this child, and when that thread returns nothing else would end the process.
            if not self._parent.is_alive():
                self._deadline = time.monotonic() + EXIT_SECONDS
            self._condition.wait_for(self._has_work, min(max(until - time.monotonic(), 0), _LOOK_SECONDS))
        self._condition.wait_for(self._has_work, max(until - time.monotonic(), 0))

    def _is_asked(self) -> bool:
        full = self.client.queued() >= BATCH_EVENTS and time.monotonic() >= self._not_before
        return full or self._is_over or self._asked != self._answered or self._deadline is not None

    def _has_work(self) -> bool:
        return self._counts_wait or self._is_asked()

    def _guarded(self, today: bool, *, whole: bool) -> bool:
        try:
            complete = self._cycle(today) if whole else self._save_counts(whole=False)
            if self._deadline is not None and self._daily:
                self._daily.release()
        except (Exception, SystemExit) as error:
            # The product must not notice; what was queued stays queued.
            self._failed(error)
            return False
        return complete

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, StateUnreachable):
            self.client.note("the state cannot be reached; it is tried again")
            return
        if isinstance(error, StateError):
            self.client.state_failed("unreadable")
        elif isinstance(error, OSError) and error.errno in _NEVER_WRITABLE:
            self.client.state_failed("not writable")
        else:
            self.client.note(f"{type(error).__name__} in the flusher")
            return
        self._ended = True

    def _cycle(self, today: bool) -> bool:
        """Do all that is to be done now; whether nothing is left of it."""
        client = self.client
        packer = self._packer if self._save_counts(whole=True) else None
        if packer is None or self._notice is None or self._daily is None:
            return False
        if self._asked != self._answered or self._deadline is not None:
            for outbox in self._outboxes:
                outbox.hurry(at_exit=self._asked == self._answered)
        where = " and ".join(str(sink.where) for sink in client.sinks)
        packer.allowed, packer.facts = self._notice.allowed(client.clock(), where)
        if not packer.allowed:
            left = self._notice.left(client.clock())
            why = (
                "could not be shown"
                if left is None
                else f"comes first; {left:.0f} seconds of its grace are left"
            )
            client.note(f"the notice {why}")
            return False
        identity = self._identify(packer)
        if is_sampled_out(client.state, identity, client.clock()):
            client.drop("sampled_out", len(client.take_events(QUEUE_EVENTS)))
            return True
        due = self._daily.due(identity, client.clock(), packer.allowed, today=today)
        packer.pack(identity, due or [], closing=self._deadline is not None)
        return self._send() and not packer.held and (due is not None or not today)

    def _save_counts(self, *, whole: bool) -> bool:
        """Bring what was counted into the state; False where nothing may be done."""
        if (
            not self._begin()
            or self._daily is None
            or not (self.may_send() if whole else self.client.may_send())
        ):
            return False
        self._counted += self.client.take_counts()
        while self._counted:
            self._daily.add(*self._counted[-1])  # first added, then forgotten: a full disk loses no count
            self._counted.pop()
        return True

    def _begin(self) -> bool:
        client = self.client
        if self._daily is None:
            if not self.may_send():
                return False
            state = client.state
            self._secret = state.get("secret")
            if self._secret is not None:  # one that is damaged ends it here, before anything is written
                identity_of(self._secret)
            grace = grace_seconds(client.catalogue.product, client.environ)
            self._notice = Notice(client.catalogue, state, grace, client.tell)
            self._daily = Daily(state, client.catalogue.events, client.providers, self._ask)
            ledger = open_ledger(state)
            if may_spool(client.catalogue.product, client.environ, state.kind):
                self._spool_folder = getattr(state, "folder", "")
            self._outboxes = [
                Outbox(sink, state, ledger, self._interval, self._spool_folder) for sink in client.sinks
            ]
            self._packer = Packer(client, self._daily, self._outboxes)
        return True

    def _identify(self, packer: Packer) -> Identity:
        client = self.client
        if self._identity is None:
            monthly = client.catalogue.product.rotate == "monthly"
            self._identity = identify_instance(client.state, monthly=monthly)
            self._secret = client.state.get("secret")
            client.digest = self._identity.digest
        for outbox in self._outboxes:
            outbox.adopt(packer.adopted)
        return self._identity

    def _forget(self) -> None:
        for outbox in self._outboxes:
            with suppress(StateError, OSError):
                outbox.wipe()
        self._counted.clear()
        self._identity = self._notice = self._daily = self._packer = self._secret = None
        self._outboxes = []

    def _send(self) -> bool:
        complete = True
        outboxes = list(self._outboxes)
        for position, outbox in enumerate(outboxes):
            seconds = _SEND_SECONDS
            if self._deadline is not None:
                left = (self._deadline - time.monotonic()) / (len(outboxes) - position)
                seconds = max(left - _REMEMBER_SECONDS, left / 2)
            complete = outbox.send(self, seconds) and complete
        return complete and bool(self._outboxes)

    def _release(self) -> None:
        for outbox in self._outboxes:
            outbox.release()


def _close_with_the_process(client: Telemetry) -> None:
    # Children of multiprocessing end without a look at atexit (up to Python 3.12), or have emptied it (from 3.13 on).
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process and util and process.parent_process() is not None:
        util.Finalize(None, client.close, exitpriority=0)
