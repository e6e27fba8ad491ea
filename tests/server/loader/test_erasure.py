"""What an operator had erased stays erased, whatever is still on its way and whatever ends in the middle."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from windrow_server.inbox import Inbox, Row
from windrow_server.loader import drain
from windrow_server.loader.erasure import Erasure
from windrow_server.meta import Meta
from windrow_server.store import Store
from windrow_server.store.spawn import spawned

from tests.support.catalogue import write_catalogue
from tests.support.http import post
from tests.support.operators import Operator
from tests.support.server import LOADER, children, running_server, start_server, store_of
from tests.support.waiting import eventually

MINE, YOURS = (str(uuid.uuid4()) for _ in range(2))
DAYS = ("2026-10-31", "2026-11-20")
TABLES = ("events", "instance_days", "batches")


@pytest.fixture
def meta(tmp_path: Path) -> Iterator[Meta]:
    opened = Meta(tmp_path / "meta.sqlite")
    yield opened
    opened.close()


def batch(instance: str, *days: str, refused: dict[str, int] | None = None) -> Row:
    events = [{"id": str(uuid.uuid4()), "name": "tea", "time": day, "properties": {}} for day in days or DAYS]
    envelope = {
        "batch_id": str(uuid.uuid4()),
        "instance_id": instance,
        "instance_kind": "file",
        "sequence": 1,
        "dropped": {"queue_full": 9},
        "events": events,
    }
    return Row(
        int(time.time()) // 3600 * 3600, "hay", "windrow", json.dumps(envelope).encode(), refused or {}
    )


def load(inbox: Inbox, store: Store, meta: Meta) -> None:
    """What the loader does in one turn, as a process that has just begun."""
    erasure = Erasure(meta)
    erasure.look()
    drain(inbox, store, "c-1", erasure=erasure)
    erasure.erase(store)


def counts(store: Store, instance: str, final: str = "") -> list[int]:
    """How many rows each table has of an instance; all of them, unless `final` leaves out those that were replaced."""
    counted = f"select count() as n from {{}} {final} where instance_id = {{{{id:UUID}}}}"
    return [store.query(counted.format(table), {"id": instance})[0]["n"] for table in TABLES]


def both(store: Store) -> tuple[list[int], list[int]]:
    return counts(store, MINE), counts(store, YOURS, "final")


def test_what_waits_in_the_inbox_is_left_out_and_counted(inbox: Inbox, store: Store, meta: Meta) -> None:
    inbox.append([batch(MINE, refused={"invalid_value": 1}), batch(YOURS)])
    meta.forget([MINE])
    load(inbox, store, meta)
    assert inbox.pending() == 0
    assert both(store) == ([0, 0, 0], [2, 2, 1])
    refused = store.query("select reason, stage, n from refusals order by reason")
    assert [tuple(row.values()) for row in refused] == [
        ("forgotten", "collector", 2),
        ("invalid_value", "collector", 1),
        ("queue_full", "sdk", 9),
    ]


@pytest.mark.parametrize("step", ["insert", "rebuild_days", "done"])
def test_an_instance_that_is_forgotten_in_the_middle_of_a_transfer_is_erased_after_it(
    step: str, inbox: Inbox, store: Store, meta: Meta, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One of them is alone in a month: a retry that left it out would not meet what the first attempt has inserted.
    inbox.append([batch(MINE), batch(MINE, "2026-09-01"), batch(YOURS)])
    with monkeypatch.context() as crashing:

        def crash(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        crashing.setattr(inbox if step == "done" else store, step, crash)
        with pytest.raises(KeyboardInterrupt):
            load(inbox, store, meta)
    meta.forget([MINE])
    sent = []
    insert = store.insert

    def watched(table: str, columns: Any, token: str) -> None:
        sent.append(columns)
        insert(table, columns, token)

    monkeypatch.setattr(store, "insert", watched)
    load(inbox, store, meta)
    assert len(sent[0]["event"]) == 5  # the very rows of the first attempt
    assert both(store) == ([0, 0, 0], [2, 2, 1])
    inbox.append([batch(MINE), batch(YOURS)])
    load(inbox, store, meta)
    assert counts(store, MINE) == [0, 0, 0]
    assert store.query("select sum(events) as n from instance_days final") == [{"n": 4}]


@pytest.mark.parametrize("tables", [0, 1, 2, 3])
def test_a_crash_in_the_middle_of_an_erasure_leaves_it_to_be_done_again(
    tables: int, inbox: Inbox, store: Store, meta: Meta, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.append([batch(MINE), batch(YOURS)])
    load(inbox, store, meta)
    meta.forget([MINE])
    with monkeypatch.context() as crashing:
        left = [tables]
        command = store.command

        def until_it_crashes(*values: object) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            command(*values)  # type: ignore[arg-type]  # passed on as they came

        crashing.setattr(store, "command", until_it_crashes)
        crashing.setattr(meta, "erased", lambda _: until_it_crashes())
        with pytest.raises(KeyboardInterrupt):
            load(inbox, store, meta)
    load(inbox, store, meta)
    assert both(store) == ([0, 0, 0], [2, 2, 1])
    assert meta.to_erase(10) == []


def test_nobody_is_looked_for_in_the_store_twice(inbox: Inbox, store: Store, meta: Meta) -> None:
    meta.forget([MINE])
    erasure = Erasure(meta)
    assert [erasure.erase(store), erasure.erase(store)] == [1, 0]


def test_erasing_takes_a_tenth_of_the_time_at_most(store: Store, meta: Meta) -> None:
    now = iter([0.0, 5.0, 6.0, 49.9, 50.1, 51.0])
    erasure = Erasure(meta, lambda: next(now))
    meta.forget([MINE])
    assert erasure.erase(store) == 1  # from 0 to 5
    meta.forget([YOURS])
    assert [erasure.erase(store) for _ in range(3)] == [0, 0, 1]


@pytest.mark.e2e
def test_a_kill_between_the_answer_and_the_erasure_does_not_bring_anything_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = start_server(data, [write_catalogue(tmp_path)])
    server.wait_ready()
    operator = Operator(server.url)
    replayed = operator.batch(sequence=0)
    assert post(server.url + "/v1/batch", replayed).json["accepted"] == 1
    store, loader = store_of(server), children(server)[LOADER]
    eventually(lambda: counts(store, operator.instance) == [1, 1, 1])
    os.kill(loader, signal.SIGSTOP)
    assert operator.send(sequence=1).json["accepted"] == 1  # stays in the inbox
    assert operator.forget().status == 200
    assert counts(store, operator.instance) == [1, 1, 1]
    store.close()
    os.kill(loader, signal.SIGKILL)
    server.kill()
    server = start_server(data)
    try:
        refused = post(server.url + "/v1/batch", replayed)
        assert refused.json == {"accepted": 0, "refused": {"forgotten": 1}}
        server.wait_ready()
        operator.url = server.url
        assert operator.events() == []
        store = store_of(server)
        eventually(lambda: counts(store, operator.instance) == [0, 0, 0])
        store.close()
        inbox = Inbox(data)
        eventually(lambda: inbox.pending() == 0)
        inbox.close()
    finally:
        server.stop()
    with spawned(data / "store") as url:
        store = Store.connect(url)
        assert counts(store, operator.instance) == [0, 0, 0]
        store.close()


@pytest.mark.e2e
def test_batches_that_were_taken_before_the_answer_never_come_through(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        operator, store = Operator(server.url), store_of(server)
        loader = children(server)[LOADER]
        os.kill(loader, signal.SIGSTOP)
        accepted = [operator.send(sequence=number).json["accepted"] for number in range(3)]
        assert operator.forget().status == 200
        os.kill(loader, signal.SIGCONT)
        assert accepted == [1, 1, 1]
        forgotten = "select sum(n) as n from windrow.refusals final where reason = 'forgotten'"
        eventually(lambda: store.query(forgotten) == [{"n": 3}])
        assert counts(store, operator.instance) == [0, 0, 0]
        store.close()
