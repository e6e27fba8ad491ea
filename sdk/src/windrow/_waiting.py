"""What waits to be sent: events, counts by day, and losses by reason."""

from __future__ import annotations

from _collections import deque
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DAY_SECONDS = 86_400


class Waiting:
    """Filled by the product's threads and emptied by the flusher.

    `events` holds name, properties and unix seconds; whoever appends keeps it bounded. `lost` counts all losses of
    the process by drop reason.
    """

    __slots__ = ("_counts", "_lock", "_untold", "events", "lost")

    def __init__(self) -> None:
        self.events: deque[tuple[str, dict[str, object], float]] = deque()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be empty, also in a forked child: the parent sends what was there, and perhaps held the lock."""
        self.events.clear()
        self.lost: dict[str, int] = {}
        self._counts: dict[tuple[str, int], int] = {}
        self._untold: dict[str, int] = {}
        # Reentrant: a signal handler may track() while its own thread is inside lose().
        self._lock = RLock()

    def wipe(self) -> None:
        """Forget what would be sent; what was lost stays counted."""
        self.events.clear()
        self._counts = {}

    def count(self, event: str, n: int, moment: float) -> bool:
        """Add to the counter's day; `moment` in unix seconds. Whether it is the first since the last take."""
        key = event, int(moment // DAY_SECONDS)
        with self._lock:
            first = not self._counts
            self._counts[key] = self._counts.get(key, 0) + n
        return first

    def lose(self, reason: str, n: int) -> None:
        """Count `n` losses, and tell of them with the next batch."""
        with self._lock:
            self.lost[reason] = self.lost.get(reason, 0) + n
            self._untold[reason] = self._untold.get(reason, 0) + n

    def tell_again(self, lost: Mapping[str, int]) -> None:
        """The batch that told of these losses did not arrive: the next one tells of them."""
        with self._lock:
            for reason, n in lost.items():
                self._untold[reason] = self._untold.get(reason, 0) + n

    def take_events(self, most: int) -> list[tuple[str, dict[str, object], float]]:
        """Take up to `most` events, the oldest first."""
        return [self.events.popleft() for _ in range(min(most, len(self.events)))]

    def take_counts(self) -> dict[tuple[str, int], int]:
        """Take what was counted, by counter and day (since 1970)."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts

    def take_losses(self) -> dict[str, int]:
        """Take the losses that no batch has told of yet."""
        with self._lock:
            untold, self._untold = self._untold, {}
        return untold
