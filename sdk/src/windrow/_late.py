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


def fetch(*, tls: bool) -> None:
    """Import now all that the flusher will want, also by way of the standard library; the lock is held."""
    import calendar  # noqa: F401 -- these are for the forks that come
    import encodings.idna  # noqa: F401 -- `socket` wants it to look a name up
    import hashlib  # noqa: F401
    import hmac  # noqa: F401
    import time
    import uuid  # noqa: F401

    import windrow.sinks._http  # noqa: F401

    time.strptime("2000-01-01", "%Y-%m-%d")  # its first call imports, too
    if tls:
        import ssl  # noqa: F401


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
