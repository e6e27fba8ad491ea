"""What operators had erased: left out of every new transfer, and taken out of the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from windrow_server.meta import Meta
from windrow_server.store import Store

AT_A_TIME = 1_000
_SHARE = 10


class Erasure:
    """The forgotten instances, as the loader knows them. Raises what `meta` and the store raise.

    An instance is refused by the collector, left out here, and erased from the store, in this order: a batch that was
    admitted just before may still come through, and is erased after the transfer that it was in.
    """

    def __init__(self, meta: Meta, clock: Callable[[], float] = time.monotonic) -> None:
        self._meta = meta
        self._clock = clock
        self._numbers: dict[UUID, int] = {}
        self._not_before = 0.0
        self.newest = 0

    def look(self) -> None:
        """Read who is new among the forgotten."""
        for number, instance in self._meta.forgotten(self.newest):
            self._numbers[UUID(instance)] = number
            self.newest = number

    def up_to(self, mark: int) -> Callable[[UUID], bool]:
        """Return what tells whether an instance is among those forgotten up to the number `mark`."""
        numbers = self._numbers
        return lambda instance: 0 < numbers.get(instance, 0) <= mark

    def erase(self, store: Store) -> int:
        """Erase from the store who is not erased yet, when it is time; how many. No cut may be open."""
        begin = self._clock()
        if begin < self._not_before:
            return 0
        waiting = self._meta.to_erase(AT_A_TIME)
        if not waiting:
            return 0
        store.erase([UUID(instance) for _, instance in waiting])
        self._meta.erased(number for number, _ in waiting)
        now = self._clock()
        # The engine writes whole parts anew: events must not wait for more than a tenth of the time.
        self._not_before = now + (_SHARE - 1) * (now - begin)
        return len(waiting)
