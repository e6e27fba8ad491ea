"""What the flusher asks of a product's telemetry: where batches go, where state is, what waits, what was lost."""

from __future__ import annotations

import os
import time
from _thread import RLock

from windrow import _settings
from windrow._gate import Decision, decide, place_of, remembered
from windrow._notice import on_standard_error
from windrow._waiting import DAY_SECONDS, Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from windrow._compiled import Compiled, Digester
    from windrow._gate import Config
    from windrow._notice import Tell
    from windrow._worker import Worker
    from windrow.catalogue import Catalogue
    from windrow.catalogue.coarsen import Check
    from windrow.envelope import Envelope, WireEvent
    from windrow.sinks import Sink
    from windrow.state import State

_LONGEST_SHOWN = 200  # characters


class Core:
    """The half of `Telemetry` that products do not call."""

    def __init__(
        self,
        catalogue: str | os.PathLike[str] | Catalogue,
        *,
        app_version: str | None = None,
        context: Mapping[str, object] | None = None,
        config: Config = None,
        sink: Sink | str | list[Sink] | None = None,
        state: State | str | None = None,
        notice: Tell = on_standard_error,
        clock: Callable[[], float] = time.time,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.clock = clock
        self.providers: dict[str, Callable[[], object]] = {}
        self.digest: Digester | None = None
        self.environ = os.environ if environ is None else environ
        self.tell = notice
        self._config = config
        self._sinks: list[Sink] = []
        self._given_state: State | str | None = state
        self._waiting = Waiting()
        self._queue = self._waiting.events  # track() pays for each step on its way
        # Reentrant: a signal handler may track() while its own thread starts the flusher.
        self._lock = RLock()
        self._started = self._starting = self._closed = False
        self._sent = 0
        self._note = ""
        self._worker: Worker | None = None
        self._wiping: Worker | None = None
        self._context: dict[str, object] = {}
        self._compiled: Compiled
        self._checks: dict[str, dict[str, Check]] = {}
        self._off, self._debug = True, False
        self._decision = self._prepare(catalogue, sink)
        if self._decision.enabled:
            self._compile(context, app_version)
        self._off = not self._decision.enabled
        self._debug = self._decision.debug
        self._made()

    @property
    def sinks(self) -> list[Sink]:
        """Where batches go."""
        if not self._sinks:
            self._sinks = [self._make_sink(self.catalogue.product.sink)]
        return self._sinks

    @property
    def state(self) -> State:
        """What the instance remembers; opened, and made, when first asked for. Raises `StateError`."""
        if isinstance(self._given_state, str):
            from windrow.state import open_url

            self._given_state = open_url(self._given_state)
        if self._given_state is None:
            from windrow.state import open_folder

            folder = _settings.folder(self.catalogue.product, self.environ)
            chosen = bool(self.environ.get(self.catalogue.product.env("DIR")))
            self._given_state = open_folder(folder, chosen=chosen)
        return self._given_state

    @property
    def compiled(self) -> Compiled:
        """The catalogue's checks."""
        return self._compiled

    @property
    def given_state(self) -> State | str | None:
        """The state, or the address of it, that the product has chosen or that has been opened."""
        return self._given_state

    @property
    def opened_state(self) -> State | None:
        """The state, if it has been opened."""
        return None if isinstance(self._given_state, str) else self._given_state

    def may_send(self) -> bool:
        """Ask the gate again; when it has closed, wipe what waits."""
        decision = decide(self.catalogue.product, self.environ, self._config)
        if decision.enabled:
            return True
        self.turn_off(decision)
        return False

    def state_failed(self, how: str) -> None:
        """State is there and cannot be used: sending under another id would count one instance twice."""
        state = self.opened_state
        given = "the address that the product gave" if isinstance(self._given_state, str) else ""
        place = place_of(state) if state else given or _settings.folder(self.catalogue.product, self.environ)
        self.turn_off(Decision(False, "state", how, self._debug, place=place))

    def turn_off(self, decision: Decision) -> None:
        """End, by this lever: what waits is wiped, and nothing more is taken."""
        self._off = True
        self._decision = decision
        worker, self._worker = self._worker, None
        self._waiting.wipe()
        if worker:
            self._wiping = worker
            worker.end()

    def wipe(self) -> None:
        """Forget what waits in memory."""
        self._waiting.wipe()

    def queued(self) -> int:
        """How many events wait."""
        return len(self._waiting.events)

    def take_events(self, most: int) -> list[tuple[str, dict[str, object], float]]:
        """Take up to `most` events out of the queue, the oldest first."""
        taken = self._waiting.take_events(most)
        for name, properties, moment in taken:
            self._compiled.make_digests(name, properties, self.digest, moment)
        return taken

    def take_counts(self) -> list[tuple[str, str, int]]:
        """Take what was counted since the last time, summed by counter and day."""
        from windrow.envelope import wire_time

        counts = self._waiting.take_counts()
        return [(event, wire_time(day * DAY_SECONDS, "day"), n) for (event, day), n in counts.items()]

    def snapshot_of(self, event: str, provider: Callable[[], object]) -> dict[str, object] | None:
        """Ask the product; None, and counted, when its function fails."""
        try:
            answer = dict(provider())  # type: ignore[call-overload]
        except (Exception, SystemExit) as error:  # SystemExit would end the flusher without a word
            self.drop("snapshot_failed", about=f"{event}: {type(error).__name__}")
            return None
        clean = self._compiled.clean_snapshot(event, answer, self._lost)
        if self._debug:
            self._show({"name": event, "properties": self._compiled.without_digests(event, clean)})
        else:
            self._compiled.make_digests(event, clean, self.digest, self.clock())
        return clean

    def envelope(
        self,
        instance_id: str,
        events: list[WireEvent],
        kind: str,
        facts: frozenset[str] = frozenset(),
    ) -> Envelope:
        """The batch around these events, with the losses since the last one; of the context only `facts`."""
        from windrow import __version__
        from windrow.envelope import FORMAT, random_id

        return {
            "format": FORMAT,
            "key": self.catalogue.product.key,
            "catalogue": self._compiled.digest,
            "batch_id": random_id(),
            "instance_id": instance_id,
            "instance_kind": kind,
            "sdk": f"windrow-python/{__version__}",
            "context": {k: v for k, v in self._context.items() if k in facts},
            "dropped": self._waiting.take_losses(),
            "events": events,
        }

    def undelivered(self, dropped: Mapping[str, int]) -> None:
        """These losses did not arrive either: the next batch tells of them."""
        self._waiting.tell_again(dropped)

    def delivered(self, events: int) -> None:
        """So many events have arrived."""
        self._sent += events

    def drop(self, reason: str, n: int = 1, *, about: str = "") -> None:
        """Count `n` losses for a reason out of the closed list."""
        self._waiting.lose(reason, n)
        if self._debug:
            # Names may come from a stranger's dashboard: no line of a log is made from them.
            shown = about.encode("unicode_escape").decode()[:_LONGEST_SHOWN]
            self._say(f"dropped ({reason}) {shown}".rstrip())

    def note(self, text: str) -> None:
        """Something for `status()`; logs and standard error stay quiet."""
        self._note = text

    # ---- inside -----------------------------------------------------------------------------------

    def _made(self) -> None:
        """All is known by now."""

    def _prepare(
        self, catalogue: str | os.PathLike[str] | Catalogue, sink: Sink | str | list[Sink] | None
    ) -> Decision:
        from windrow.catalogue import Catalogue, load
        from windrow.errors import CatalogueError, CatalogueWarning

        try:
            self.catalogue = catalogue if isinstance(catalogue, Catalogue) else load(catalogue)
            if sink is not None:
                given = sink if isinstance(sink, list) else [sink]
                self._sinks = [self._make_sink(one) if isinstance(one, str) else one for one in given]
        except Exception as error:  # nothing in a file may stop the product
            import warnings

            warnings.warn(f"Telemetry is off.\n{error}", CatalogueWarning, stacklevel=3)
            place = error.problems[0].place if isinstance(error, CatalogueError) else type(error).__name__
            return Decision(False, "catalogue", str(place))
        decision = decide(self.catalogue.product, self.environ, self._config)
        if decision.enabled and not decision.debug and self._given_state is None:
            decision = self._said_before() or decision
        if decision.enabled and decision.debug:
            where = _settings.endpoint(self.catalogue.product, self.environ)
            self._say(f"debug: shown here, not sent to {where}")
        return decision

    def _said_before(self) -> Decision | None:
        """What a state in a file says, before anything is started; a database is asked by the flusher."""
        from windrow.errors import StateError
        from windrow.state import speaks_of

        folder = _settings.folder(self.catalogue.product, self.environ)
        try:
            if found := speaks_of(folder, ("consent", "stop")):
                return remembered(found, self.clock())
        except StateError:
            return Decision(False, "state", "unreadable", place=folder)
        return None

    def _compile(self, context: Mapping[str, object] | None, app_version: str | None) -> None:
        from windrow._compiled import Compiled

        self._compiled = Compiled(self.catalogue)
        self._checks = self._compiled.events
        for given in (context, None if app_version is None else {"app_version": app_version}):
            if given is not None:
                self._context |= self._compiled.clean_context(given, self._lost)

    def _make_sink(self, name: str) -> Sink:
        from windrow.sinks import make

        return make(name, _settings.endpoint(self.catalogue.product, self.environ), self.environ)

    def _lost(self, reason: str, about: str) -> None:
        self.drop(reason, about=about)

    def _show(self, event: Mapping[str, object]) -> None:
        import json

        self._say(json.dumps(event, separators=(",", ":"), ensure_ascii=True))

    def _say(self, line: str) -> None:
        try:
            on_standard_error(f"{self.catalogue.product.name} telemetry: {line}\n")
        except Exception:  # whatever stands in for standard error raises
            self._note = "standard error cannot be written"
