"""How numbers and dates are written: en-GB, UTC, the same on every machine."""

from __future__ import annotations

from datetime import date, timedelta

# Not strftime("%b"): the name would follow the machine's locale.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def number(value: float) -> str:
    """Write a count with a comma at the thousands: 12,345."""
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """Write a share (0 to 1) with one decimal and a thin space: 45.2 %."""
    return f"{100 * share:.1f}\u2009%"


def change(now: int, before: int) -> str:
    """Write the change from `before` to `now`: "+12", "−3" or "±0"."""
    difference = now - before
    if difference == 0:
        return "±0"
    return f"{'+' if difference > 0 else '−'}{abs(difference):,}"


def day(value: date) -> str:
    """Write a day: 4 Nov 2026."""
    return f"{value.day} {_MONTHS[value.month - 1][:3]} {value.year}"


def short_day(value: date) -> str:
    """Write a day without its year, for an axis: 4 Nov."""
    return f"{value.day} {_MONTHS[value.month - 1][:3]}"


def weekday(value: date) -> str:
    """Write a day with its weekday: Tue 24 Nov 2026."""
    return f"{_WEEKDAYS[value.weekday()]} {day(value)}"


def week(monday: date) -> str:
    """Write a week by its first and last day: 26 Oct – 1 Nov 2026."""
    sunday = monday + timedelta(days=6)
    if monday.year != sunday.year:
        return f"{day(monday)} – {day(sunday)}"
    if monday.month != sunday.month:
        return f"{short_day(monday)} – {day(sunday)}"
    return f"{monday.day}–{day(sunday)}"


def month(value: date) -> str:
    """Write a month: November 2026."""
    return f"{_MONTHS[value.month - 1]} {value.year}"


def short_month(value: date) -> str:
    """Write a month for an axis: Nov 26."""
    return f"{_MONTHS[value.month - 1][:3]} {value.year % 100:02}"
