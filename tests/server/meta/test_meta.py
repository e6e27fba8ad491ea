"""The server's memory: token, secrets, catalogues."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from windrow.catalogue import loads
from windrow_server.meta import Meta

from tests.support.catalogue import TOML, sample


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
    assert meta.products() == [("hay", "Hay")]
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
