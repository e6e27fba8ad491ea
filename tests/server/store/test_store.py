"""The store process, asked by an unmodified clickhouse-connect over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from windrow_server.store import Store, StoreError
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


def test_settings_of_one_query_do_not_leak_into_the_next(store: Store) -> None:
    asked = "select value from system.settings where name = 'max_result_rows'"
    before = store.query(asked)
    store._client.query(asked, settings={"max_result_rows": 12345})
    assert store.query(asked) == before


def test_a_large_answer_arrives_whole(store: Store) -> None:
    assert len(store.query("select number, toString(number) as text from numbers(200000)")) == 200_000


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
