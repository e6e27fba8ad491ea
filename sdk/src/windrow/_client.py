"""`Telemetry`: what a product calls."""

from __future__ import annotations

import os
from _thread import RLock

from windrow import _late, _settings
from windrow._core import Core
from windrow._gate import Decision
from windrow._invalid import INVALID, text_of
from windrow._settings import BATCH_EVENTS, LARGEST_COUNT, QUEUE_EVENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self, TypeVar

    from windrow._status import Status
    from windrow._worker import Worker
    from windrow.emitter import Emitter

    Provider = TypeVar("Provider", bound=Callable[[], Mapping[str, object]])

_MOST_INGESTED = 100  # events of one request of the dashboard
_LONGEST_WAIT = 86_400.0  # seconds


class Telemetry(Core):
    """Product telemetry by a catalogue. One for each process; safe to call from any thread.

    - `catalogue`: a `telemetry.toml` or `telemetry.json`, or a loaded catalogue.
    - `app_version`, `context`: the facts that are sent once a batch.
    - `config`: the product's own configuration, or a function that reads it; `telemetry: false` in it ends all.
    - `sink`: one, a list of them, or a name (`collector`, `posthog`, an entry point of `windrow.sinks`).
    - `state`: where the instance remembers, or an address as `windrow.state.open_url` takes it.
    - `notice`: shows a text to whoever runs the product, in place of standard error.
    - `clock` gives unix seconds; `environ` stands in for `os.environ`.

    A catalogue that cannot be used turns telemetry off with a `CatalogueWarning`; nothing here raises after that.
    """

    # ---- what products call -----------------------------------------------------------------------

    def track(self, event: str, properties: Mapping[str, object] | None = None) -> None:
        """Something happened. `properties` are coarsened here and now; what does not fit is dropped and counted."""
        if self._off:
            if self._closed:
                self.drop("closed")
            return
        try:
            event = event if type(event) is str else text_of(event)
            checks = self._checks.get(event)
            if checks is None:
                self._refuse(event)
                return
            clean = {}
            find = checks.get
            for name, value in properties.items() if properties else ():
                name = name if type(name) is str else text_of(name)
                check = find(name)
                if check is None:
                    self.drop("undeclared_property", about=f"{event}.{name}")
                    continue
                sent = check(value)
                if sent is INVALID:
                    self.drop("invalid_value", about=f"{event}.{name}")
                else:
                    clean[name] = sent
            if self._debug:
                self._show({"name": event, "properties": self._compiled.without_digests(event, clean)})
                return
            queue = self._queue
            waiting = len(queue)
            if waiting >= QUEUE_EVENTS:
                self.drop("queue_full")
                return
            queue.append((event, clean, self.clock()))
            if waiting == BATCH_EVENTS or self._worker is None:
                self._wake()
        except Exception:
            self.drop("malformed_event")

    def count(self, event: str, n: int = 1) -> None:
        """Add to a counter: it is summed on the instance and sent once a day, as a bucket."""
        if self._off:
            if self._closed:
                self.drop("closed")
            return
        try:
            event = event if type(event) is str else text_of(event)
            if not self._is_declared(event, "counter"):
                self._refuse(event)
            elif type(n) is not int or not 0 <= n <= LARGEST_COUNT:
                self.drop("invalid_value", about=event)
            elif self._debug:
                self._show({"name": event, "count": n})
            else:
                first = self._waiting.count(event, n, self.clock())
                if first or self._worker is None:
                    self._wake(counted=True)
        except Exception:
            self.drop("malformed_event")

    def snapshot(self, event: str) -> Callable[[Provider], Provider]:
        """Decorate the function that answers a snapshot event.

        It is asked once a day, in a thread of its own, for ten seconds at most.
        """
        if callable(event):  # written without the event's name: the product's function must stay what it is
            self._refuse(event)
            return event

        def register(provider: Provider) -> Provider:
            if self._off:
                return provider
            if not self._is_declared(event, "snapshot"):
                self._refuse(event)
                return provider
            self.providers[text_of(event)] = provider
            if self._debug:
                self.snapshot_of(event, provider)
            elif self._worker is None:
                self._wake()
            return provider

        return register

    def ingest(self, events: object) -> int:
        """Track what the dashboard reported (a list of name and properties); how many were kept.

        Only events that are declared `from = "dashboard"` are taken.
        """
        kept = 0
        # By type(): isinstance() believes what an object says of itself.
        given = events if type(events) is list else []
        if len(given) > _MOST_INGESTED:
            self.drop("queue_full", len(given) - _MOST_INGESTED)
        for item in given[:_MOST_INGESTED]:
            name, properties = (
                (item.get("name"), item.get("properties")) if type(item) is dict else ("", None)
            )
            declared = self.catalogue.events.get(text_of(name)) if not self._off else None
            if declared is None or not (properties is None or type(properties) is dict):
                self.drop("undeclared_event" if declared is None else "malformed_event")
            elif declared.source != "dashboard":
                self.drop("wrong_source", about=declared.name)
            else:
                self.track(declared.name, properties)
                kept += 1
        return kept

    def emitter(self, event: str) -> Emitter:
        """What a function that `windrow generate` wrote sends this event through."""
        from functools import partial

        from windrow.emitter import Emitter

        track = partial(self.track, event)
        checks = None if self._debug else self._checks.get(event)
        if checks is None:
            return Emitter(track, None if self._off and not self._closed else track, {}, {})
        return Emitter(track, self._putter(event), self.catalogue.events[event].properties, checks)

    def is_enabled(self) -> bool:
        """Whether events are taken right now; asks the product's configuration again."""
        return not self._off and self.may_send()

    def flush(self, timeout: float = 5.0) -> bool:
        """Send now; whether all that was queued is delivered. Waits `timeout` seconds at most."""
        worker = self._worker
        return worker.flush(_seconds(timeout)) if worker and not self._off else not self.queued()

    def send_daily(self, timeout: float = 5.0) -> bool:
        """Send today's counters and snapshots now; the whole day replaces them later. As `flush` otherwise."""
        if self._off or self._debug:
            return False
        if self._worker is None:
            self._wake()
        return self._worker.flush(_seconds(timeout), today=True) if self._worker else False

    def close(self, timeout: float = _settings.EXIT_SECONDS) -> None:
        """Send what there is and stop, within `timeout` seconds. What comes later is dropped."""
        if self._off:
            if self._wiping:  # what is left of a wipe at the exit would be sent after the next yes
                self._wiping.join(_seconds(timeout))
            return
        self._off = self._closed = True
        self._decision = Decision(False, "closed", "", self._debug)
        worker, self._worker = self._worker, None
        if worker:
            worker.stop(_seconds(timeout))

    def preview(self) -> list[bytes]:
        """The exact bytes of the next batches, by sink; only ids that are random are made anew at the send.

        Asks the snapshot functions that are due. Nothing is sent, taken or changed. Raises `StateError`.
        """
        from windrow._preview import next_batches

        return next_batches(self, list(self._waiting.events))

    def status(self) -> Status:
        """Whether telemetry is on, which lever decided, and what has been sent."""
        from windrow._status import Status

        kind, instance = self._remembered()
        return Status(
            enabled=not self._off,
            lever=self._decision.lever,
            value=self._decision.value,
            debug=self._debug,
            place=self._decision.place,
            where="" if self._off or self._debug else " and ".join(str(s.where) for s in self.sinks),
            instance_id=instance,
            instance_kind=kind,
            queued=self.queued() + (self._worker.waiting() if self._worker else 0),
            sent=self._sent,
            dropped=dict(self._waiting.lost),
            note=self._note,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        # The flusher's thread did not come along, and the lock may be held for ever.
        self._waiting.begin_anew()
        self._lock = RLock()
        self._worker = self._wiping = None
        self._starting = False

    # ---- inside -----------------------------------------------------------------------------------

    def _made(self) -> None:
        if self._off:
            # A product that is switched off pays for a bare call, and nothing turns it on again.
            self.track, self.count = _no_track, _no_count  # type: ignore[method-assign]
        else:
            _forget_after_fork(self)

    def _putter(self, event: str) -> Callable[[dict[str, object]], None]:
        queue, append, clock = self._queue, self._queue.append, self.clock

        # The end of track() once more: to share it would cost a fifth of what typed functions save.
        def put(clean: dict[str, object]) -> None:
            if self._off:
                if self._closed:
                    self.drop("closed")
                return
            try:
                waiting = len(queue)
                if waiting >= QUEUE_EVENTS:
                    self.drop("queue_full")
                    return
                append((event, clean, clock()))
                if waiting == BATCH_EVENTS or self._worker is None:
                    self._wake()
            except Exception:
                self.drop("malformed_event")

        return put

    def _is_declared(self, event: object, kind: str) -> bool:
        declared = self.catalogue.events.get(text_of(event))
        return declared is not None and declared.kind == kind

    def _refuse(self, event: object) -> None:
        name = text_of(event)
        declared = name in self.catalogue.events
        self.drop("wrong_kind" if declared else "undeclared_event", about=name or type(event).__name__)

    def _wake(self, *, counted: bool = False) -> None:
        with self._lock:
            worker = self._worker
            if worker is None and not self._off and not self._starting:
                self._starting = True  # a signal handler may come in the middle
                try:
                    worker = self._start()
                except RuntimeError as error:  # no thread to be had, or the interpreter is ending
                    self._note = str(error)
                finally:
                    self._starting = False
        if worker is not None and (counted or self.queued() >= BATCH_EVENTS):
            worker.wake(counted=counted)

    def _start(self) -> Worker:
        with _late.lock:
            import atexit

            from windrow._worker import Worker

        if not self._started:
            self._started = True
            atexit.register(self._at_exit)
        self._worker = Worker(self, _settings.flush_seconds(self.catalogue.product, self.environ))
        return self._worker

    def _at_exit(self) -> None:
        try:  # noqa: SIM105 -- contextlib is dear to import
            self.close()
        except (KeyboardInterrupt, SystemExit):
            pass  # Python would show a traceback: an impatient Ctrl-C just ends the wait

    def _remembered(self) -> tuple[str, str | None]:
        state = self.opened_state
        if self._off or state is None:
            return "", None
        if self._worker and (known := self._worker.instance_id()):
            return state.kind, known
        if state.kind == "database":  # asked by the flusher alone: here it could make the product wait
            return state.kind, None
        from windrow._identity import identity_of
        from windrow.envelope import wire_time

        try:
            secret = state.get("secret")
            monthly = self.catalogue.product.rotate == "monthly"
            day = wire_time(self.clock(), "day")
            return state.kind, identity_of(secret, monthly=monthly).at(day) if secret else None
        except Exception as error:
            return state.kind, type(error).__name__


def _no_track(event: str, properties: object = None) -> None:
    pass


def _no_count(event: str, n: int = 1) -> None:
    pass


def _forget_after_fork(telemetry: Telemetry) -> None:
    # From the start, and not at the first event: a refused one takes the lock too. Weakly: hooks stay for ever.
    from _weakref import ref

    found = ref(telemetry)

    def begin_anew() -> None:
        if alive := found():
            alive.after_fork()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=begin_anew)


def _seconds(timeout: object) -> float:
    """A timeout that waiting accepts: None, NaN and what is no number would raise there, at a product's end."""
    try:
        return min(max(0.0, float(timeout)), _LONGEST_WAIT)  # type: ignore[arg-type]
    except Exception:  # whatever the object itself raises
        return _settings.EXIT_SECONDS
