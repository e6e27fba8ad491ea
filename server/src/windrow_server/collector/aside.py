"""Work that a stranger can make long, beside the event loop: good batches must not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from windrow_server.errors import Overloaded
from windrow_server.settings import LIMIT

_T = TypeVar("_T")


class Aside:
    """Runs one call at a time in a thread. What waits for its turn is bounded in bytes."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def run(self, size: int, call: Callable[[], _T]) -> _T:
        """Return what `call` returns; it holds `size` bytes until then. Raises `Overloaded`."""
        if self._waiting + size > LIMIT["waiting_bytes"]:
            raise Overloaded
        self._waiting += size
        try:
            async with self._turn:
                return await asyncio.to_thread(call)
        finally:
            self._waiting -= size
