"""Turns answers into figures: a table with exact numbers, from which the browser draws the chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from windrow_server.pages import _format
from windrow_server.questions import Answer


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what people read, and the number that the chart draws (None: not known yet)."""

    text: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its long and its short label, its machine-readable key, its cells; `partial` when it is not over."""

    label: str
    short: str
    key: str
    cells: list[Cell]
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart with its table.

    `heads` are (label, tone); a tone names a colour of the style sheet, and "" is a column that is not drawn.
    """

    name: str
    chart: str
    title: str
    first: str
    heads: list[tuple[str, str]]
    rows: list[Row] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw: no row, or nothing but noughts."""
        return not any(cell.value for row in self.rows for cell in row.cells)


_UNITS: dict[str, tuple[str, str, str, Callable[[date], str], Callable[[date], str]]] = {
    "day": ("area", "By day", "Day (UTC)", _format.weekday, _format.short_day),
    "week": ("bars", "By week", "Week (Monday to Sunday)", _format.week, _format.short_day),
    "month": ("bars", "By month", "Month", _format.month, _format.short_month),
}


def active_instances(answer: Answer, today: date) -> list[Figure]:
    """Return the figures by day, week and month."""
    figures = []
    for unit, (chart, title, first, label, short) in _UNITS.items():
        rows = [
            Row(label(r["start"]), short(r["start"]), r["start"].isoformat(), [_count(r["instances"])],
                partial=_holds(unit, r["start"], today))
            for r in answer.rows if r["unit"] == unit
        ]  # fmt: skip
        figures.append(Figure(f"active-{unit}", chart, title, first, [("Instances", "main")], rows))
    return figures


def lifecycle(answer: Answer, today: date) -> Figure:
    """Return the figure of new, returning and gone by week; the instances that stayed are in the table only."""
    heads = [("New", "new"), ("Returning", "returning"), ("Gone", "gone"), ("Stayed", ""), ("Active", "")]
    rows = []
    for r in answer.rows:
        gone = Cell("not known yet", None) if r["gone"] is None else _count(r["gone"])
        active = r["new"] + r["returning"] + r["stayed"]
        cells = [_count(r["new"]), _count(r["returning"]), gone, _count(r["stayed"]), _count(active)]
        rows.append(_week_row(r["week"], cells, today))
    return Figure("lifecycle", "diverging", "By week", "Week (Monday to Sunday)", heads, rows)


def versions(answer: Answer, today: date) -> Figure:
    """Return the figure of versions by week, oldest version first; each cell has the count and the share."""
    names = list(dict.fromkeys(r["version"] for r in answer.rows))
    weeks: dict[date, dict[str, int]] = {}
    for r in answer.rows:
        weeks.setdefault(r["week"], {})[r["version"]] = r["instances"]
    rest = [name for name in names if name in ("other", "custom", "unknown")]
    ranks = len(names) - len(rest)
    heads = [
        (name, f"rest-{rest.index(name)}" if name in rest else f"rank-{place}-{ranks}")
        for place, name in enumerate(names)
    ]
    rows = []
    for week, counts in weeks.items():
        total = sum(counts.values())
        cells = [_shared(counts[name], total) for name in names]
        rows.append(_week_row(week, cells, today))
    return Figure("versions", "share", "By week", "Week (Monday to Sunday)", heads, rows)


def events_by_name(answer: Answer) -> Figure:
    """Return the figure of events by name, the most frequent first."""
    heads = [("Events", "main"), ("Instances", ""), ("Of active instances", ""), ("Kept apart", "")]
    rows = []
    for r in answer.rows:
        share = Cell(_format.percent(r["share"]), r["share"])
        cells = [_count(r["events"]), _count(r["instances"]), share, _count(r["apart"])]
        rows.append(Row(r["event"], r["event"], r["event"], cells))
    return Figure("events", "ranked", "In the whole period", "Event", heads, rows)


def other_kinds(answer: Answer, today: date) -> Figure:
    """Return the figure of ephemeral and foreign ids by week."""
    heads = [
        ("Ephemeral ids", "ephemeral"),
        ("Foreign ids", "foreign"),
        ("Ephemeral events", ""),
        ("Foreign events", ""),
    ]
    columns = ("ephemeral", "foreign", "ephemeral_events", "foreign_events")
    rows = [_week_row(r["week"], [_count(r[column]) for column in columns], today) for r in answer.rows]
    return Figure("other-kinds", "bars", "By week", "Week (Monday to Sunday)", heads, rows)


def _week_row(week: date, cells: list[Cell], today: date) -> Row:
    return Row(
        _format.week(week), _format.short_day(week), week.isoformat(), cells, _holds("week", week, today)
    )


def _holds(unit: str, start: date, today: date) -> bool:
    if unit == "month":
        return (start.year, start.month) == (today.year, today.month)
    return start <= today < start + timedelta(days=7 if unit == "week" else 1)


def _count(value: Any) -> Cell:
    return Cell(_format.number(value), int(value))


def _shared(value: int, total: int) -> Cell:
    if not value:
        return Cell("0", 0)
    return Cell(f"{_format.number(value)} ({_format.percent(value / total)})", value)
