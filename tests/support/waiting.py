"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(condition: Callable[[], Found], *, within: float = 20.0, every: float = 0.05) -> Found:
    """The first true answer of `condition`; fails when there was none `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"nothing in {within} seconds; the last answer was {found!r}"
        time.sleep(every)
