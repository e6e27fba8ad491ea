"""The inbox keeps what it has acknowledged, and hands each batch out in a cut that holds."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from windrow_server.errors import Overloaded
from windrow_server.inbox import Inbox, Row


def row(text: str = "{}", **refused: int) -> Row:
    return Row(1_700_000_000, "hay", "windrow", text.encode(), refused)


def holding(gate: threading.Event) -> Callable[[], None]:
    """A disk that takes its time until the gate opens."""

    def disk() -> None:
        gate.wait(10)

    return disk


@contextmanager
def limited(what: int, soft: int) -> Iterator[None]:
    """What the kernel allows this process meanwhile."""
    before = resource.getrlimit(what)
    resource.setrlimit(what, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(what, before)


def test_a_row_comes_back_as_it_was_put(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    asyncio.run(inbox.put([row('{"a":1}', bad_time=2)]))
    (kept,) = inbox.read(10)
    assert (kept.received, kept.product, kept.wire) == (1_700_000_000, "hay", "windrow")
    assert kept.payload == b'{"a":1}'
    assert kept.refused == {"bad_time": 2}
    assert kept.sequence > 0
    inbox.close()


def test_many_waiters_share_commits_and_all_are_kept(tmp_path: Path) -> None:
    commits = 0

    def count() -> None:
        nonlocal commits
        commits += 1

    async def crowd(inbox: Inbox) -> None:
        await asyncio.gather(*[inbox.put([row()]) for _ in range(500)])

    inbox = Inbox(tmp_path, sync=count)
    asyncio.run(crowd(inbox))
    assert inbox.pending() == 500
    assert commits < 100
    inbox.close()


def test_the_cut_of_a_transfer_holds_until_it_is_done(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.append([row() for _ in range(10)])
    first = inbox.read(4)
    inbox.append([row()])
    inbox.close()
    again = Inbox(tmp_path)
    assert again.read(1_000) == first
    again.done(first[-1].sequence)
    assert [kept.sequence - first[0].sequence for kept in again.read(1_000)] == list(range(4, 11))
    again.close()


def test_the_mark_of_a_cut_holds_as_long_as_the_cut(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.append([row() for _ in range(3)])
    first = inbox.read(2, 7)[-1].sequence
    inbox.close()
    again = Inbox(tmp_path)
    again.read(2, 9)
    assert again.mark(first) == 7
    again.done(first)
    second = again.read(2, 9)[-1].sequence
    assert (again.mark(second), again.mark(first)) == (9, 0)
    again.close()


def test_a_cut_that_an_older_server_made_has_no_mark(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.append([row()])
    last = inbox.read(1, 5)[-1].sequence
    inbox.close()
    with closing(sqlite3.connect(inbox.path)) as older:
        older.execute("drop table mark")
    again = Inbox(tmp_path)
    assert [kept.sequence for kept in again.read(1, 5)] == [last]
    assert again.mark(last) == 0
    again.close()


def test_a_loader_that_comes_late_leaves_the_cut_of_its_successor_alone(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.append([row() for _ in range(10)])
    late = inbox.read(4)
    inbox.done(late[-1].sequence)
    cut = inbox.read(4)
    inbox.done(late[-1].sequence)
    assert inbox.read(1_000) == cut
    inbox.close()


def test_a_transfer_is_bounded_in_bytes_and_no_batch_is_too_large_for_one(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    sizes = [10, 20, 1, 1]
    inbox.append([row("x" * (size * 1024**2)) for size in sizes])
    cuts = []
    while rows := inbox.read(1_000):
        cuts.append([len(kept.payload) // 1024**2 for kept in rows])
        inbox.done(rows[-1].sequence)
    assert cuts == [[10, 20], [1, 1]]
    inbox.close()


def test_a_sequence_is_never_given_twice(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.append([row(), row()])
    last = inbox.read(10)[-1].sequence
    inbox.done(last)
    assert inbox.read(10) == []
    inbox.close()
    inbox = Inbox(tmp_path)
    inbox.append([row()])
    assert inbox.read(10)[0].sequence == last + 1
    inbox.close()


def test_a_file_in_the_place_of_a_lost_one_gives_other_sequences(tmp_path: Path) -> None:
    given = []
    for name in ("lost", "new"):
        inbox = Inbox(tmp_path / name)
        inbox.append([row()])
        given.append(inbox.read(1)[0].sequence)
        inbox.close()
    assert given[0] != given[1]
    assert [sequence & 0xFFFFFFFF for sequence in given] == [1, 1]


def test_a_file_from_before_counts_on(tmp_path: Path) -> None:
    Inbox(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "inbox-1.sqlite", isolation_level=None)) as file:
        file.execute("drop table probe")
        file.execute("update sqlite_sequence set seq = 7")
    inbox = Inbox(tmp_path)
    assert inbox.writable()
    inbox.append([row()])
    assert inbox.read(1)[0].sequence == 8
    inbox.close()


def test_more_than_may_wait_is_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    gate = threading.Event()

    async def flood(inbox: Inbox) -> list[object]:
        waiting = [asyncio.ensure_future(inbox.put([row("x" * 1000)])) for _ in range(20)]
        await asyncio.sleep(0)
        gate.set()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    inbox = Inbox(tmp_path, waiting_bytes=6_000, sync=holding(gate))
    answers = asyncio.run(flood(inbox))
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert 0 < len(refused) < 20
    assert inbox.pending() == 20 - len(refused)
    inbox.close()


def test_a_waiter_that_fails_or_leaves_does_not_stall_the_others(tmp_path: Path) -> None:
    gate = threading.Event()

    async def mixed(inbox: Inbox) -> list[object]:
        first = asyncio.ensure_future(inbox.put([row()]))
        await asyncio.sleep(0.05)  # the writer holds the first; the next three are one group
        unwritable = Row(2**70, "hay", "windrow", b"{}")
        rest = [asyncio.ensure_future(inbox.put([given])) for given in (unwritable, row(), row())]
        await asyncio.sleep(0)
        rest[1].cancel()
        gate.set()
        return list(await asyncio.gather(first, *rest, return_exceptions=True))

    inbox = Inbox(tmp_path, sync=holding(gate))
    first, failed, left, good = asyncio.run(mixed(inbox))
    assert first is None
    assert good is None
    assert isinstance(failed, OverflowError)
    assert isinstance(left, asyncio.CancelledError)
    asyncio.run(inbox.put([row()]))
    inbox.close()


def test_a_disk_that_fails_refuses_the_group_and_the_next_one_is_kept(tmp_path: Path) -> None:
    failing = True

    def disk() -> None:
        if failing:
            raise sqlite3.OperationalError("database or disk is full")

    inbox = Inbox(tmp_path, sync=disk)
    with pytest.raises(Overloaded):
        asyncio.run(inbox.put([row()]))
    failing = False
    asyncio.run(inbox.put([row()]))
    assert inbox.pending() == 1
    inbox.close()


def test_a_full_disk_is_not_writable_and_refuses_until_there_is_room(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    assert inbox.writable()
    asyncio.run(inbox.put([row()]))
    full = inbox.path.with_name(f"{inbox.path.name}-wal").stat().st_size
    with limited(resource.RLIMIT_FSIZE, full):
        assert not inbox.writable()
        with pytest.raises(Overloaded):
            asyncio.run(inbox.put([row("x" * 100_000)]))
    assert inbox.writable()
    asyncio.run(inbox.put([row()]))
    assert inbox.pending() == 2
    inbox.close()


def test_a_batch_is_kept_though_no_more_files_can_be_opened(tmp_path: Path) -> None:
    async def put(inbox: Inbox) -> None:
        with limited(resource.RLIMIT_NOFILE, 3):
            await asyncio.wait_for(inbox.put([row()]), 10)

    inbox = Inbox(tmp_path)
    asyncio.run(put(inbox))
    assert inbox.pending() == 1
    inbox.close()


def test_whatever_fails_in_the_writer_is_answered_and_the_next_batch_is_kept(tmp_path: Path) -> None:
    failing = True

    def disk() -> None:
        if failing:
            raise SystemExit

    inbox = Inbox(tmp_path, sync=disk)
    with pytest.raises(Overloaded):
        asyncio.run(asyncio.wait_for(inbox.put([row()]), 10))
    failing = False
    asyncio.run(asyncio.wait_for(inbox.put([row()]), 10))
    assert inbox.pending() == 1
    assert inbox.writable()
    inbox.close()


def test_a_closed_inbox_takes_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.close()
    assert not inbox.writable()
    with pytest.raises(Overloaded):
        asyncio.run(inbox.put([row()]))


WRITER = """
import asyncio, sys
from collections.abc import Callable
from pathlib import Path
from windrow_server.inbox import Inbox, Row

async def write(inbox, name):
    for number in range(10**9):
        await inbox.put([Row(0, "hay", "windrow", f"{name}-{number}".encode())])
        print(f"{name}-{number}", flush=True)

async def main():
    inbox = Inbox(Path(sys.argv[1]))
    await asyncio.gather(*[write(inbox, f"{sys.argv[2]}-{name}") for name in range(4)])

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for attempt in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(attempt)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(50 + 37 * attempt):
            acknowledged.add(process.stdout.readline().strip())
        os.kill(process.pid, signal.SIGKILL)
        # A line that was cut in the middle by the kill was not acknowledged.
        acknowledged.update(line.strip() for line in process.stdout if line.endswith("\n"))
        process.wait()
        process.stdout.close()
    inbox = Inbox(tmp_path)
    kept = [entry.payload.decode() for entry in inbox.read(10**6)]
    inbox.close()
    assert len(kept) == len(set(kept))
    assert acknowledged <= set(kept)
