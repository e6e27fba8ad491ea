"""The notice: shown before anything is sent, and again when a release collects more; never on standard output."""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from windrow.catalogue import Catalogue
    from windrow.state import State

    #: Shows the text to whoever runs the product; a False, or an exception, says that nobody could read it.
    Tell = Callable[[str], object]

_NAMED = 5
_HASHED = 12  # hex digits: the row must stay small


def text(catalogue: Catalogue, where: str, grace: float, more: Sequence[str] = ()) -> str:
    """The notice, from the catalogue. `grace` in seconds; `more` names what is new since it was shown before."""
    product = catalogue.product
    asked = f" Questions: {product.contact}." if product.contact else ""
    events = "The one event is" if len(catalogue.events) == 1 else f"All {len(catalogue.events)} events are"
    what = f"{product.title} sends telemetry: which release runs and which features are in use, in coarse figures,"
    nothing = "Nothing"
    if more:
        named = ", ".join(more[:_NAMED]) + (f" and {len(more) - _NAMED} more" if len(more) > _NAMED else "")
        what = f"{product.title} sends more telemetry from this release on ({named}), in coarse figures,"
        nothing = "Nothing of that"
    until = f"is sent before {_minutes(grace)} have passed" if grace else "was sent before this notice"
    return (
        f"{what}\nunder a random id of this instance, to {where}. {nothing} {until}.\n"
        f"  Off:   {product.env('DISABLED')}=1 (or DO_NOT_TRACK=1)\n"
        f"  Look:  {product.env('DEBUG')}=1 prints what would be sent, and sends nothing\n"
        f"  {events} listed in {product.title}'s TELEMETRY.md.{asked}\n"
    )


def on_standard_error(shown: str) -> bool:
    """Write to standard error, which is a terminal or ends in the log. Raises what the stream raises."""
    stream = sys.stderr
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):  # something of the product's own stands in for it
        stream.write(shown)
        stream.flush()
        return True
    # Past Python's buffer: what could not be written would stay there, and the interpreter would try it again at its
    # end, wait for it, or make an exit code of it.
    data = shown.encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(descriptor, data) :]
    return True


class Notice:
    """What of a catalogue has been shown to the operator, and since when. The row: `spec/state.md`."""

    def __init__(self, catalogue: Catalogue, state: State, grace: float, tell: Tell) -> None:
        from windrow.catalogue._atoms import atoms, atoms_of_context, atoms_of_event

        self._catalogue = catalogue
        self._state = state
        self._grace = grace
        self._tell = tell
        self._all = _hashed(atoms(catalogue))
        self._events = {event.name: _hashed(atoms_of_event(event)) for event in catalogue.events.values()}
        self._facts = {fact.name: _hashed(atoms_of_context(fact)) for fact in catalogue.context.values()}
        parts: list[frozenset[str]] = [*self._events.values(), *self._facts.values()]
        self._of_product = self._all.difference(*parts)
        self._told = self._until = 0.0  # on the monotonic clock, for what this process has shown

    def allowed(self, now: float, where: str) -> tuple[frozenset[str], frozenset[str]]:
        """The events and the context facts that may be sent by now; shows the notice where it is due.

        Raises `StateError` and `OSError` where the state fails.
        """
        row = self._state.get("notice")
        shown, covers, before = _parsed(row)
        if not self._all <= covers:
            if self._is_over(shown, now):  # asked before the showing, with which the next grace begins
                before = covers
            if not self._show(where, self._new(covers) if covers else []):
                return self._covered(before)
            shown, covers = int(now), covers | self._all
            self._state.swap("notice", row, written(shown, covers, before))
        elif shown > now + 60:
            # The clock has been put back: the grace begins anew, for it must never be shorter.
            shown = int(now)
            self._state.swap("notice", row, written(shown, covers, before))
        return self._covered(covers if self._is_over(shown, now) else before)

    def left(self, now: float) -> float | None:
        """Seconds of the grace that are left; None where the notice could not be shown."""
        shown, covers, _ = _parsed(self._state.get("notice"))
        if not self._all <= covers and not self._told:
            return None
        return max(self._until - time.monotonic(), shown + self._grace - now, 0.0)

    def _show(self, where: str, more: list[str]) -> bool:
        if not self._told:  # once a process, also where a full disk cannot remember it
            try:
                if self._tell(text(self._catalogue, where, self._grace, more)) is False:
                    return False
            except Exception:  # whatever stands in for standard error raises
                return False
            self._told = time.monotonic()
            self._until = self._told + self._grace
        return True

    def _is_over(self, shown: int, now: float) -> bool:
        # A wall clock that jumps ahead must not shorten what this process has begun.
        return now - shown >= self._grace and time.monotonic() >= self._until

    def _new(self, covers: frozenset[str]) -> list[str]:
        parts = {**self._events, **self._facts, "to whom, times, ids or how long": self._of_product}
        return [name for name, atoms in parts.items() if not atoms <= covers]

    def _covered(self, covers: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
        if not self._of_product <= covers:
            return frozenset(), frozenset()
        events = (name for name, atoms in self._events.items() if atoms <= covers)
        return frozenset(events), frozenset(name for name, atoms in self._facts.items() if atoms <= covers)


def agreed(catalogue: Catalogue) -> str:
    """The row of an operator who has said yes to all of this catalogue, so that no grace is needed."""
    from windrow.catalogue._atoms import atoms

    covers = _hashed(atoms(catalogue))
    return written(0, covers, covers)


def written(shown: int, covers: Iterable[str], before: Iterable[str]) -> str:
    """The row: when it was shown, which statements it covers, and which it covered before (hashed)."""
    return f"{shown} {','.join(sorted(covers))} {','.join(sorted(before))}"


def _parsed(row: str | None) -> tuple[int, frozenset[str], frozenset[str]]:
    # What cannot be understood was not shown: it is shown again, and nothing leaves before.
    parts = (row or "").split(" ")
    if len(parts) != 3 or not parts[0].isdecimal() or len(parts[0]) > 15:
        return 0, frozenset(), frozenset()
    covers, before = (frozenset(part.split(",")) - {""} for part in parts[1:])
    return int(parts[0]), covers, before


def _hashed(statements: Iterable[str]) -> frozenset[str]:
    import hashlib

    return frozenset(hashlib.sha256(statement.encode()).hexdigest()[:_HASHED] for statement in statements)


def _minutes(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"
