"""What a text names: a folder, memory, or a database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from windrow.errors import StateError
from windrow.state import FileState, MemoryState, open_url

from tests.support.databases import PASSWORD, Server

HIDDEN = quote(PASSWORD, safe="")


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}"])
def test_a_path_names_a_folder(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "a state"
    text = str(folder) if form == "{}" else quote(str(folder))
    state = open_url(form.format(text))
    assert isinstance(state, FileState)
    assert state.folder == str(folder)


def test_memory_is_named_so() -> None:
    assert isinstance(open_url("memory:"), MemoryState)
    assert isinstance(open_url(""), MemoryState)


def test_a_look_at_a_database_that_is_not_there_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "an instance%.sqlite"
    state = open_url(f"sqlite:///{quote(str(path))}")
    with pytest.raises(StateError, match="There is no database at"):
        state.get("secret")
    assert not path.exists()
    path.touch()
    assert state.swap("row", None, "a")
    assert open_url(f"sqlite:///{quote(str(path))}?timeout=1&table=windrow_state").get("row") == "a"


def test_a_relative_path_of_sqlite_has_three_slashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("product.sqlite").touch()
    assert open_url("sqlite:///product.sqlite").get("row") is None
    assert Path("product.sqlite").stat().st_size


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg"])
def test_postgresql_is_asked_with_whatever_is_installed(postgresql: Server, scheme: str) -> None:
    address = postgresql.create().url.partition("://")[2]
    state = open_url(f"{scheme}://{address}")
    assert state.swap("row", None, "a")
    assert open_url(f"postgresql://{address}&connect_timeout=5&application_name=a%20b").get("row") == "a"


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"])
def test_mysql_and_mariadb_are_one(mariadb: Server, scheme: str) -> None:
    address = mariadb.create().url.partition("://")[2]
    assert open_url(f"{scheme}://{address}&read_timeout=5&charset=latin1").swap("row", None, "ü")
    assert open_url(f"mysql://{address}").get("row") == "ü"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://windrow_tests:{HIDDEN}@127.0.0.1:1/secret_name",
        f"postgresql://windrow_tests:{HIDDEN}@127.0.0.1:port/secret_name",
        f"postgresql://windrow_tests:{HIDDEN}@127.0.0.1:1/secret_name?c4nary=1",
        f"postgresql+asyncpg://windrow_tests:{HIDDEN}@127.0.0.1:1/secret_name",
        f"postgresql+asyncpg://windrow_tests:{HIDDEN}@127.0.0.1:port/secret_name",
        f"postgresql+nosuch://windrow_tests:{HIDDEN}@127.0.0.1:1/secret_name",
        f"mysql://windrow_tests:{HIDDEN}@127.0.0.1:1/secret_name",
        f"mysql://windrow_tests:{HIDDEN}@127.0.0.1:port/secret_name",
        f"mysql://windrow_tests:{HIDDEN}@127.0.0.1:99999/secret_name",
        f"mysql://windrow_tests:{HIDDEN}@[127.0.0.1/secret_name",
        f"mysql://windrow_tests:{HIDDEN}@127.0.0.1:1/secret_name?read_timeout=c4nary",
        f"mysql://windrow_tests:{HIDDEN}@127.0.0.1:1/secret_name?ssl_mode=1",
        f"mongodb://windrow_tests:{HIDDEN}@127.0.0.1:1/secret_name",
        f"postgresql://windrow_tests:{HIDDEN}@127.0.0.1:1/secret_name?table=Robert",
    ],
)
def test_no_message_has_a_part_of_the_address(text: str) -> None:
    with pytest.raises(StateError) as refusal:
        open_url(text).get("row")
    shown = str(refusal.value)
    assert refusal.value.__cause__ is None
    assert not any(part in shown for part in ("c4nary", "windrow_tests", "127.0.0.1", "secret_name"))


def test_a_missing_driver_is_named_with_what_to_install() -> None:
    # -S: an interpreter with the standard library and the client, and no package.
    source = Path(__file__).parents[2] / "sdk" / "src"
    script = """
from windrow.errors import StateError
from windrow.state import open_url
for kind in ("postgresql", "mysql", "postgresql+psycopg2"):
    try:
        open_url(f"{kind}://a:b@c/d")
    except StateError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "No driver for PostgreSQL is installed: pip install 'psycopg[binary]'.",
        "No driver for MySQL is installed: pip install 'PyMySQL'.",
        "No driver for PostgreSQL of the name psycopg2 is installed: pip install 'psycopg[binary]'.",
    ]


def test_no_driver_is_imported_before_the_first_call() -> None:
    script = """
import sys
import windrow.state
assert "windrow.state._database" not in sys.modules
from windrow.state import open_url
open_url("postgresql://a:b@c/d"), open_url("mysql://a:b@c/d"), open_url("sqlite:////d")
print([name for name in ("psycopg", "pymysql", "sqlite3", "sqlalchemy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
