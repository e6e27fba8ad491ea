"""`view`, drawn: a line of days for each event, and bars for its values."""

from __future__ import annotations

from typing import Any

from windrow.operator._terminal import Terminal, plain, typed

Answer = dict[str, Any]

_BAR = 24
_LABEL = 20
_VALUES = 8


def view_words(t: Terminal, answer: Answer, prog: str) -> None:
    """`view`."""
    days = answer["days"]
    title = f"{plain(answer['title'])}, {_day(days[0])} to {_day(days[-1])}"
    t.line(t.bold(title))
    batches = answer["batches"]
    said = f"Out of {batches} {'batch' if batches == 1 else 'batches'} in the ledger of this instance."
    t.text(said if batches else "The ledger of this instance has no batch yet.", dim=True)
    t.line()
    quiet = []
    for event in answer["events"]:
        if event["total"]:
            _event(t, event)
        else:
            quiet.append(event["name"])
    for counter in answer["counters"]:
        if any(counter["by_day"]):
            _counter(t, counter)
        else:
            quiet.append(counter["name"])
    for snapshot in answer["snapshots"]:
        if snapshot["day"]:
            _snapshot(t, snapshot)
        else:
            quiet.append(snapshot["name"])
    if quiet:
        t.text(f"Not in these days: {', '.join(quiet)}.", dim=True)
    if answer["context"]:
        pairs = " ".join(f"{name}={value}" for name, value in answer["context"].items())
        t.text(f"With every batch: {pairs}", dim=True)
    if batches:
        t.line()
        t.text(f"Batch by batch: {typed(prog, 'show')}", dim=True)


def _event(t: Terminal, event: Answer) -> None:
    most = max(event["by_day"])
    line = "".join(t.scale[_level(n, most, len(t.scale) - 1)] for n in event["by_day"])
    total = f"{event['total']} in all, {most} on the busiest day" if event["total"] > 1 else "once"
    _head(t, event, line, total)
    _bars(t, event["properties"])
    t.line()


def _counter(t: Terminal, counter: Answer) -> None:
    buckets = counter["buckets"]
    levels = [buckets.index(label) if label in buckets else 0 for label in counter["by_day"]]
    top = len(buckets) - 1 or 1
    steps = len(t.scale) - 1
    line = "".join(
        t.scale[0] if label is None else t.scale[max(-(-level * steps // top), 1)]
        for label, level in zip(counter["by_day"], levels, strict=True)
    )
    today = (
        f"{counter['today']} today so far; a day is sent as one of " if counter["today"] is not None else ""
    )
    _head(t, counter, line, f"{today or 'a day is sent as one of '}{', '.join(buckets)}")
    days: dict[str, int] = {}
    for label in counter["by_day"]:
        if label is not None:
            days[label] = days.get(label, 0) + 1
    _bars(t, {"days": {label: days[label] for label in buckets if label in days}})
    t.line()


def _snapshot(t: Terminal, snapshot: Answer) -> None:
    t.line(f"{t.bold(plain(snapshot['name']))}  {t.dim('as of ' + snapshot['day'])}")
    t.text(snapshot["description"], 2, dim=True)
    width = max((len(name) for name in snapshot["properties"]), default=0)
    for name, value in snapshot["properties"].items():
        said = ", ".join(map(str, value)) if isinstance(value, list) else _word(value)
        t.field(plain(name), said, width + 4)
    t.line()


def _head(t: Terminal, about: Answer, line: str, said: str) -> None:
    name = plain(about["name"])
    if len(name) + 2 + len(line) <= t.width:
        t.line(t.bold(name) + " " * max(t.width - len(name) - len(line), 2) + t.good(line))
    else:
        t.line(t.bold(name))
        t.line(f"  {t.good(line)}")
    t.text(about["description"], 2, dim=True)
    t.text(said, 2)


def _bars(t: Terminal, properties: dict[str, dict[str, int]]) -> None:
    names = [plain(name) for name in properties]
    shown = [_shown(counts) for counts in properties.values()]
    if not names:
        return
    name_width = max(len(name) for name in names)
    label_width = max(len(t.shortened(value, _LABEL)) for rows in shown for value, _ in rows)
    number_width = max(len(str(n)) for rows in shown for _, n in rows)
    room = min(max(t.width - name_width - label_width - number_width - 8, 4), _BAR)
    for name, rows in zip(names, shown, strict=True):
        most = max(n for _, n in rows)
        for number, (value, n) in enumerate(rows):
            # Padded before it is painted: colours have a length, and no width.
            head = t.dim((name if number == 0 else "").ljust(name_width))
            label = t.shortened(value, _LABEL).ljust(label_width)
            bar = t.mark("bar") * max(round(n * room / most), 1)
            t.line(f"  {head}  {label}  {t.good(bar)}{' ' * (room - len(bar))}  {str(n).rjust(number_width)}")


def _shown(counts: dict[str, int]) -> list[tuple[str, int]]:
    rows = list(counts.items())
    if len(rows) <= _VALUES:
        return rows
    return [*rows[: _VALUES - 1], (f"{len(rows) - _VALUES + 1} more", sum(n for _, n in rows[_VALUES - 1 :]))]


def _level(n: int, most: int, steps: int) -> int:
    return 0 if not n else max(-(-n * steps // most), 1)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _day(day: str) -> str:
    return plain(day)
