"""State in a database of Django's settings."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections
from django.db.utils import load_backend

from windrow.errors import StateError
from windrow.state import DatabaseState, MemoryState
from windrow.state._table import BRANDS, describe

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

_LOOK_AGAIN_SECONDS = 60.0
_SQLITE_TIMEOUT_SECONDS = 15.0  # as long as a file's lock is waited for


class DjangoState(DatabaseState):
    """Rows in the table `windrow_state`, which `manage.py migrate windrow` makes.

    `using` is the alias of the database. Settings are read at the first call, so that one may be made in a
    settings module. Each call has a connection of its own, outside of the request's and its transaction.
    Before the migration, and in an SQLite database in memory, rows are kept in memory, and `kind` is
    `ephemeral`; once a minute it looks whether the table has come, and then goes on there, from its rows.
    """

    def __init__(self, using: str = "default") -> None:
        super().__init__(lambda: _aside(self._open))
        self._using = using
        self._memory: MemoryState | None = None
        self._next_look = 0.0

    def _elsewhere(self) -> MemoryState | None:
        if self._ready or time.monotonic() < self._next_look:
            return self._memory
        if _aside(self._is_there):
            self._memory, self.kind = None, "database"
        else:
            self._memory, self.kind = self._memory or MemoryState(), "ephemeral"
            self._next_look = time.monotonic() + _LOOK_AGAIN_SECONDS
        return self._memory

    def _is_there(self) -> bool:
        try:
            wrapper = self._wrapper()
            try:
                if wrapper.vendor == "sqlite" and wrapper.is_in_memory_db():
                    return False
                wrapper.connect()
                # Of the driver's own cursor: Django's warns where an application is still starting.
                return self._table in wrapper.introspection.table_names(wrapper.connection.cursor())
            finally:
                with suppress(Exception):
                    wrapper.close()
        except Exception as error:
            raise StateError(
                f"The database {self._using!r} of Django's settings cannot be reached ({describe(error)})."
                " See that it runs, and that its settings are right."
            ) from None

    def _open(self) -> Any:
        """A connection of the driver itself: Django's cursors log values when DEBUG is on."""
        wrapper = self._wrapper()
        wrapper.connect()
        self.called = f"{BRANDS.get(wrapper.vendor, wrapper.vendor)} database"
        self._paramstyle = wrapper.Database.paramstyle
        return wrapper.connection

    def _wrapper(self) -> Any:
        settings = dict(connections[self._using].settings_dict)
        # A pool would be the product's, and would not outlive a fork.
        options = {name: value for name, value in settings["OPTIONS"].items() if name != "pool"}
        if settings["ENGINE"].endswith("sqlite3"):
            options.setdefault("timeout", _SQLITE_TIMEOUT_SECONDS)
        settings.update(OPTIONS=options, CONN_MAX_AGE=0)
        return load_backend(settings["ENGINE"]).DatabaseWrapper(settings, self._using)


def _aside(work: Callable[[], Answer]) -> Answer:
    """Do it, in another thread where an event loop runs in this one: there Django refuses."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(work).result()
