"""What the collector is told from outside: which instances are forgotten, and what is wished of a product's instances.

Both are kept in memory, so that a batch costs one look-up, and are read anew from `meta` each second: a command, or
another web process, may have changed them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from windrow_server.meta import Meta, Wish

_LOOK_SECONDS = 1.0
_log = logging.getLogger("windrow.collector")


class Orders:
    """`forgotten` and `wishes` are the same two objects for good; a thread keeps them up to date while `watched`."""

    def __init__(self, meta: Meta) -> None:
        """Read both. Raises what `meta` raises."""
        self._meta = meta
        self._newest = 0
        self.forgotten: set[str] = set()
        self.wishes: dict[str, Wish] = {}
        self.look()

    def look(self) -> None:
        """Read what is new. Raises what `meta` raises."""
        for number, instance in self._meta.forgotten(self._newest):
            self.forgotten.add(instance)
            self._newest = number
        wishes = self._meta.wishes()
        self.wishes.update(wishes)
        for product in self.wishes.keys() - wishes.keys():
            del self.wishes[product]

    def forget(self, instances: Iterable[str]) -> None:
        """Remember for good that these are forgotten, and refuse them from now on. Raises what `meta` raises."""
        new = [instance for instance in instances if instance not in self.forgotten]
        if new:
            self._meta.forget(new)
            self.forgotten.update(new)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look each second, in a thread, for as long as the block runs."""
        stop = threading.Event()
        thread = threading.Thread(target=self._watch, args=(stop,), name="windrow-orders", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(10.0)

    def _watch(self, stop: threading.Event) -> None:
        told = False
        while not stop.wait(_LOOK_SECONDS):
            try:
                self.look()
                told = False
            except SQLAlchemyError as error:
                if not told:
                    _log.warning(
                        "meta.sqlite cannot be read; the last that is known holds: %s", type(error).__name__
                    )
                told = True
