"""State in the database of a product that has an SQLAlchemy engine (2.x), synchronous or not.

Telemetry("telemetry.toml", app_version=..., state=SQLAlchemyState(engine))
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    Column,
    Engine,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from windrow.state import MemoryState
from windrow.state._table import BRANDS, ESCAPE, NAME_LENGTH, TABLE, TableState, Unreachable, describe

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from sqlalchemy import ColumnElement, Connection, Executable

    from windrow.state._table import Action, Rows

__all__ = ["SQLAlchemyState", "windrow_table"]

Answer = TypeVar("Answer")


def windrow_table(metadata: MetaData, *, table: str = TABLE) -> Table:
    """The table of `spec/state.md` in the product's own metadata, so that Alembic makes it and keeps it."""
    schema, _, name = table.rpartition(".")
    # MySQL and MariaDB compare without case, and TEXT ends at 64 kB, unless they are told otherwise.
    names = mysql.VARCHAR(NAME_LENGTH, charset="ascii", collation="ascii_bin")
    values = mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin")
    return Table(
        name,
        metadata,
        Column("name", String(NAME_LENGTH).with_variant(names, "mysql", "mariadb"), primary_key=True),
        Column("value", Text().with_variant(values, "mysql", "mariadb"), nullable=False),
        schema=schema or None,
    )


class SQLAlchemyState(TableState):
    """Rows in a table of the database that an engine names; made when first needed, if no migration did.

    The engine is only read: each call opens a connection of its own, in the way the engine does, outside of
    its pool, and so outside of the product's sessions and transactions. Listeners on the engine's pool (a
    `connect` event) do not see these connections; `connect_args`, `creator` and `do_connect` count.
    An SQLite database in memory is not shared by connections: its instance is `ephemeral`.
    """

    def __init__(self, engine: Engine | AsyncEngine, *, table: str = TABLE) -> None:
        super().__init__(table)
        self._rows = windrow_table(MetaData(), table=table)
        like = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
        self.called = f"{BRANDS.get(like.dialect.name, like.dialect.name)} database"
        self._memory: MemoryState | None = None
        if like.dialect.name == "sqlite" and _in_memory(like.url.database):
            self._memory, self.kind = MemoryState(), "ephemeral"
        self._like = engine
        self._of_thread = threading.local()

    def _elsewhere(self) -> MemoryState | None:
        return self._memory

    def _engine(self) -> Engine | AsyncEngine:
        # One a thread: at its first connection an engine takes a lock, which in an asynchronous one belongs
        # to an event loop, and which the child of a fork would inherit.
        found: Engine | AsyncEngine | None = getattr(self._of_thread, "engine", None)
        if found is None:
            like = self._like.sync_engine if isinstance(self._like, AsyncEngine) else self._like
            make = create_async_engine if isinstance(self._like, AsyncEngine) else create_engine
            found = self._of_thread.engine = make(
                like.url,
                poolclass=NullPool,
                # It knows what the URL does not: connect_args, the engine's own creator, tokens of a cloud.
                creator=like.pool._creator,
                hide_parameters=True,  # the secret is one
            )
        return found

    def _execute(self, action: Action, values: Mapping[str, str]) -> tuple[Rows, int]:
        if isinstance(self._like, AsyncEngine):
            return _wait_for(self._execute_async(action, values))
        engine = self._engine()
        assert isinstance(engine, Engine)
        try:
            connection = engine.connect()
        except Exception as error:
            raise Unreachable(describe(error)) from None
        with connection:
            return self._transaction(connection, action, values)

    async def _execute_async(self, action: Action, values: Mapping[str, str]) -> tuple[Rows, int]:
        engine = self._engine()
        assert isinstance(engine, AsyncEngine)
        try:
            connection = await engine.connect()
        except Exception as error:
            raise Unreachable(describe(error)) from None
        try:
            return await connection.run_sync(self._transaction, action, values)
        finally:
            await connection.close()

    def _transaction(
        self, connection: Connection, action: Action, values: Mapping[str, str]
    ) -> tuple[Rows, int]:
        rows: Rows = []
        changed = 0
        if action == "create":
            self._rows.create(connection, checkfirst=True)
        else:
            result = connection.execute(self._statement(action, values))
            if result.returns_rows:
                rows = [(name, value) for name, value in result]
            else:
                changed = result.rowcount
        try:
            connection.commit()
        except Exception as error:  # whether it was kept is not known: to repeat it could count twice
            raise self._refused(error) from None
        return rows, changed

    def _statement(self, action: Action, values: Mapping[str, str]) -> Executable:
        table, columns = self._rows, self._rows.c
        if action == "find":
            return select(table).where(columns.name.like(values["pattern"], escape=ESCAPE))
        if action == "insert":
            return insert(table).values(name=values["name"], value=values["value"])
        if action == "update":
            return update(table).where(*self._where(values)).values(value=values["value"])
        if action == "delete":
            return delete(table).where(*self._where(values))
        return select(table).where(*self._where(values))

    def _where(self, values: Mapping[str, str]) -> list[ColumnElement[bool]]:
        name = self._rows.c.name == values["name"]
        return [name, self._rows.c.value == values["old"]] if "old" in values else [name]


def of_address(address: str, table: str) -> SQLAlchemyState:
    """The state at an address of SQLAlchemy. Raises what SQLAlchemy raises for it."""
    url = make_url(address)
    make = create_async_engine if url.get_dialect().is_async else create_engine
    return SQLAlchemyState(make(url), table=table)


def _in_memory(database: str | None) -> bool:
    return not database or ":memory:" in database or "mode=memory" in database


def _wait_for(work: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer of asynchronous work, wherever this thread stands."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(work)
    with ThreadPoolExecutor(1) as beside:  # a loop cannot wait for itself
        return beside.submit(_run, work).result()


def _run(work: Coroutine[Any, Any, Answer]) -> Answer:
    # Not asyncio.run: it would take away the loop that the product has set for this thread.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)
