"""The guide on states: each of its blocks is run, on the databases that it speaks of."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow.state import MemoryState

from tests.support.databases import Database, PostgreSQL, running
from tests.support.products import CATALOGUE
from tests.support.states import Rows

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "state.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running(PostgreSQL) as server:
        yield server.create()


@pytest.mark.parametrize("block", BLOCKS, ids=[block.strip().splitlines()[-1][:40] for block in BLOCKS])
def test_what_the_guide_shows_keeps_a_row(
    block: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("SQLALCHEMY_URL", database.sqlalchemy_url("psycopg"))
    monkeypatch.setenv("ASYNC_URL", database.sqlalchemy_url("asyncpg"))
    Path("telemetry.toml").write_text(CATALOGUE)
    django = Rows("django-sqlite", tmp_path, None)
    block = block.replace('using="default"', f'using="{django.alias}"')
    names: dict[str, Any] = {"state": MemoryState()}
    exec(block, names)
    assert names["state"].swap("row", None, "a")
    assert names["state"].get("row") == "a"
    assert names["state"].swap("row", "a", None)
    if "telemetry" in names:
        assert isinstance(names["telemetry"], Telemetry)
        names["telemetry"].close()
    if "metadata" in names:
        assert list(names["metadata"].tables) == ["windrow_state"]
    if "sqlite3" in names:
        with sqlite3.connect("product.sqlite") as there:
            assert there.execute("select name from windrow_state").fetchall() == [("format",)]
        there.close()
