"""What fails before the server listens is said with a remedy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from windrow_server.errors import StartError
from windrow_server.supervise.checks import told


def test_a_full_disk_is_told_with_its_own_remedy(tmp_path: Path) -> None:
    path = tmp_path / "full.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t (a)")
        connection.execute("pragma max_page_count = 2")
        with (
            pytest.raises(StartError, match=r"full\.sqlite cannot be used: .*full\. Free some space"),
            told(path),
        ):
            connection.execute("insert into t values (zeroblob(100000))")


def test_a_file_that_another_process_holds_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "held.sqlite"
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(path, timeout=0)) as other:
        one.execute("begin exclusive")
        with pytest.raises(StartError, match="Another process holds it"), told(path):
            other.execute("begin exclusive")
