"""The period that a page is about: a number of days that ends today, in UTC. The URL is its only state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

PERIODS = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}
"""The periods on offer, with their length in days, today included."""
DEFAULT = "90d"


@dataclass(frozen=True, slots=True)
class Period:
    """The days `since` to `until`, both included. `until` is today, which is not over."""

    name: str
    since: date
    until: date

    @classmethod
    def read(cls, text: str | None, now: float) -> Period:
        """Read `?period=`. An unknown period becomes the default: a link never ends in an error for that."""
        name = text if text in PERIODS else DEFAULT
        assert name is not None
        today = datetime.fromtimestamp(now, UTC).date()
        return cls(name, today - timedelta(days=PERIODS[name] - 1), today)

    @property
    def days(self) -> int:
        """The number of days in the period."""
        return (self.until - self.since).days + 1
