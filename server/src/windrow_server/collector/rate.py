"""How often something may be asked for one key, counted in memory."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from windrow_server.errors import Refusal


class Rate:
    """At most `most` in any window of `seconds` for one key; a window begins with the first. Thread-safe.

    Ask for known keys only: each is remembered.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def take(self, key: str, n: int = 1) -> None:
        """Count `n` for `key`. Raises `Refusal` ("too_many_requests") when that is too many, and counts nothing."""
        now = self._clock()
        with self._lock:
            begin, count = self._windows.get(key, (now, 0))
            if now >= begin + self._seconds:
                begin, count = now, 0
            if count + n > self._most:
                raise Refusal("too_many_requests", after=max(1, math.ceil(begin + self._seconds - now)))
            self._windows[key] = begin, count + n
