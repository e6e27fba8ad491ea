"""What was sent, byte for byte, for the operator. Layout: `spec/state.md`.

A state with a folder has it in `ledger.jsonl` there; any other state in rows of its own.
"""

from __future__ import annotations

import os

from windrow._append import append_line, open_plain
from windrow._settings import LEDGER_BYTES, LEDGER_DAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypedDict

    from windrow.state import State

    class Entry(TypedDict):
        """One batch for one sink: `time` to the hour, `body` the exact bytes, `outcomes` in their order."""

        batch_id: str
        time: str
        to: str
        body: str
        outcomes: list[str]


_TRIM_EVERY = 20  # entries: reading all rows costs more than a few that are too many
_PREFIX = "ledger:"


class FileLedger:
    """Lines of JSON in `ledger.jsonl`; when it is large or old, it becomes `ledger.old.jsonl`, and that one goes."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "ledger.jsonl")
        self._old = os.path.join(folder, "ledger.old.jsonl")

    def before(self, batch_id: str, to: str, body: bytes, moment: str) -> dict[str, str]:
        """Write down the exact bytes, before they leave; gives what `after` wants. Raises `OSError`."""
        self._age(moment)
        entry = {"batch_id": batch_id, "to": to}
        self._append({**entry, "time": moment, "body": body.decode()})
        return entry

    def after(self, entry: dict[str, str], outcome: str) -> None:
        """Write down how a try ended. Raises `OSError`."""
        self._append({**entry, "outcome": outcome})

    def entries(self) -> list[Entry]:
        """All that is written down, the oldest first. Raises `OSError`; a line that is damaged is left out."""
        found: dict[tuple[str, str], Entry] = {}
        for line in self._lines():
            key = str(line.get("batch_id")), str(line.get("to"))
            if "body" in line:
                found.setdefault(key, _entry(*key, str(line["body"]), str(line.get("time"))))
            elif key in found:
                found[key]["outcomes"].append(str(line.get("outcome")))
        return list(found.values())

    def wipe(self) -> None:
        """Forget all. Raises `OSError`."""
        for path in (self._path, self._old):
            if os.path.exists(path):
                os.unlink(path)

    def _lines(self) -> Iterator[dict[str, object]]:
        import json

        for path in (self._old, self._path):
            if not os.path.exists(path):
                continue
            with open(path, encoding="utf-8", errors="replace", opener=open_plain) as file:
                for line in file:
                    try:
                        parsed = json.loads(line)
                    except (ValueError, RecursionError):
                        continue
                    if isinstance(parsed, dict):
                        yield parsed

    def _append(self, line: dict[str, str]) -> None:
        import json

        if append_line(self._path, json.dumps(line, separators=(",", ":")).encode()) > LEDGER_BYTES:
            os.replace(self._path, self._old)

    def _age(self, moment: str) -> None:
        # Each file holds half of the days at most, so that no line grows older than LEDGER_DAYS.
        limit = _days_before(moment, LEDGER_DAYS // 2)
        if _first_day(self._path) < limit:
            os.replace(self._path, self._old)
        elif os.path.exists(self._old) and _day_of(os.stat(self._old).st_mtime) < limit:
            os.unlink(self._old)


class RowLedger:
    """A row an entry, `ledger:<time>:<batch id>:<to>`: for databases, whose replicas share it, and for memory."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._written = 0

    def before(self, batch_id: str, to: str, body: bytes, moment: str) -> dict[str, str]:
        """Write down the exact bytes, before they leave; gives what `after` wants. Raises `StateError`."""
        import hashlib
        import json

        key = f"{_PREFIX}{moment}:{batch_id}:{hashlib.sha256(to.encode()).hexdigest()[:8]}"
        self._state.swap(key, self._state.get(key), json.dumps([to, body.decode()]))
        if self._written % _TRIM_EVERY == 0:
            self._trim(_days_before(moment, LEDGER_DAYS))
        self._written += 1
        return {"key": key}

    def after(self, entry: dict[str, str], outcome: str) -> None:
        """Write down how a try ended. Raises `StateError`."""
        import json

        row = self._state.get(entry["key"])
        if row is not None:
            self._state.swap(entry["key"], row, json.dumps([*json.loads(row), outcome]))

    def entries(self) -> list[Entry]:
        """All that is written down, the oldest first. Raises `StateError`; a row that is damaged is left out."""
        import json

        found = []
        for key, row in sorted(self._state.items(_PREFIX)):
            try:
                to, body, *outcomes = json.loads(row)
                moment, batch_id, _ = key.removeprefix(_PREFIX).rsplit(":", 2)
            except (ValueError, TypeError, RecursionError):
                continue
            found.append(_entry(batch_id, str(to), str(body), moment))
            found[-1]["outcomes"].extend(map(str, outcomes))
        return found

    def wipe(self) -> None:
        """Forget all. Raises `StateError`."""
        for key, row in self._state.items(_PREFIX):
            self._state.swap(key, row, None)

    def _trim(self, oldest: str) -> None:
        room = LEDGER_BYTES
        for key, row in sorted(self._state.items(_PREFIX), reverse=True):
            room -= len(row)
            if room < 0 or key.removeprefix(_PREFIX) < oldest:
                self._state.swap(key, row, None)


def open_ledger(state: State) -> FileLedger | RowLedger:
    """The ledger of a state."""
    folder = getattr(state, "folder", "")
    return FileLedger(folder) if folder else RowLedger(state)


def _entry(batch_id: str, to: str, body: str, moment: str) -> Entry:
    return {"batch_id": batch_id, "time": moment, "to": to, "body": body, "outcomes": []}


def _first_day(path: str) -> str:
    import json

    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return str(json.loads(file.readline()).get("time") or "9")
    except (OSError, ValueError, AttributeError):
        return "9"  # no file, or none that says its age: its size bounds it


def _days_before(moment: str, days: int) -> str:
    import calendar
    import time

    return _day_of(calendar.timegm(time.strptime(moment[:10], "%Y-%m-%d")) - days * 86_400)


def _day_of(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
