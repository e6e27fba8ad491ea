"""For the tests of a product: what would be sent, captured; and whether its TELEMETRY.md is true.

Under pytest ask for the fixture `telemetry_capture`; elsewhere use `with capture() as captured:`.
"""

from __future__ import annotations

import atexit
import difflib
import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from windrow import Telemetry
from windrow.catalogue import Catalogue
from windrow.sinks import Memory
from windrow.state import MemoryState
from windrow.tools.docs import telemetry_md

__all__ = ["Capture", "capture"]

_SECONDS = 10.0  # for a flush to a list in memory
_EVENT = re.compile(r"### `([^`]+)`")
_ROW = re.compile(r"\| `([^`]+)` \|")


@contextmanager
def capture() -> Iterator[Capture]:
    """Let every `Telemetry` that is made until the end send to memory, whatever the environment says.

    CI, test runners, `DO_NOT_TRACK` and the other variables are not asked; the product's own configuration is. There
    is no notice, no grace, no file, and at the end no thread. One that was made before is left alone.
    """
    captured = Capture()
    before = Telemetry.__init__
    make = getattr(before, "__wrapped__", before)  # an inner capture takes all

    @functools.wraps(make)
    def made(self: Telemetry, *arguments: Any, **options: Any) -> None:
        options |= {"sink": captured.sink, "state": MemoryState(), "environ": _Quiet()}
        make(self, *arguments, **options | {"notice": lambda _: True})
        captured.made.append(self)

    Telemetry.__init__ = made  # type: ignore[method-assign, assignment]  # the one place that all of a product's ways lead through
    try:
        yield captured
    finally:
        Telemetry.__init__ = before  # type: ignore[method-assign]  # as above
        captured.close()


class Capture:
    """What was sent since `capture()` began. Whatever is asked for is flushed first."""

    def __init__(self) -> None:
        self.sink = Memory()
        self.made: list[Telemetry] = []
        self._cleared = 0

    @property
    def batches(self) -> list[dict[str, Any]]:
        """The exact envelopes, as they would have gone over the wire: `spec/envelope.md`."""
        self._flush()
        return self.sink.envelopes[self._cleared :]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events with `id`, `name`, `time` and `properties`. Counters are sent by `send_daily()` only."""
        return [event for batch in self.batches for event in batch["events"]]

    @property
    def dropped(self) -> dict[str, int]:
        """All that was lost, by drop reason."""
        lost: dict[str, int] = {}
        for telemetry in self.made:
            for reason, n in telemetry.status().dropped.items():
                lost[reason] = lost.get(reason, 0) + n
        return lost

    def events_named(self, name: str) -> list[dict[str, Any]]:
        """The events of this name; counters and snapshots are sent first. Of one that was sent twice, the last.

        Raises `AssertionError` where no catalogue declares it.
        """
        declared = self._declared()
        if name not in declared:
            raise AssertionError(f"No catalogue declares an event {name!r}.{_close(name, declared)}")
        if declared[name]:
            self.send_daily()
        return list({event["id"]: event for event in self.events if event["name"] == name}.values())

    def send_daily(self) -> None:
        """Send today's counters and snapshots."""
        for telemetry in self.made:
            telemetry.send_daily(_SECONDS)

    def seen(self) -> dict[str, bool]:
        """Each declared event, and whether it has been sent; also before `clear()`."""
        self.send_daily()
        sent = {event["name"] for event in self.sink.events}
        return {
            name: name in sent
            for telemetry in self.made
            if hasattr(telemetry, "catalogue")
            for name in telemetry.catalogue.events
        }

    def clear(self) -> None:
        """Forget what was sent until now."""
        self._flush()
        self._cleared = len(self.sink.envelopes)

    def close(self) -> None:
        """End every `Telemetry` that was made, with its thread."""
        for telemetry in self.made:
            telemetry.close(_SECONDS)
            atexit.unregister(telemetry.close)

    # ---- assertions ---------------------------------------------------------------------------------

    def assert_documented(self, page: str | os.PathLike[str]) -> None:
        """Hold what was sent against a TELEMETRY.md, given as its path or its text, and the page against the catalogue.

        Raises `AssertionError` with all that is missing, too much, or not as `windrow docs` would write it.
        """
        where, text = _page(page)
        found = _documented(text)
        self.send_daily()
        problems = [problem for catalogue in self._catalogues() for problem in _too_much(catalogue, found)]
        for batch in self.batches:
            problems += _missing(self._catalogue_of(batch), batch, found)
        if not problems:
            problems = [problem for catalogue in self._catalogues() for problem in _stale(catalogue, text)]
        if problems:
            listed = "\n".join(f"  - {problem}" for problem in dict.fromkeys(problems))
            raise AssertionError(
                f"{where} is not true:\n{listed}\nWrite it anew: windrow docs CATALOGUE -o {where}"
            )

    def assert_all_emitted(self, *, but: Iterable[str] = ()) -> None:
        """Every event that the catalogue declares has been sent, other than those of `but`.

        Raises `AssertionError` with those that were not.
        """
        self._catalogues()
        excused = set(but)
        if missing := [name for name, sent in self.seen().items() if not sent and name not in excused]:
            listed = "".join(f"\n  - {name}" for name in missing)
            raise AssertionError(
                f"Nothing has sent:{listed}\nCall what sends them, or take them out of the catalogue."
            )

    # ---- inside -------------------------------------------------------------------------------------

    def _flush(self) -> None:
        for telemetry in self.made:
            telemetry.flush(_SECONDS)

    def _catalogues(self) -> list[Catalogue]:
        # One that cannot be read has left none behind, and a warning.
        found = {t.catalogue.digest: t.catalogue for t in self.made if hasattr(t, "catalogue")}
        if not found:
            raise AssertionError(
                "No Telemetry with a sound catalogue was made while this captured: make it in the test, or in "
                "what the test calls. One that a module makes when it is imported was made before."
            )
        return list(found.values())

    def _catalogue_of(self, batch: Mapping[str, Any]) -> Catalogue:
        return next(c for c in self._catalogues() if c.digest == batch["catalogue"])

    def _declared(self) -> dict[str, bool]:
        """The declared events, and whether they are sent once a day."""
        return {event.name: event.daily for c in self._catalogues() for event in c.events.values()}


