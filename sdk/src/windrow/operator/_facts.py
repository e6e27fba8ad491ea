"""What an instance remembers, read for its operator: the notice, what waits, how the sends went. Changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from windrow._identity import Identity, identity_of
from windrow._ledger import FileLedger, open_ledger
from windrow._notice import Notice
from windrow._wishes import is_sampled_out
from windrow.catalogue import Catalogue
from windrow.catalogue.coarsen import INVALID, coarsener
from windrow.operator._times import day_of, instant
from windrow.state import MemoryState, State

Rows = dict[str, Any]


def copy_of(state: State | None) -> MemoryState:
    """The rows in memory, for what would write to them; without the ledger and what belongs to other processes."""
    copy = MemoryState()
    if state is not None:
        copy.kind = state.kind
        for key, value in state.items(""):
            if not key.startswith(("ledger:", "lease:")):
                copy.swap(key, None, value)
    return copy


def identity(catalogue: Catalogue, state: State | None) -> Identity | None:
    """The identity, where one has been made. Raises `StateError`."""
    secret = state.get("secret") if state else None
    return identity_of(secret, monthly=catalogue.product.rotate == "monthly") if secret else None


def identities(catalogue: Catalogue, state: State | None) -> list[tuple[str, bytes]]:
    """Every instance id that may have been sent, with the token that erases it; the present one is the last.

    Raises `StateError`.
    """
    secret = state.get("secret") if state else None
    if state is None or not secret:
        return []
    lasting, monthly = identity_of(secret), identity_of(secret, monthly=True)
    months = [f"{month}-01" for month in (state.get("months") or "").split(" ") if month]
    found = [(monthly.at(month), monthly.erase_token(month)) for month in months]
    last = (lasting.at(""), lasting.erase_token(""))
    # An id that was never sent is forgotten all the same, and a release before this one may have had the other rule.
    return [last, *found] if catalogue.product.rotate == "monthly" else [*found, last]


def notice(catalogue: Catalogue, state: State | None, grace: float, now: float) -> Rows:
    """How far the notice is: `not_shown`, `grace`, `part` (a release that sends more), `over`, or `agreed`."""
    names = frozenset(catalogue.events)
    row = (state.get("notice") if state else None) or ""
    shown = row.partition(" ")[0]
    allowed, _ = Notice(catalogue, copy_of(state), grace, _nobody).allowed(now, "")
    known, _ = Notice(catalogue, copy_of(state), 0, _nobody).allowed(now, "")
    if known != names:
        how = "part" if known else "not_shown"
    elif allowed == names:
        how = "agreed" if shown == "0" else "over"
    else:
        how = "grace"
    moment = instant(shown) if how != "not_shown" and shown != "0" else ""
    ends = instant(int(shown) + grace) if how == "grace" and moment else ""
    return {"is": how, "shown": moment or None, "ends": ends or None, "not_yet": sorted(names - allowed)}


def counters(catalogue: Catalogue, state: State | None, now: float) -> list[Rows]:
    """What was counted: event, day, number, its bucket, and whether that has been sent; the oldest first."""
    found = []
    for key, value in state.items("counter:") if state else []:
        event, _, day = key.removeprefix("counter:").rpartition(":")
        declared = catalogue.events.get(event)
        if declared is None or declared.kind != "counter" or state is None:
            continue
        number = int(value) if value.isdecimal() and len(value) < 17 else 0
        label = coarsener(declared.properties["count"])(number)
        sent = state.get(f"sent:{event}:{day}")
        found.append(
            {
                "event": event,
                "day": day,
                "number": number,
                "bucket": None if label is INVALID else label,
                "sent": sent == label,
                "due": day < day_of(now) and sent != label,
            }
        )
    return sorted(found, key=lambda counter: (counter["day"], counter["event"]))


def spooled(state: State | None) -> Iterator[tuple[str, Rows]]:
    """The batches that wait on disk, the oldest first: a short name of the sink, and the envelope."""
    files: list[Path] = []
    with suppress(OSError):
        folder = Path(str(getattr(state, "folder", "") or os.devnull), "spool")
        # A pipe that somebody put there would be waited for without end.
        files = sorted(file for file in folder.iterdir() if ".new." not in file.name and file.is_file())
    for file in files:
        with suppress(OSError, ValueError, RecursionError):
            envelope = json.loads(file.read_bytes())
            if isinstance(envelope, dict) and isinstance(envelope.get("events"), list):
                yield file.suffix[1:], envelope


def note_wiped(state: State, sinks: list[str]) -> None:
    """Write to the ledger that what waits on disk will not be sent. Raises `OSError`."""
    waiting = list(spooled(state))
    if not waiting or not (folder := str(getattr(state, "folder", ""))):
        return
    ledger, names = FileLedger(folder), names_of(state, sinks)
    for short, envelope in waiting:
        ledger.after({"batch_id": str(envelope.get("batch_id")), "to": names.get(short, short)}, "wiped")


def short_of(where: str) -> str:
    """The short name of a sink, as rows and files have it."""
    return hashlib.sha256(where.encode()).hexdigest()[:8]


def names_of(state: State | None, sinks: list[str]) -> dict[str, str]:
    """The sinks by their short names: those of now, and those that the ledger knows. Raises `StateError`, `OSError`."""
    tos = [entry["to"] for entry in open_ledger(state).entries()] if state else []
    return {short_of(where): where for where in [*tos, *sinks]}


def back_offs(state: State | None, sinks: list[str], now: float) -> list[Rows]:
    """The sinks that did not take what was sent: how often, and when it is tried again."""
    names = names_of(state, sinks)
    found = []
    for key, value in state.items("backoff:") if state else []:
        parts = value.split(" ")
        if len(parts) != 3 or not all(instant(part) for part in parts):
            continue
        short = key.removeprefix("backoff:")
        until = int(parts[1])
        found.append(
            {
                "to": names.get(short, short),
                "tries": int(parts[0]),
                "until": instant(until) if until > now else None,
            }
        )
    return found


def last_send(state: State | None) -> Rows | None:
    """The last batch of the ledger that left, and how it ended. Raises `StateError`, `OSError`."""
    entries = open_ledger(state).entries() if state else []
    tried = [entry for entry in entries if any(outcome != "wiped" for outcome in entry["outcomes"])]
    if not tried:
        return None
    last = tried[-1]
    return {"time": last["time"], "to": last["to"], "outcome": last["outcomes"][-1]}


def sample(catalogue: Catalogue, state: State | None, now: float) -> Rows | None:
    """The share of instances that the collector wants to hear from, and whether this is one of them."""
    known = identity(catalogue, state)
    share, _, until = ((state.get("sample") if state else None) or "").partition(" ")
    if known is None or state is None or not instant(until) or int(until) < now:
        return None
    out = is_sampled_out(state, known, now)
    return {"share": share, "sends": not out, "until": instant(until)}


def _nobody(_: str) -> bool:
    return False
