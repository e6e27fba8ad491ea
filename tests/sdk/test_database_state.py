"""One contract for every kind of state, on real files and real database servers."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import MetaData, create_engine, event, inspect
from windrow._identity import identify_instance
from windrow.errors import StateError
from windrow.integrations.sqlalchemy import SQLAlchemyState, windrow_table
from windrow.state import DatabaseState, open_url

from tests.support.databases import ACCOUNT, PASSWORD, Database, MariaDB, Server
from tests.support.states import DATABASES, KINDS, Rows, busy, in_children

LARGE = "ü€𝒳 %_'\"\\!" * 100_000  # 1.7 MB


@pytest.fixture
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Rows:
    kind: str = request.param
    if KINDS[kind] == "folder":
        return Rows(kind, tmp_path, None)
    server: Server = request.getfixturevalue(KINDS[kind])
    return Rows(kind, tmp_path, server.create())


@pytest.fixture(params=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Database:
    server: Server = request.getfixturevalue(request.param)
    return server.create()


every_state = pytest.mark.parametrize("rows", KINDS, indirect=True)
every_shared_state = pytest.mark.parametrize(
    "rows", [kind for kind in KINDS if kind != "memory"], indirect=True
)
every_database = pytest.mark.parametrize("rows", DATABASES, indirect=True)
every_server = pytest.mark.parametrize(
    "rows", [kind for kind in DATABASES if KINDS[kind] != "folder"], indirect=True
)


@every_state
def test_a_swap_changes_a_row_only_if_it_is_what_one_thinks(rows: Rows) -> None:
    state = rows.open()
    assert not state.swap("row", "a", "b")
    assert state.swap("row", None, "a")
    assert not state.swap("row", None, "b")
    assert not state.swap("row", "A", "b")
    assert state.swap("row", "a", "b")
    assert not state.swap("row", "a", None)
    assert state.get("row") == "b"
    assert state.get("ROW") is None
    assert state.swap("row", "b", None)
    assert state.get("row") is None


@every_state
def test_a_swap_for_the_same_value_says_whether_it_is_there(rows: Rows) -> None:
    state = rows.open()
    assert state.swap("row", None, None)
    assert state.swap("row", None, "a")
    assert state.swap("row", "a", "a")
    assert not state.swap("row", "b", "b")
    assert not state.swap("row", None, None)


@every_state
def test_a_prefix_is_no_pattern(rows: Rows) -> None:
    state = rows.open()
    for name in ("tea_made:1", "tea-made:1", "Tea_made:1", "50%:1", "50x:1", "a!b:1", "a\\b:1"):
        assert state.swap(name, None, name)
    assert state.items("tea_") == [("tea_made:1", "tea_made:1")]
    assert state.items("50%") == [("50%:1", "50%:1")]
    assert state.items("a!") == [("a!b:1", "a!b:1")]
    assert state.items("a\\") == [("a\\b:1", "a\\b:1")]
    assert state.items("ü") == []
    assert len([name for name, _ in state.items("") if name != "format"]) == 7


@every_state
def test_a_value_comes_back_as_it_was_in_any_script_and_of_any_size(rows: Rows) -> None:
    state = rows.open()
    assert state.swap("ledger:2026-01-01T10:1", None, LARGE)
    assert rows.kind == "memory" or rows.open().get("ledger:2026-01-01T10:1") == LARGE
    assert state.items("ledger:") == [("ledger:2026-01-01T10:1", LARGE)]
    assert state.swap("ledger:2026-01-01T10:1", LARGE, "")
    assert state.get("ledger:2026-01-01T10:1") == ""


@every_database
@pytest.mark.parametrize("key", ["", "ü", "x" * 192, "a\0b"])
def test_a_name_that_one_database_would_not_keep_is_refused_by_all(rows: Rows, key: str) -> None:
    with pytest.raises(StateError, match="ASCII"):
        rows.open().swap(key, None, "a")


@every_shared_state
def test_threads_that_add_at_once_lose_nothing(rows: Rows) -> None:
    state = rows.open()
    failures: list[Exception] = []

    def add() -> None:
        try:
            for _ in range(3):
                while not state.swap("n", found := state.get("n"), str(int(found or 0) + 1)):
                    pass
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert state.get("n") == "24"


@every_database
def test_threads_that_take_and_give_back_at_once_do_not_fail(rows: Rows) -> None:
    # Inserts that wait for one delete are what InnoDB calls a deadlock.
    state = rows.open()
    held: list[str] = []
    failures: list[object] = []

    def take(holder: str) -> None:
        try:
            for _ in range(8):
                if state.swap("lease", None, holder):
                    held.append(holder)
                    assert held == [holder], "two hold it"
                    held.clear()
                    assert state.swap("lease", holder, None)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=take, args=(str(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@every_shared_state
def test_of_twenty_processes_that_begin_at_once_one_makes_the_table_and_one_the_secret(rows: Rows) -> None:
    ids = in_children(20, lambda: identify_instance(rows.open()).at("2026-01-01"))
    assert set(ids) == {identify_instance(rows.open()).at("2026-01-01")}


@every_shared_state
def test_a_child_that_is_forked_in_the_middle_of_a_call_can_go_on(rows: Rows) -> None:
    state = rows.open()
    state.swap("row", None, "a")
    with busy(lambda: state.swap("row", "a", "a")):
        for _ in range(3):
            assert in_children(2, lambda: str(state.get("row"))) == ["a", "a"]
    assert state.get("row") == "a"


# PyMySQL leaves a socket to the garbage collector where nobody listens.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket")
@every_server
def test_a_server_that_was_killed_and_started_again_is_found_again(rows: Rows) -> None:
    assert rows.database is not None
    state = rows.open()
    assert state.swap("row", None, "a")
    rows.database.server.kill()
    try:
        with pytest.raises(StateError, match="cannot be reached") as refusal:
            rows.open().get("row")
        assert says_nothing(refusal.value)
        with pytest.raises(StateError, match="cannot be reached"):
            state.get("row")
        gc.collect()
    finally:
        rows.database.server.start()
    assert state.get("row") == "a"


def test_a_pool_that_hands_out_a_dead_connection_is_asked_for_another(postgresql: Server) -> None:
    database = postgresql.create()
    pool: list[psycopg.Connection[tuple[str]]] = []
    state = DatabaseState(lambda: pool.pop() if pool else database.connect(), paramstyle="pyformat")
    assert state.swap("row", None, "a")
    pool.append(database.connect())
    postgresql.administer(f"select pg_terminate_backend({pool[0].info.backend_pid})", "")
    assert state.get("row") == "a"
    assert not pool


def test_an_account_that_may_make_no_table_is_told_what_to_run(database: Database) -> None:
    forbid_all_but_reading(database)
    state = open_url(database.url)
    with pytest.raises(StateError, match="lets it make none") as refusal:
        state.get("row")
    assert says_nothing(refusal.value)
    # What the message says helps.
    database.execute(str(refusal.value)[str(refusal.value).index("create table if") :])
    if not isinstance(database.server, MariaDB):
        database.execute(f"grant select on windrow_state to {ACCOUNT}")
    assert state.get("row") is None
    assert state.items("") == []
    with pytest.raises(StateError, match="refuses to be read or changed") as refusal:
        state.swap("row", None, "a")
    assert says_nothing(refusal.value)


def forbid_all_but_reading(database: Database) -> None:
    if isinstance(database.server, MariaDB):
        database.execute(f"revoke all on {database.name}.* from {ACCOUNT}")
        database.execute(f"grant select on {database.name}.* to {ACCOUNT}")
    else:
        database.execute("revoke create on schema public from pg_database_owner, public")


def test_a_database_that_is_read_only_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "product.sqlite"
    DatabaseState(lambda: sqlite3.connect(path)).swap("row", None, "a")
    state = DatabaseState(lambda: sqlite3.connect(f"file:{path}?mode=ro", uri=True))
    assert state.get("row") == "a"
    with pytest.raises(StateError, match="READONLY"):
        state.swap("row", "a", "b")


@every_database
def test_rows_of_a_newer_release_are_left_alone(rows: Rows) -> None:
    assert rows.open().swap("format", "1", "2")
    with pytest.raises(StateError, match="newer release"):
        rows.open().get("secret")


@every_database
def test_the_products_transaction_is_neither_ended_nor_seen(rows: Rows) -> None:
    state = rows.open()
    state.swap("row", None, "a")
    product = rows.product_connects()
    cursor = product.cursor()
    cursor.execute("create table orders (id int)")
    product.commit()
    cursor.execute("begin immediate" if rows.database is None else "begin")
    cursor.execute("insert into orders values (1)")
    assert state.get("row") == "a"
    done: list[bool] = []
    flusher = threading.Thread(target=lambda: done.append(state.swap("row", "a", "b")))
    flusher.start()
    if rows.database is None:
        time.sleep(
            3
        )  # SQLite has one lock for all tables: the flusher waits for it, and nobody for the flusher
        assert not done
    else:
        flusher.join(20)
        assert done == [True]
    product.rollback()
    flusher.join(20)
    assert done == [True]
    assert state.get("row") == "b"
    cursor.execute("select count(*) from orders")
    assert cursor.fetchone()[0] == 0
    product.close()


def test_the_table_may_have_another_name_and_a_schema(postgresql: Server) -> None:
    database = postgresql.create()
    database.execute(f"create schema ops authorization {ACCOUNT}")
    state = open_url(f"{database.url}&table=ops.telemetry_state")
    assert state.swap("row", None, "a")
    assert database.execute("select value from ops.telemetry_state where name = 'row'") == [("a",)]
    for name in ("Windrow", "a b", "a;drop", "", "a..b", "1a"):
        with pytest.raises(ValueError, match="name for a table"):
            DatabaseState(database.connect, table=name)


@pytest.mark.parametrize(
    "rows", ["sqlalchemy-sqlite", "sqlalchemy-postgresql", "sqlalchemy-mariadb"], indirect=True
)
def test_a_table_of_the_products_own_metadata_is_the_one_that_is_used(rows: Rows) -> None:
    metadata = MetaData()
    windrow_table(metadata)
    engine = rows.engine()
    metadata.create_all(engine)
    made = inspect(engine).get_columns("windrow_state")
    engine.dispose()
    state = rows.open()
    assert state.swap("row", None, LARGE)
    assert not state.swap("ROW", "x", "y")
    assert [column["name"] for column in made] == ["name", "value"]


def test_an_sqlite_database_in_memory_is_ephemeral() -> None:
    state = SQLAlchemyState(create_engine("sqlite://"))
    assert state.swap("row", None, "a")
    assert (state.kind, state.get("row")) == ("ephemeral", "a")


@pytest.mark.parametrize("rows", ["sqlalchemy-postgresql", "sqlalchemy-mariadb"], indirect=True)
def test_an_engine_is_read_and_its_pool_left_alone(rows: Rows) -> None:
    engine = rows.engine()
    asked: list[str] = []
    event.listen(engine, "do_connect", lambda *_: asked.append("connect"))
    state = SQLAlchemyState(engine)
    assert state.swap("row", None, "a")
    assert asked
    assert engine.pool.checkedin() == 0
    engine.dispose()


@pytest.mark.parametrize("rows", ["sqlalchemy-aiosqlite", "sqlalchemy-asyncpg"], indirect=True)
def test_an_asynchronous_engine_may_be_asked_beside_a_running_loop(rows: Rows) -> None:
    state = rows.open()

    async def view() -> str | None:
        state.swap("row", None, "a")
        return state.get("row")

    assert asyncio.run(view()) == "a"


@pytest.mark.parametrize(
    "rows", ["sqlalchemy-sqlite", "sqlalchemy-asyncpg", "sqlalchemy-mariadb"], indirect=True
)
def test_a_secret_is_not_written_to_the_log(rows: Rows, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        rows.open().swap("secret", None, "c4nary")
    assert "c4nary" not in caplog.text


@pytest.mark.parametrize("style", ["qmark", "numeric", "named"])
def test_every_paramstyle_is_written_as_its_driver_reads_it(tmp_path: Path, style: str) -> None:
    # sqlite3 reads three of the five; psycopg and PyMySQL the others.
    state = DatabaseState(lambda: sqlite3.connect(tmp_path / "product.sqlite"), paramstyle=style)
    assert state.swap("row", None, "a")
    assert state.swap("row", "a", "b")
    assert state.items("r") == [("row", "b")]
    assert state.swap("row", "b", None)


def test_an_unknown_paramstyle_is_refused() -> None:
    with pytest.raises(ValueError, match="qmark"):
        DatabaseState(lambda: None, paramstyle="percent")


def says_nothing(error: BaseException) -> bool:
    """No password, account, host or database is in the message, nor shown as its cause."""
    text = str(error)
    shown = error.__cause__ is None and error.__suppress_context__
    return shown and not any(secret in text for secret in (PASSWORD, "c4nary", ACCOUNT, "windrow-db-"))
