"""Imports that are made late, and perhaps in the flusher's thread, while the product may fork at any moment.

A child that is forked in the middle of an import waits for ever when it wants the same module: the thread that would
end it did not come along. So a fork waits for the end of ours.
"""

from __future__ import annotations

import os
from _thread import RLock

_WAIT_SECONDS = 1.0

#: Held around each late import. Reentrant, for a signal handler may fork.
lock = RLock()


def _before() -> None:
    lock.acquire(timeout=_WAIT_SECONDS)


def _in_parent() -> None:
    if lock._is_owned():  # type: ignore[attr-defined]  # threading.Condition asks it in the same way
        lock.release()


def _in_child() -> None:
    global lock
    lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
