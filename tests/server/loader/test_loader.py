"""The loader: each batch once, whatever ends in the middle."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from windrow_server.inbox import Inbox, Row
from windrow_server.loader import drain
from windrow_server.store import Store, StoreError
from windrow_server.store.spawn import spawned

from tests.support.waiting import eventually

INSTANCE = "11111111-1111-4111-8111-111111111111"


def batch(
    *events: tuple[str, str], refused: dict[str, int] | None = None, label: str = "1-9", later: int = 0
) -> Row:
    envelope = {
        "instance_id": INSTANCE,
        "instance_kind": "file",
        "context": {"app_version": "1.4.0"},
        "dropped": {"queue_full": 2} if refused else {},
        "events": [
            {
                "id": made,
                "name": name,
                "time": "2026-11-20",
                "properties": {"count": label, "many": ["a"], "on": True},
            }
            for made, name in events
        ],
    }
    moment = int(time.time()) // 3600 * 3600 + later
    return Row(moment, "hay", "windrow", json.dumps(envelope).encode(), refused or {})


def rows(store: Store) -> list[dict[str, Any]]:
    return store.query("select event, properties, app_version from events final order by event, event_id")


def test_events_refusals_and_rolled_up_days_arrive(inbox: Inbox, store: Store) -> None:
    inbox.append(
        [batch((str(uuid.uuid4()), "tea"), (str(uuid.uuid4()), "tea"), refused={"undeclared_event": 3})]
    )
    assert drain(inbox, store, "c-1") == 2
    assert inbox.pending() == 0
    assert rows(store)[0]["properties"] == {"count": "1-9", "many": '["a"]', "on": "true"}
    days = store.query("select events, app_version, instance_kind from instance_days final")
    assert days == [{"events": 2, "app_version": "1.4.0", "instance_kind": "file"}]
    refused = store.query("select stage, reason, n from refusals order by stage")
    assert refused == [
        {"stage": "collector", "reason": "undeclared_event", "n": 3},
        {"stage": "sdk", "reason": "queue_full", "n": 2},
    ]


@pytest.mark.parametrize("step", ["insert", "rebuild_days", "done"])
def test_a_crash_before_any_step_counts_nothing_twice(
    step: str, inbox: Inbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.append([batch((str(uuid.uuid4()), "tea"), refused={"undeclared_event": 1}) for _ in range(5)])
    with monkeypatch.context() as crashing:

        def crash(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        crashing.setattr(inbox if step == "done" else store, step, crash)
        with pytest.raises(KeyboardInterrupt):
            drain(inbox, store, "c-1")
    inbox.append([batch((str(uuid.uuid4()), "tea"))])  # more has come in meanwhile: the cut must stay
    drain(inbox, store, "c-1")
    assert len(rows(store)) == 6
    assert store.query("select events from instance_days final") == [{"events": 6}]
    assert store.query("select sum(n) as n from refusals where stage = 'collector'") == [{"n": 5}]


def test_an_event_that_is_sent_again_in_another_batch_counts_once(inbox: Inbox, store: Store) -> None:
    event = (str(uuid.uuid4()), "tea")
    for _ in range(3):
        inbox.append([batch(event, (str(uuid.uuid4()), "cake"))])
        drain(inbox, store, "c-1")
    assert [row["event"] for row in rows(store)] == ["cake", "cake", "cake", "tea"]
    assert store.query("select events from instance_days final") == [{"events": 4}]


def test_the_later_of_two_counters_stands(inbox: Inbox, store: Store) -> None:
    counter = (str(uuid.uuid4()), "boiled")
    for later, label in enumerate(("1-9", "10-99")):
        inbox.append([batch(counter, label=label, later=later * 3600)])
        drain(inbox, store, "c-1")
    assert [row["properties"]["count"] for row in rows(store)] == ["10-99"]


def test_an_inbox_in_the_place_of_a_lost_one_is_not_taken_for_it(tmp_path: Path, store: Store) -> None:
    for _ in range(2):
        inbox = Inbox(tmp_path)
        inbox.append([batch((str(uuid.uuid4()), "tea"), refused={"undeclared_event": 1})])
        assert drain(inbox, store, "c-1") == 1
        inbox.close()
        for file in tmp_path.glob("inbox-1.sqlite*"):
            file.unlink()
    assert len(rows(store)) == 2
    assert store.query("select sum(n) as n from refusals final where stage = 'collector'") == [{"n": 2}]


def test_a_transfer_over_a_hundred_months_is_stored(inbox: Inbox, store: Store) -> None:
    for month in range(121):
        one = batch((str(uuid.uuid4()), "tea"))
        day = f"{2010 + month // 12}-{1 + month % 12:02}-01".encode()
        inbox.append([replace(one, payload=one.payload.replace(b"2026-11-20", day))])
    assert drain(inbox, store, "c-1") == 121
    assert len(rows(store)) == 121


def loader(data: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "windrow_server.loader", "--data", str(data)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "WINDROW_STORE_URL": url},
        text=True,
    )


def test_a_full_disk_is_told_once_and_what_waited_is_moved_when_there_is_room(
    inbox: Inbox, store: Store, url: str, tmp_path: Path
) -> None:
    full, free = (0, resource.RLIM_INFINITY), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    database = store.query("select currentDatabase() as name")[0]["name"]
    process = loader(tmp_path, url.replace("/windrow", f"/{database}"))
    inbox.append([batch((str(uuid.uuid4()), "tea"))])
    eventually(lambda: inbox.pending() == 0, within=30)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, full)
    inbox.append([batch((str(uuid.uuid4()), "tea"))])
    assert process.stderr is not None
    assert "WARNING windrow.loader: The inbox does not give events" in process.stderr.readline()
    time.sleep(2)  # two more attempts, of which nothing must be told
    assert process.poll() is None
    assert inbox.pending() == 1
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, free)
    eventually(lambda: inbox.pending() == 0, within=30)
    _, errors = process.communicate(timeout=30)
    assert errors == ""
    assert len(rows(store)) == 2


def test_a_folder_that_cannot_be_used_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "inbox-1.sqlite").write_bytes(b"no database" * 1000)
    process = loader(tmp_path, "http://127.0.0.1:1/windrow")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors == f"The files in {tmp_path} cannot be used: file is not a database\n"


def test_a_store_that_is_gone_loses_nothing(inbox: Inbox, tmp_path: Path) -> None:
    with spawned(tmp_path / "store") as url:
        store = Store.connect(url)
        store.migrate()
    inbox.append([batch((str(uuid.uuid4()), "tea"))])
    with pytest.raises(StoreError):
        drain(inbox, store, "c-1")
    assert inbox.pending() == 1
    store.close()
