"""The store process, asked by an unmodified clickhouse-connect over real HTTP."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError
from windrow_server.store import Store, StoreError, client
from windrow_server.store.spawn import spawned

HOSTILE = [
    "it's",
    'a "quote"',
    "back\\slash",
    "tab\tand\nline",
    "ünï🌾",
    "{x:String}",
    "%s %(x)s",
    "'; drop table t; --",
    "",
]
PROCESS = (sys.executable, "-m", "windrow_server.store.process")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with spawned(tmp_path_factory.mktemp("store")) as address:
        yield address


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.connect(url)
    opened.migrate()
    yield opened
    opened.close()


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROCESS, "--data", str(folder), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "WINDROW_STORE_TOKEN": "t"},
        text=True,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_a_bound_text_comes_back_as_it_went(store: Store, text: str) -> None:
    assert store.query("select {x:String} as x", {"x": text}) == [{"x": text}]


def test_days_numbers_and_lists_are_bound(store: Store) -> None:
    days = [date(2026, 1, 2), date(2026, 2, 3)]
    asked = "select {day:Date} as day, {n:UInt32} as n, {days:Array(Date)} as days"
    assert store.query(asked, {"day": days[0], "n": 7, "days": days}) == [
        {"day": days[0], "n": 7, "days": days}
    ]


@pytest.mark.parametrize(
    ("sql", "code"), [("selec 1", 62), ("select * from nowhere", 60), ("select nothing_such", 47)]
)
def test_a_mistake_is_answered_with_the_code_of_clickhouse(store: Store, sql: str, code: int) -> None:
    with pytest.raises(StoreError, match=f"Code: {code}"):
        store.query(sql)


def test_another_token_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="516"):
        Store.connect(f"http://default:guess@{url.partition('@')[2]}")


def test_the_same_rows_under_the_same_token_count_once(store: Store) -> None:
    store.command(
        "create table if not exists twice (a UInt32) engine = MergeTree order by a"
        " settings non_replicated_deduplication_window = 100"
    )
    token = str(uuid4())
    for _ in range(3):
        store.insert("twice", {"a": [1, 2]}, token)
    assert store.query("select count() as n from twice") == [{"n": 2}]


MONTHS = [date(2000 + month // 12, 1 + month % 12, 1) for month in range(146)]


@pytest.fixture
def by_month(store: Store) -> Iterator[str]:
    name = f"m{uuid4().hex}"
    store.command(
        f"create table {name} (day Date, note String default 'none', id UUID, tags Map(String, String))"
        " engine = MergeTree partition by toYYYYMM(day) order by day"
    )
    yield name
    store.command(f"drop table {name}")


def test_rows_of_many_months_are_stored_by_one_insert(store: Store, by_month: str) -> None:
    store.insert(by_month, {"day": MONTHS}, "months")
    assert store.query(f"select count() as n from {by_month}") == [{"n": len(MONTHS)}]


def test_an_insert_that_the_table_refuses_is_an_error(
    store: Store, by_month: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(client._INSERT_SETTINGS, "max_partitions_per_insert_block", 100)
    with pytest.raises(StoreError, match="Code: 252"):
        store.insert(by_month, {"day": MONTHS}, "months")
    assert store.query(f"select count() as n from {by_month}") == [{"n": 0}]


def test_rows_that_are_no_rows_are_an_error(store: Store, by_month: str) -> None:
    with pytest.raises(ClickHouseError, match="Code: 38"):
        store._client.raw_insert(by_month, ["day"], b'{"day":"never"}', fmt="JSONEachRow")


def test_columns_arrive_as_they_went_and_left_out_ones_have_their_default(
    store: Store, by_month: str
) -> None:
    row = {"day": date(2026, 1, 2), "id": uuid4(), "tags": {"it's": "ünï🌾"}}
    store.insert(by_month, {name: [value] for name, value in row.items()}, "one")
    assert store.query(f"select * from {by_month}") == [row | {"note": "none"}]


def test_an_insert_leaves_no_file_behind(tmp_path: Path) -> None:
    with spawned(tmp_path) as url:
        store = Store.connect(url)
        before = sorted(tmp_path.iterdir())
        store.command("create table one (a UInt8) engine = Memory")
        store.insert("one", {"a": [1]}, "one")
        store.close()
        assert sorted(tmp_path.iterdir()) == before


def test_settings_of_one_query_do_not_leak_into_the_next(store: Store) -> None:
    asked = "select value from system.settings where name = 'max_result_rows'"
    before = store.query(asked)
    store._client.query(asked, settings={"max_result_rows": 12345})
    assert store.query(asked) == before


def test_a_large_answer_arrives_whole(store: Store) -> None:
    assert len(store.query("select number, toString(number) as text from numbers(200000)")) == 200_000


def test_a_store_that_hangs_is_soon_not_ready(tmp_path: Path) -> None:
    with spawned(tmp_path) as url:
        store = Store.connect(url)
        assert store.ready()
        process = int((tmp_path / "data" / "status").read_text().split()[1])
        os.kill(process, signal.SIGSTOP)
        try:
            assert not store.ready()
        finally:
            os.kill(process, signal.SIGCONT)
        assert store.ready()
        store.close()


def test_a_store_that_is_gone_is_told_of_without_its_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with spawned(tmp_path) as url:
        store = Store.connect(url)
    with caplog.at_level(logging.WARNING), pytest.raises(StoreError) as told:
        store.query("select 1")
    with pytest.raises(StoreError, match="does not answer") as refused:
        Store.connect(url)
    assert not [text for text in (str(told.value), str(refused.value), caplog.text) if "127.0.0.1" in text]
    assert not store.ready()
    store.close()


def test_an_answer_of_the_store_is_told_without_its_address(store: Store) -> None:
    with pytest.raises(StoreError) as told:
        store.query("select * from nowhere")
    assert "http" not in str(told.value)


def test_an_erasure_that_fails_is_told_without_the_id(store: Store) -> None:
    instance = str(uuid4())
    with pytest.raises(StoreError) as told:
        store.query("select throwIf(1, toString({id:UUID}))", {"id": instance})
    assert "Code: 395" in str(told.value)
    assert instance not in str(told.value)


def test_it_answers_to_a_ping_without_a_token(url: str) -> None:
    with urllib.request.urlopen(f"http://{url.partition('@')[2].partition('/')[0]}/ping") as reply:
        assert reply.read() == b"Ok.\n"


@pytest.mark.parametrize("end", ["input", "signal"])
def test_it_ends_in_order_with_its_parent_or_by_signal(end: str, tmp_path: Path) -> None:
    process = start(tmp_path)
    assert process.stdout is not None
    assert process.stdin is not None
    assert "port" in json.loads(process.stdout.readline())
    if end == "input":
        process.stdin.close()
    else:
        process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, -signal.SIGTERM)
    for pipe in (process.stdin, process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()


def test_it_ends_when_its_parent_has_gone_before_it_was_up(tmp_path: Path) -> None:
    process = start(tmp_path)
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()
    assert process.wait(30) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()


def test_a_second_process_over_the_same_folder_is_told_why_not(tmp_path: Path) -> None:
    with spawned(tmp_path):
        second = start(tmp_path, "--patience", "0.2")
        _, errors = second.communicate(timeout=30)
        assert second.returncode == 1
        assert "another store process has it open" in errors


def test_a_successor_waits_until_its_predecessor_has_gone(tmp_path: Path) -> None:
    with spawned(tmp_path):
        second = start(tmp_path)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1)
    assert second.stdout is not None
    assert "port" in json.loads(second.stdout.readline())
    second.communicate(timeout=30)


def test_a_store_of_the_schema_before_gets_what_it_lacks_and_keeps_what_it_has(store: Store) -> None:
    instance = uuid4()
    row: dict[str, list[Any]] = {
        "product": ["hay"],
        "day": [date(2026, 11, 24)],
        "instance_id": [instance],
        "instance_kind": ["file"],
        "app_version": [""],
        "events": [1],
        "rebuilt": [1],
    }
    store.insert("instance_days", row, str(uuid4()))
    store.command("drop table batches")
    store.migrate()
    assert store.query("select count() as n from batches") == [{"n": 0}]
    found = "select count() as n from instance_days where instance_id = {id:UUID}"
    assert store.query(found, {"id": instance}) == [{"n": 1}]


def test_the_numbers_of_batches_are_pruned_after_ninety_days(store: Store) -> None:
    today, instance = date(2026, 11, 24), uuid4()
    days = [today - timedelta(days=n) for n in (0, 89, 90, 91, 400)]
    store.insert(
        "batches",
        {
            "product": ["hay"] * 5,
            "day": days,
            "instance_id": [instance] * 5,
            "instance_kind": ["file"] * 5,
            "number": [1] * 5,
            "batch_id": [uuid4() for _ in days],
        },
        str(uuid4()),
    )
    for _ in range(2):
        store.prune_batches(today)
        kept = store.query("select day from batches where instance_id = {id:UUID}", {"id": instance})
        assert {row["day"] for row in kept} == set(days[:3])
