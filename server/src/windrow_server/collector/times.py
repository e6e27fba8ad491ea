"""The rule for an event's time: the catalogue's precision, not in the future, not older than is kept."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

DAY_SECONDS = 86_400
_FORMS = {
    "day": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "hour": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):00Z"),
}
_REMEMBERED = 10_000


class TimeRule:
    """Judges the time text of events: `precision` is "day" or "hour", `keep_days` the age of the oldest.

    Counters and snapshots are of a day, whatever the precision of the product.
    """

    def __init__(self, precision: str, keep_days: int) -> None:
        self.precision = precision
        self._form = _FORMS[precision]
        self._keep_days = keep_days
        self._today = -1
        # A batch has few distinct times, and the same ones come again all day.
        self._judged: dict[str, bool] = {}

    def fits(self, text: str, now: float) -> bool:
        """Say whether an event may carry this time; `now` in unix seconds."""
        today = int(now // DAY_SECONDS)
        if today != self._today:
            self._today, self._judged = today, {}
        verdict = self._judged.get(text)
        if verdict is None:
            # Only what has the form is remembered: it is short, and nothing that a sender made up.
            if not self._form.fullmatch(text):
                return False
            verdict = self._judge(text, today)
            if len(self._judged) < _REMEMBERED:
                self._judged[text] = verdict
        return verdict

    def cut(self, seconds: float) -> str:
        """Return unix seconds as the time text of this precision. Raises ValueError beyond year 9999."""
        try:
            moment = datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, OSError) as error:
            raise ValueError("the time is out of range") from error
        return moment.strftime("%Y-%m-%d" if self.precision == "day" else "%Y-%m-%dT%H:00Z")

    def _judge(self, text: str, today: int) -> bool:
        try:
            day = (date.fromisoformat(text[:10]) - date(1970, 1, 1)).days
        except ValueError:
            return False
        # One day ahead is allowed: the instance's clock may stand in another time zone.
        return today - self._keep_days <= day <= today + 1
