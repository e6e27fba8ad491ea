"""The inbox: where a batch becomes durable, before it is acknowledged.

An SQLite file (WAL, `synchronous=FULL`): once a commit returns, the rows survive a kill and a power cut.
The web process writes by *group commit*: one thread commits what has gathered while the commit before it ran,
so that a lone batch waits for no timer and a crowd shares one fsync. The loader, another process, reads.

The loader's cut is written down before it inserts (`transfer`), so that a retry after a crash sends the very
same rows under the same deduplication token.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from windrow_server.errors import Overloaded
from windrow_server.settings import LIMIT

_SCHEMA = """
create table if not exists batches (
    sequence integer primary key autoincrement,
    received integer not null,
    product text not null,
    wire text not null,
    payload blob not null,
    refused text not null
);
create table if not exists transfer (
    only integer primary key check (only = 1),
    first integer not null,
    last integer not null
);
create table if not exists mark (
    only integer primary key check (only = 1),
    last integer not null,
    mark integer not null
);
create table if not exists probe (
    only integer primary key check (only = 1),
    filler blob not null
);
"""
#: Where a file starts to count is its own: tokens and sort keys of the store are made of sequences, so that a file
#: that takes the place of a lost one must not give the same again. The low half starts at zero, since the store
#: orders by it.
_START = """
insert into sqlite_sequence (name, seq)
select 'batches', ? where not exists (select 1 from sqlite_sequence where name = 'batches')
"""
_INSERT = "insert into batches (received, product, wire, payload, refused) values (?, ?, ?, ?, ?)"
#: The first batch always, and what follows as long as the sum before it is below the bound: no batch is stuck.
_CUT = """
with ahead as (
    select sequence, sum(length(payload)) over (order by sequence) - length(payload) as before
    from (select sequence, payload from batches order by sequence limit ?)
)
select min(sequence), max(sequence) from ahead where before < ?
"""
_TRANSFER_BYTES = 16 * 1024**2  # of JSON: as columns in memory it is several times that
#: Of a batch's size, and committed: what is rolled back never reaches the disk, which may be full.
_PROBE = "insert or replace into probe (only, filler) values (1, zeroblob(65536))"
_SELECT = "select received, product, wire, payload, refused, sequence from batches"


@dataclass(frozen=True, slots=True)
class Row:
    """One admitted batch.

    `received`: unix seconds (UTC), cut to the hour; `wire`: "windrow" or "posthog"; `payload`: an admitted
    envelope as JSON; `refused`: counts by drop reason; `sequence`: given by the inbox, 0 before that, ascending from
    a start that no other inbox file has.
    """

    received: int
    product: str
    wire: str
    payload: bytes
    refused: Mapping[str, int] = field(default_factory=dict)
    sequence: int = 0


class _Waiter:
    """One `put` that waits for its commit."""

    __slots__ = ("future", "loop", "rows", "size")

    def __init__(self, rows: Sequence[Row], size: int) -> None:
        self.rows = rows
        self.size = size
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()


class Inbox:
    """The inbox of one ingest process, in `data/inbox-<worker>.sqlite`.

    Thread-safe. Any number of processes may open it; writers take turns.
    `sync` is called before each commit of a group; tests use it to look in between.
    """

    def __init__(
        self,
        data: Path,
        *,
        worker: int = 1,
        waiting_bytes: int = LIMIT["waiting_bytes"],
        sync: Callable[[], None] | None = None,
    ) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.path = data / f"inbox-{worker}.sqlite"
        self._limit = waiting_bytes
        self._sync = sync
        self._waiting: deque[_Waiter] = deque()
        self._bytes = 0
        self._wake = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._connection = self._connect()
        self._connection.executescript(_SCHEMA)
        self._connection.execute(_START, (secrets.randbits(30) << 32,))
        # Opened now and not by the thread: later there may be too many open files.
        self._writer = self._connect()
        _sync_folder(data)

    # ---- the web process -----------------------------------------------------------------------

    async def put(self, rows: Sequence[Row]) -> None:
        """Return once `rows` are on disk, all or none of them.

        Raises `Overloaded` when more than `waiting_bytes` wait already, or when the disk fails.
        """
        size = sum(len(row.payload) + 200 for row in rows)
        with self._wake:
            if self._closed:
                raise Overloaded("the inbox is closed")
            if self._bytes and self._bytes + size > self._limit:
                raise Overloaded("too much waits for the disk")
            self._start()
            waiter = _Waiter(rows, size)
            self._waiting.append(waiter)
            self._bytes += size
            self._wake.notify()
        await waiter.future

    def writable(self) -> bool:
        """Say whether a batch could be written now: write and sync 64 KiB beside the batches."""
        try:
            with self._lock, self._connection as connection:
                connection.execute("begin immediate")
                connection.execute(_PROBE)
        except sqlite3.Error:
            return False
        return self._thread is None or self._thread.is_alive()

    def close(self) -> None:
        """Commit what waits, then close. Later calls do nothing."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            self._writer.close()
            self._connection.close()

    # ---- simulator and loader ------------------------------------------------------------------

    def append(self, rows: Iterable[Row]) -> None:
        """Write `rows` in one synced transaction (for the simulator; blocks). Raises sqlite3.Error."""
        with self._lock:
            _insert(self._connection, rows)

    def pending(self) -> int:
        """Count the batches that the loader has not finished."""
        with self._lock:
            (count,) = self._connection.execute("select count(*) from batches").fetchone()
        return int(count)

    def read(self, limit: int, mark: int = 0) -> list[Row]:
        """Return the next transfer: up to `limit` batches and about 16 MiB in order, or [] when there is none.

        The cut is on disk before this returns: until `done`, every call returns the same rows, also in a new
        process and with another `limit`. `mark` is kept with a new cut: what the reader must know at a retry.
        """
        with self._lock, self._connection as connection:
            connection.execute("begin immediate")
            cut = connection.execute("select first, last from transfer").fetchone()
            if cut is None:
                cut = connection.execute(_CUT, (limit, _TRANSFER_BYTES)).fetchone()
                if cut[0] is None:
                    return []
                connection.execute("insert into transfer (only, first, last) values (1, ?, ?)", cut)
                connection.execute("insert or replace into mark values (1, ?, ?)", (cut[1], mark))
            rows = connection.execute(
                f"{_SELECT} where sequence between ? and ? order by sequence",
                cut,
            ).fetchall()
        return [
            Row(received, product, wire, payload, json.loads(refused), sequence)
            for received, product, wire, payload, refused, sequence in rows
        ]

    def mark(self, last: int) -> int:
        """Return the mark of the cut that ends with `last`; 0 when it was made without one."""
        with self._lock:
            found = self._connection.execute("select mark from mark where last = ?", (last,)).fetchone()
        return int(found[0]) if found else 0

    def done(self, last: int) -> None:
        """Forget the batches up to sequence `last`, which are safe in the store, and their cut.

        A later cut stays: it may belong to another loader, as when a restart overlaps with what it replaces.
        """
        with self._lock, self._connection as connection:
            connection.execute("begin immediate")
            connection.execute("delete from batches where sequence <= ?", (last,))
            connection.execute("delete from transfer where last <= ?", (last,))

    # ---- within --------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        return connection

    def _start(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        thread = threading.Thread(target=self._run, name="windrow-inbox", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise Overloaded(f"the inbox cannot be written: {error}") from error
        self._thread = thread

    def _run(self) -> None:
        while group := self._gathered():
            try:
                errors = self._commit(group)
            except BaseException as error:  # without an answer they would wait for ever
                errors = [Overloaded(f"the inbox cannot be written: {error}")] * len(group)
            with self._wake:
                self._bytes -= sum(waiter.size for waiter in group)
            _answer(group, errors)

    def _gathered(self) -> list[_Waiter]:
        """Wait for waiters; none once the inbox is closed."""
        with self._wake:
            while not self._waiting and not self._closed:
                self._wake.wait()
            group = list(self._waiting)
            self._waiting.clear()
        return group

    def _commit(self, group: list[_Waiter]) -> Sequence[BaseException | None]:
        try:
            if self._sync is not None:
                self._sync()
            _insert(self._writer, (row for waiter in group for row in waiter.rows))
        except sqlite3.OperationalError as error:  # the disk or the lock: it concerns everybody
            return [Overloaded(f"the inbox cannot be written: {error}")] * len(group)
        except Exception:  # one of them is to blame: the others must not suffer for it
            return [_alone(self._writer, waiter) for waiter in group]
        return [None] * len(group)


def _answer(group: list[_Waiter], errors: Sequence[BaseException | None]) -> None:
    answers: dict[asyncio.AbstractEventLoop, list[tuple[_Waiter, BaseException | None]]] = {}
    for waiter, failure in zip(group, errors, strict=True):
        answers.setdefault(waiter.loop, []).append((waiter, failure))
    for loop, ready in answers.items():
        try:
            loop.call_soon_threadsafe(_resolve, ready)
        except RuntimeError:  # that loop is closed: nobody waits there any more
            continue


def _insert(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    connection.execute("begin immediate")
    try:
        connection.executemany(
            _INSERT,
            (
                (
                    row.received,
                    row.product,
                    row.wire,
                    row.payload,
                    json.dumps(dict(row.refused)) if row.refused else "{}",
                )
                for row in rows
            ),
        )
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _alone(connection: sqlite3.Connection, waiter: _Waiter) -> BaseException | None:
    try:
        _insert(connection, waiter.rows)
    except Exception as error:
        return error
    return None


def _resolve(ready: list[tuple[_Waiter, BaseException | None]]) -> None:
    for waiter, error in ready:
        # A waiter whose client has gone is done already; setting it again would raise and stall the rest.
        if waiter.future.done():
            continue
        if error is None:
            waiter.future.set_result(None)
        else:
            waiter.future.set_exception(error)


def _sync_folder(folder: Path) -> None:
    """Make the new file's name durable as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
