"""`Operator`: what the commands do and answer. The dictionaries are fixed in `spec/commands.md`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from windrow import Telemetry, _settings
from windrow._counters import wipe_counters
from windrow._gate import place_of
from windrow._ledger import open_ledger
from windrow._notice import agreed
from windrow._spool import wipe_spool
from windrow.catalogue import Catalogue, load
from windrow.envelope import instance_of, read_token
from windrow.errors import StateError, WindrowError
from windrow.operator import _facts, _levers
from windrow.operator._ask import Unanswered, ask
from windrow.operator._find import (
    Given,
    find_state,
    make_state,
    put_row,
    where_it_would_be,
    wipe_rows,
)
from windrow.operator._preview import preview
from windrow.operator._times import day_of
from windrow.operator._trends import DAYS, trends
from windrow.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow._gate import Config

Answer = dict[str, Any]

_MOST_TOKENS = 1000  # of one request
_MOST_HELD = 25  # ids that are asked for: the collector allows 30 requests a minute


class Failed(WindrowError):
    """The command could not do what it is for. `answer` is what it says all the same."""

    def __init__(self, message: str, answer: Answer | None = None) -> None:
        super().__init__(message)
        self.answer = answer or {}


class Operator:
    """An instance in the hands of its operator. The product need not run; where it does, it takes notice.

    `catalogue`: a file, or a loaded one. `state`: a state, a folder, or an address; else the folder that `environ`
    names (`os.environ`). `config`: the product's own, as for `Telemetry`. `telemetry`: the product's own, in this
    process; then the others follow from it. Methods raise `StateError` where the state cannot be read, and `Failed`.
    """

    def __init__(
        self,
        catalogue: str | os.PathLike[str] | Catalogue,
        *,
        state: Given = None,
        environ: Mapping[str, str] | None = None,
        config: Config = None,
        clock: Callable[[], float] = time.time,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.catalogue = catalogue if isinstance(catalogue, Catalogue) else load(catalogue)
        self.product = self.catalogue.product
        self._telemetry = telemetry
        if telemetry is not None:
            environ = telemetry.environ if environ is None else environ
            state = telemetry.given_state if state is None else state
            config = telemetry._config if config is None else config
        self._config_known = telemetry is not None or config is not None
        self._environ = os.environ if environ is None else environ
        self._given = state
        self._config = config
        self._clock = clock

    # ---- to see -----------------------------------------------------------------------------------

    def status(self) -> Answer:
        """Whether telemetry is on, what each lever says, and what waits. A state that fails is its `problem`."""
        now, state, problem = self._clock(), None, ""
        try:
            state = self._found()
            known = self._of_state(state, now)
        except (StateError, OSError) as error:
            problem, known = str(error), self._of_state(None, now)
        levers = self._levers(state, now, problem)
        return {
            "product": self.product.name,
            "title": self.product.title,
            **_levers.decided(levers),
            "debug": _levers.is_debug(self.product, self._environ),
            "levers": levers,
            "sinks": self._sinks(),
            "state": {
                "kind": state.kind if state else None,
                "place": place_of(state) if state else self._where(),
            },
            "problem": problem or None,
            **known,
            "process": self._of_process(),
        }

    def preview(self) -> Answer:
        """What would be sent next: from the product's own telemetry where it is at hand, else from the state."""
        state, now = self._found(), self._clock()
        return {
            "product": self.product.name,
            "title": self.product.title,
            **_levers.decided(self._levers(state, now)),
            **preview(self.catalogue, state, self._environ, self._clock, self._telemetry),
        }

    def show(self, *, last: int | None = None, since: str = "") -> Answer:
        """The ledger, the oldest first: the `last` batches, or those from the day `since` on (`2026-11-24`)."""
        state = self._found()
        every = open_ledger(state).entries() if state else []
        kept = [entry for entry in every if entry["time"] >= since]
        kept = kept if last is None else kept[max(len(kept) - last, 0) :]
        return {
            "product": self.product.name,
            "title": self.product.title,
            "place": place_of(state) if state else self._where(),
            "earlier": len(every) - len(kept),
            "batches": [dict(entry) for entry in kept],
        }

    def held(self) -> Answer:
        """Ask the collector what it holds under each id of this instance. Raises `Failed` where it does not say."""
        self._needs_collector("shows what it holds")
        found: list[Answer] = []
        for instance_id, token in _facts.identities(self.catalogue, self._found())[-_MOST_HELD:]:
            try:
                found.append(self._held(instance_id, token))
            except Unanswered as error:
                raise Failed(f"{error} Nothing is known of what is held.") from error
        if self.product.rotate == "monthly":
            found = [one for one in found if one["events"]] or found[-1:]
        return {
            "product": self.product.name,
            "title": self.product.title,
            "to": self._endpoint(),
            "instances": found,
        }

    def view(self, *, days: int = DAYS) -> Answer:
        """The operator's own trends, out of the ledger and of what is counted."""
        state = self._found()
        entries = open_ledger(state).entries() if state else []
        now = self._clock()
        counted = _facts.counters(self.catalogue, state, now)
        return {
            "product": self.product.name,
            "title": self.product.title,
            **trends(self.catalogue, entries, counted, now, days),
        }

    # ---- to switch ----------------------------------------------------------------------------------

    def off(self) -> Answer:
        """The operator's no: it lasts, what waits is wiped, and what is needed to be forgotten stays."""
        try:
            state = make_state(self._given, self.product, self._environ)
            self._switch_off(state)
            _lasting(state)
        except StateError as error:
            # It is off as long as nobody can read it, and on again once the state is removed, as the message says.
            variable = self.product.env("DISABLED")
            raise StateError(
                f"{error} No no can be kept there: {variable}=1 where it runs lasts longer."
            ) from error
        except OSError as error:
            raise Failed(self._instead(error)) from error
        return self._switched(state, "off")

    def on(self) -> Answer:
        """The operator's yes, to all of the catalogue: no notice need be shown, and no grace passes."""
        try:
            state = make_state(self._given, self.product, self._environ)
            put_row(state, "notice", agreed(self.catalogue))
            put_row(state, "consent", f"on {int(self._clock())}")
            _lasting(state)
        except OSError as error:
            raise Failed(
                f"{_said(error)} So a yes cannot be kept. Mend it, or name another folder."
            ) from error
        return self._switched(state, "on")

    # ---- to be forgotten ------------------------------------------------------------------------------

    def plan(self) -> Answer:
        """What `forget` and `reset` would do: the ids, whom is asked, and what lies here."""
        state = self._found()
        ids = [instance_id for instance_id, _ in _facts.identities(self.catalogue, state)]
        return {
            "product": self.product.name,
            "title": self.product.title,
            "instance_ids": ids,
            "asks": self._endpoint() if self.product.sink == "collector" else None,
            "contact": self.product.contact or None,
            "place": place_of(state) if state else self._where(),
            "batches": len(open_ledger(state).entries()) if state else 0,
        }

    def forget(self, *, local: bool = False) -> Answer:
        """Have the collector erase all that it holds, then wipe the state; telemetry stays off.

        Raises `Failed` where the collector does not do it: then telemetry is off, and what is needed to ask again
        stays. `local` asks nobody.
        """
        plan = self.plan()
        tokens = [token for _, token in _facts.identities(self.catalogue, self._found())]
        state = self._make_off()
        forgotten: list[str] = []
        forwarded: list[str] = []
        try:
            if not local and tokens:
                self._needs_collector("can be asked to erase")
                for first in range(0, len(tokens), _MOST_TOKENS):
                    answer = self._erase(tokens[first : first + _MOST_TOKENS])
                    forgotten += _texts(answer.get("forgotten"))
                    forwarded += [
                        where for where in _texts(answer.get("forwarded")) if where not in forwarded
                    ]
        except (Unanswered, Failed) as error:
            answer = {
                **plan,
                **self._now(state),
                "forgotten": forgotten,
                "forwarded": forwarded,
                "wiped": False,
            }
            raise Failed(str(error), answer) from error
        self._wipe(state, keep=("format", "consent"))
        return {**plan, **self._now(state), "forgotten": forgotten, "forwarded": forwarded, "wiped": True}

    def reset(self) -> Answer:
        """Wipe the state without asking anybody: a new instance, whose notice is shown anew. A no stays a no."""
        plan = self.plan()
        state = self._found()
        if state is not None:
            said_no = (state.get("consent") or "on").partition(" ")[0] != "on"
            self._wipe(state, keep=("format", "consent") if said_no else ("format",))
        return {**plan, **self._now(state), "wiped": state is not None}

    # ---- inside -----------------------------------------------------------------------------------

    def _found(self) -> State | None:
        return find_state(self._given, self.product, self._environ)

    def _where(self) -> str:
        return where_it_would_be(self._given, self.product, self._environ)

    def _endpoint(self) -> str:
        return _settings.endpoint(self.product, self._environ)

    def _sinks(self) -> list[str]:
        if self._telemetry is not None:
            return [str(sink.where) for sink in self._telemetry.sinks]
        path = {"collector": "/v1/batch", "posthog": "/batch/"}.get(self.product.sink, "")
        return [f"{self._endpoint()}{path}".rpartition("@")[2]]

    def _levers(self, state: State | None, now: float, problem: str = "") -> list[dict[str, str]]:
        closed = self._telemetry is not None and self._telemetry.status().lever == "closed"
        return _levers.asked(
            self.product,
            self._environ,
            self._config,
            state,
            now,
            config_known=self._config_known,
            problem=problem,
            place=self._where() if problem else "",
            closed=closed,
        )

    def _of_state(self, state: State | None, now: float) -> Answer:
        known = _facts.identity(self.catalogue, state)
        grace = _settings.grace_seconds(self.product, self._environ)
        batches = [envelope for _, envelope in _facts.spooled(state)]
        counted = _facts.counters(self.catalogue, state, now)
        return {
            "instance_id": known.at(day_of(now)) if known else None,
            "notice": _facts.notice(self.catalogue, state, grace, now),
            "sample": _facts.sample(self.catalogue, state, now),
            "waiting": {
                "batches": len(batches),
                "events": sum(len(envelope["events"]) for envelope in batches),
                "counters": sum(not counter["sent"] for counter in counted),
            },
            "last_send": _facts.last_send(state),
            "back_off": _facts.back_offs(state, self._sinks(), now),
        }

    def _of_process(self) -> Answer | None:
        if self._telemetry is None:
            return None
        found = self._telemetry.status()
        return {"queued": found.queued, "sent": found.sent, "dropped": found.dropped, "note": found.note}

    def _switch_off(self, state: State) -> None:
        put_row(state, "consent", f"off {int(self._clock())}")
        wipe_counters(state)
        _facts.note_wiped(state, self._sinks())
        wipe_spool(str(getattr(state, "folder", "") or os.devnull))

    def _switched(self, state: State, asked: str) -> Answer:
        levers = self._levers(state, self._clock())
        return {
            "product": self.product.name,
            "title": self.product.title,
            "asked": asked,
            **_levers.decided(levers),
            "state": {"kind": state.kind, "place": place_of(state)},
        }

    def _now(self, state: State | None) -> Answer:
        found = _levers.decided(self._levers(state, self._clock()))
        return {"enabled": found["enabled"], "lever": found["lever"]}

    def _make_off(self) -> State:
        try:
            state = make_state(self._given, self.product, self._environ)
            self._switch_off(state)
        except OSError as error:
            raise Failed(self._instead(error)) from error
        return state

    def _wipe(self, state: State, keep: tuple[str, ...]) -> None:
        try:
            open_ledger(state).wipe()
            wipe_spool(str(getattr(state, "folder", "") or os.devnull))
            wipe_rows(state, keep)
        except OSError as error:
            raise Failed(f"{place_of(state)} cannot be wiped: {_said(error)} Mend its rights.") from error

    def _needs_collector(self, what: str) -> None:
        if self.product.sink != "collector":
            whom = self.product.contact or f"the makers of {self.product.title}"
            raise Failed(f"Only a collector {what}; events went to {self.product.sink}. Write to {whom}.")

    def _erase(self, tokens: list[bytes]) -> Answer:
        question = {
            "format": 1,
            "key": self.product.key,
            "erase_tokens": [token.hex() for token in tokens],
        }
        answer = ask(self._endpoint(), "/v1/forget", question, self._environ)
        missing = {instance_of(read_token(token)) for token in tokens} - set(_texts(answer.get("forgotten")))
        if missing:
            raise Unanswered("What answered does not say that it has erased everything: is it the collector?")
        return answer

    def _held(self, instance_id: str, token: bytes) -> Answer:
        question = {"format": 1, "key": self.product.key, "read_token": read_token(token).hex()}
        answer = ask(self._endpoint(), "/v1/held", question, self._environ)
        events = answer.get("events")
        if answer.get("instance_id") != instance_id or not isinstance(events, list):
            raise Unanswered("What answered does not say what it holds: is it the collector?")
        kept = [event for event in events if isinstance(event, dict)]
        return {"instance_id": instance_id, "events": kept, "truncated": answer.get("truncated") is True}

    def _instead(self, error: OSError) -> str:
        variable = self.product.env("DISABLED")
        return f"{_said(error)} So a no cannot be kept. Set {variable}=1 where {self.product.title} runs instead."


def _lasting(state: State) -> None:
    if state.kind == "ephemeral" and not getattr(state, "folder", ""):
        raise OSError("The state is in the memory of this process alone.")


def _texts(found: object) -> list[str]:
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def _said(error: OSError) -> str:
    if error.strerror:
        return f"{error.filename or 'The state'}: {error.strerror}."
    return str(error)


def dumped(answer: Answer) -> str:
    """An answer as one JSON object, in ASCII: every terminal can show it."""
    return json.dumps(answer, indent=2, ensure_ascii=True)
