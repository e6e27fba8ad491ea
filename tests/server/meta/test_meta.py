"""The server's memory: token, secrets, catalogues."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from windrow.catalogue import loads
from windrow_server.collector import Orders
from windrow_server.meta import Meta, Wish

from tests.support.catalogue import TOML, sample
from tests.support.waiting import eventually


def test_the_admin_token_is_told_once_and_kept_as_a_hash_only(tmp_path: Path) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    token = meta.ensure_admin_token()
    assert token is not None
    assert meta.ensure_admin_token() is None
    assert meta.check_admin_token(token)
    assert not meta.check_admin_token(token + "x")
    assert not meta.check_admin_token("")
    assert not meta.check_admin_token("\ud800é")
    meta.close()
    assert all(token.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_no_token_opens_a_server_that_has_none(tmp_path: Path) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    assert not meta.check_admin_token("")
    meta.close()


def test_a_new_or_preset_token_ends_the_old_one(tmp_path: Path) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    first = meta.ensure_admin_token()
    assert first is not None
    second = meta.rotate_admin_token()
    assert not meta.check_admin_token(first)
    assert meta.check_admin_token(second)
    assert meta.ensure_admin_token("preset") == "preset"
    assert meta.ensure_admin_token("preset") is None
    assert not meta.check_admin_token(second)
    meta.close()


def test_secrets_and_the_name_stay_the_same(tmp_path: Path) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    again = Meta(tmp_path / "meta.sqlite")
    assert meta.secret("a") == again.secret("a") != meta.secret("b")
    assert len(meta.secret("a")) == 32
    assert meta.collector_name() == again.collector_name()
    meta.close()
    again.close()


def test_every_version_of_a_catalogue_is_remembered_and_the_last_given_is_current(tmp_path: Path) -> None:
    newer = loads(TOML.replace('"playbook"]', '"playbook", "system"]'))
    meta = Meta(tmp_path / "meta.sqlite")
    for catalogue in (sample(), newer, newer):
        meta.register(catalogue)
    assert [kept.digest for kept in meta.catalogues()] == [sample().digest, newer.digest]
    meta.register(sample())
    assert meta.catalogues()[-1].digest == sample().digest
    assert [catalogue.digest for catalogue in meta.current()] == [sample().digest]
    meta.close()


def test_a_new_admin_token_ends_the_sessions_of_the_old_one(tmp_path: Path) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    meta.ensure_admin_token(None)
    before = meta.session_key()
    assert meta.session_key() == before
    meta.rotate_admin_token()
    assert meta.session_key() != before
    meta.close()


def test_a_secret_that_was_made_once_is_read_while_another_process_writes(tmp_path: Path) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    key = meta.session_key()
    with closing(sqlite3.connect(tmp_path / "meta.sqlite")) as writer:
        writer.execute("begin immediate")
        assert meta.session_key() == key
    meta.close()


def test_the_forgotten_are_remembered_once_and_for_good(tmp_path: Path) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    assert meta.forgotten() == []
    meta.forget(["a", "b"])
    meta.forget(["b", "c", "c"])
    numbers = [number for number, _ in meta.forgotten()]
    assert [instance for _, instance in meta.forgotten()] == ["a", "b", "c"]
    assert numbers == sorted(set(numbers))
    assert [instance for _, instance in meta.forgotten(numbers[0])] == ["b", "c"]
    meta.close()
    again = Meta(tmp_path / "meta.sqlite")
    assert [instance for _, instance in again.to_erase(2)] == ["a", "b"]
    again.erased(numbers[:2])
    assert [instance for _, instance in again.to_erase(2)] == ["c"]
    assert len(again.forgotten()) == 3
    again.close()


def test_a_wish_ends_by_itself_and_what_is_not_named_stays(tmp_path: Path) -> None:
    now = [1_000_000.0]
    meta = Meta(tmp_path / "meta.sqlite", lambda: now[0])
    meta.wish("hay", pause_hours=2)
    meta.wish("hay", stop_days=1, sample=0.25)
    assert meta.wishes() == {"hay": Wish(1_086_400, 1_007_200, 0.25)}
    assert meta.wishes()["hay"].at(now[0] + 0.5) == {"pause": 7200, "stop": 86_400, "sample": 0.25}
    now[0] += 7200
    assert meta.wishes()["hay"].at(now[0]) == {"stop": 79_200, "sample": 0.25}
    meta.unwish("hay")
    assert meta.wishes() == {}
    meta.wish("hay", stop_days=1)
    now[0] += 86_400
    assert meta.wishes() == {}
    meta.close()


def test_a_memory_of_the_schema_before_still_opens(tmp_path: Path) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    token = meta.ensure_admin_token()
    meta.register(sample())
    meta.close()
    with closing(sqlite3.connect(tmp_path / "meta.sqlite")) as older:
        older.execute("drop table forgotten")
        older.execute("drop table wishes")
    again = Meta(tmp_path / "meta.sqlite")
    assert again.check_admin_token(token or "")
    assert [catalogue.product.name for catalogue in again.current()] == ["hay"]
    again.forget(["a"])
    again.wish("hay", pause_hours=1)
    assert (len(again.forgotten()), len(again.wishes())) == (1, 1)
    again.close()


def test_what_another_process_has_ordered_is_seen_within_seconds(tmp_path: Path) -> None:
    ours, theirs = Meta(tmp_path / "meta.sqlite"), Meta(tmp_path / "meta.sqlite")
    theirs.forget(["old"])
    orders = Orders(ours)
    assert orders.forgotten == {"old"}
    with orders.watched():
        theirs.forget(["new"])
        theirs.wish("hay", sample=0.5)
        eventually(lambda: orders.forgotten == {"old", "new"} and orders.wishes)
        theirs.unwish("hay")
        eventually(lambda: not orders.wishes)
    ours.close()
    theirs.close()


def test_orders_that_cannot_be_read_hold_as_they_were(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    orders = Orders(meta)
    orders.forget(["a"])
    with orders.watched():
        with closing(sqlite3.connect(tmp_path / "meta.sqlite")) as other:
            other.execute("alter table forgotten rename to aside")
        eventually(lambda: "the last that is known holds" in caplog.text)
        assert orders.forgotten == {"a"}
        with closing(sqlite3.connect(tmp_path / "meta.sqlite")) as other:
            other.execute("alter table aside rename to forgotten")
        meta.forget(["b"])
        eventually(lambda: orders.forgotten == {"a", "b"})
    meta.close()