class _Quiet(Mapping[str, str]):
    """An environment that says nothing: the product's name, with which variables begin, is not known beforehand."""

    def __getitem__(self, name: str) -> str:
        if name == "WINDROW_ETC":
            return os.devnull  # no file can be in it
        if name.endswith("_TELEMETRY_GRACE"):
            return "0"
        if name.endswith("_TELEMETRY_FLUSH"):
            return "3600"  # when it is asked to, and not in between
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


# ---- the page ---------------------------------------------------------------------------------------


def _page(page: str | os.PathLike[str]) -> tuple[str, str]:
    if isinstance(page, str) and "\n" in page:
        return "TELEMETRY.md", page
    try:
        return os.fspath(page), Path(page).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AssertionError(f"{page} is not there. Write it: windrow docs CATALOGUE -o {page}") from None


def _documented(text: str) -> dict[str, set[str]]:
    """What a page names: properties by event, facts under `context`, and fields of a batch under the empty name."""
    found: dict[str, set[str]] = {"": set(), "context": set()}
    place = ""
    for line in text.splitlines():
        if event := _EVENT.match(line):
            place = f"events.{event[1]}"
            found.setdefault(place, set())
        elif line.startswith("## "):
            place = "none" if line.startswith("## How") else ""
        elif line == "With every batch:":
            place = "context"
        elif row := _ROW.match(line):
            found.setdefault(place, set()).add(row[1])
    return found


def _missing(catalogue: Catalogue, batch: dict[str, Any], found: dict[str, set[str]]) -> Iterator[str]:
    for fact in sorted(set(batch["context"]) - found["context"]):
        yield f"the fact {fact!r} was sent, and the page does not name it"
    for event in batch["events"]:
        name = event["name"]
        if f"events.{name}" not in found:
            yield f"the event {name!r} was sent, and the page does not name it"
            continue
        for prop in sorted(set(event["properties"]) - found[f"events.{name}"]):
            yield f"{prop!r} of the event {name!r} was sent, and the page does not name it"
    for field in sorted(_fields(catalogue, batch) - found[""]):
        yield f"every batch has the field {field!r}, and the page does not explain it"


def _fields(catalogue: Catalogue, batch: dict[str, Any]) -> set[str]:
    """The fields of a batch on the product's own wire, without what the catalogue declares."""
    if catalogue.product.sink == "collector":
        return {*batch, *(key for event in batch["events"] for key in event)}
    import json

    from windrow.sinks import PostHog

    whole = json.loads(PostHog(catalogue.product.endpoint).render(batch))
    declared = {*catalogue.context, *(p for event in catalogue.events.values() for p in event.properties)}
    events = [{**event, **event["properties"]} for event in whole["batch"]]
    return {*whole, *(key for event in events for key in event)} - declared


def _too_much(catalogue: Catalogue, found: dict[str, set[str]]) -> Iterator[str]:
    for fact in sorted(found["context"] - set(catalogue.context)):
        yield f"the page names the fact {fact!r}, which the catalogue does not declare"
    for place, properties in found.items():
        if not place.startswith("events."):
            continue
        event = catalogue.events.get(place.removeprefix("events."))
        if event is None:
            yield f"the page names the event {place.removeprefix('events.')!r}, which the catalogue does not declare"
            continue
        for prop in sorted(properties - set(event.properties)):
            yield f"the page names {prop!r} of the event {event.name!r}, which the catalogue does not declare"


def _stale(catalogue: Catalogue, text: str) -> Iterator[str]:
    right, written = telemetry_md(catalogue).split("\n"), text.split("\n")
    for number, (should, is_now) in enumerate(zip_longest(right, written, fillvalue="(nothing)"), 1):
        if should != is_now:
            yield f"line {number} is {is_now!r}, and should be {should!r}"
            return


def _close(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f" Did you mean {near[0]!r}?" if near else ""
