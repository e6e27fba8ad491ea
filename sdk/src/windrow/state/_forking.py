"""Keeps a fork out of the middle of a call to a database."""

from __future__ import annotations

import os
import threading

# A fork waits no longer than this: a call that waits for a server or a lock holds none of a library's locks.
_PATIENCE_SECONDS = 0.25


class OutsideOfForks:
    """`with outside_of_forks:` around calls into a library written in C.

    A child inherits the locks that other threads of its parent hold at that moment, for ever. SQLite has
    such locks for the whole process, so the product's own use of it in the child would hang as well.
    """

    _changed: threading.Condition
    _inside: int
    _forking: bool

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._forget)

    def __enter__(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._forking, _PATIENCE_SECONDS)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside = max(0, self._inside - 1)  # 0 before: the child of a fork inside of the call itself
            self._changed.notify_all()

    def _forget(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._forking = False

    def _before(self) -> None:
        self._changed.acquire()
        self._forking = True
        self._changed.wait_for(lambda: self._inside == 0, _PATIENCE_SECONDS)

    def _after(self) -> None:
        self._forking = False
        self._changed.notify_all()
        self._changed.release()


outside_of_forks = OutsideOfForks()
