"""Moments, as the answers of the commands write them."""

from __future__ import annotations

import calendar
import time

_DAY = 86_400


def instant(row: str | float) -> str:
    """`2026-11-24T20:41:05Z` out of unix seconds, or of a row that has them; empty where there is none."""
    if isinstance(row, str):
        if not row.isdecimal() or len(row) > 11:
            return ""
        row = int(row)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row))


def day_of(seconds: float) -> str:
    """`2026-11-24`, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def is_day(text: str) -> bool:
    """Whether a text is a day, `2026-11-24`."""
    try:
        return time.strftime("%Y-%m-%d", time.strptime(text, "%Y-%m-%d")) == text
    except ValueError:
        return False


def last_days(now: float, days: int) -> list[str]:
    """So many days, the last of which is today; the oldest first."""
    today = calendar.timegm(time.strptime(day_of(now), "%Y-%m-%d"))
    return [day_of(today - back * _DAY) for back in range(days - 1, -1, -1)]
