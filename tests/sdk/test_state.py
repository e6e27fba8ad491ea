"""What an instance remembers, on real files."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

import pytest
from windrow._identity import PURPOSES, Identity, identify_instance
from windrow.errors import StateError
from windrow.state import FileState, MemoryState, open_folder


def test_a_swap_changes_a_row_only_if_nobody_was_faster(tmp_path: Path) -> None:
    for state in (MemoryState(), FileState(str(tmp_path))):
        assert state.swap("row", None, "a")
        assert not state.swap("row", None, "b")
        assert state.swap("row", "a", "b")
        assert state.items("r") == [("row", "b")]
        assert state.swap("row", "b", None)
        assert state.get("row") is None


def test_threads_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    def add(state: FileState) -> None:
        for _ in range(10):
            while not state.swap("n", found := state.get("n"), str(int(found or 0) + 1)):
                pass

    threads = [threading.Thread(target=add, args=(FileState(str(tmp_path)),)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert FileState(str(tmp_path)).get("n") == "50"


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    open_folder(str(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "state.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("age", [60, -60])
def test_a_lock_that_a_killed_process_left_behind_is_removed(tmp_path: Path, age: int) -> None:
    state = FileState(str(tmp_path))
    lock = tmp_path / "state.lock"
    lock.touch()
    os.utime(lock, (time.time() - age,) * 2)
    assert state.swap("row", None, "a")
    assert not lock.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"secret": 5}', "[" * 100_000, "\udcff"])
def test_damaged_state_is_refused_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(StateError):
        open_folder(str(tmp_path))
    assert path.read_bytes() == text.encode(errors="surrogateescape")


@pytest.mark.parametrize("secret", ["", "zz", "ab" * 31])
def test_a_damaged_secret_is_not_replaced_by_another(secret: str) -> None:
    state = MemoryState()
    state.swap("secret", None, secret)
    with pytest.raises(StateError):
        identify_instance(state)
    assert state.get("secret") == secret


def test_each_purpose_has_its_own_key_and_two_instances_share_none() -> None:
    keys = {Identity(bytes([n]) * 32).token(purpose) for n in (1, 2) for purpose in PURPOSES}
    assert len(keys) == 2 * len(PURPOSES)


def test_the_keys_are_those_of_the_contract() -> None:
    identity = Identity(bytes(range(32)))
    assert identity.at("2026-11-24") == Identity(bytes(range(32))).at("2031-01-01")
    # RFC 5869 without salt, info "windrow/erase", 32 bytes; worked out by `openssl kdf … HKDF`.
    assert identity.token("erase").hex() == "9c843a5d50e716e1a221620a918c365621cd7cae10429ef38ff6329ba975c62c"
