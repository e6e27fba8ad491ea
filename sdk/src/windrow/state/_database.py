"""Rows in a table of the product's database, through any driver that follows PEP 249."""

from __future__ import annotations

from contextlib import suppress

from windrow.errors import StateError
from windrow.state._table import TABLE, TableState, Unreachable, creation, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from windrow.state._table import Action, Rows

#: How a driver marks the place of a value. With `pyformat`, drivers take a sequence and `%s` as well.
_PLACE = {"qmark": "?", "format": "%s", "pyformat": "%s", "numeric": ":{n}", "named": ":{name}"}
#: The statements, and their values in order.
_STATEMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "get": ("select name, value from {table} where name = {}", ("name",)),
    "find": ("select name, value from {table} where name like {} escape '!'", ("pattern",)),
    "insert": ("insert into {table} (name, value) values ({}, {})", ("name", "value")),
    "update": ("update {table} set value = {} where name = {} and value = {}", ("value", "name", "old")),
    "delete": ("delete from {table} where name = {} and value = {}", ("name", "old")),
}


class DatabaseState(TableState):
    """Rows in a table that is made when it is first needed, in PostgreSQL, MySQL, MariaDB or SQLite.

    `connect` gives a **new** connection each time it is called, never the product's own session: every
    call of this class opens one, ends its transaction and closes it, so that any thread may call, and the
    child of a fork shares nothing with its parent. `paramstyle` is that of the driver's module (PEP 249),
    `table` a name of small letters, digits and underscores, with a schema and a dot before it if need be.

        DatabaseState(lambda: psycopg.connect(os.environ["DATABASE_URL"]), paramstyle="pyformat")
    """

    def __init__(self, connect: Callable[[], Any], *, paramstyle: str = "qmark", table: str = TABLE) -> None:
        super().__init__(table)
        if paramstyle not in _PLACE:
            raise ValueError(f"{paramstyle!r} is not one of {', '.join(_PLACE)}")
        self._connect = connect
        self._paramstyle = paramstyle

    def _execute(self, action: Action, values: Mapping[str, str]) -> tuple[Rows, int]:
        try:
            connection = self._connect()
        except StateError:
            raise
        except Exception as error:
            raise Unreachable(describe(error)) from None
        try:
            return self._transaction(connection, action, values)
        except BaseException:
            with suppress(Exception):  # for a connection that goes back to a pool when it is closed
                connection.rollback()
            raise
        finally:
            with suppress(Exception):
                connection.close()

    def _transaction(self, connection: Any, action: Action, values: Mapping[str, str]) -> tuple[Rows, int]:
        cursor = connection.cursor()
        if action == "create":
            cursor.execute(creation(self._table))
            rows, changed = [], 0
        else:
            cursor.execute(*self._statement(action, values))
            rows = (
                [(_text(name), _text(value)) for name, value in cursor.fetchall()]
                if cursor.description
                else []
            )
            changed = cursor.rowcount
        try:
            connection.commit()
        except Exception as error:  # whether it was kept is not known: to repeat it could count twice
            raise self._refused(error) from None
        return rows, changed

    def _statement(self, action: Action, values: Mapping[str, str]) -> tuple[str, Any]:
        statement, order = _STATEMENTS[action]
        place = _PLACE[self._paramstyle]
        places = [place.format(n=n, name=name) for n, name in enumerate(order, 1)]
        text = statement.format(*places, table=self._table)
        if self._paramstyle == "named":
            return text, {name: values[name] for name in order}
        return text, tuple(values[name] for name in order)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else bytes(value).decode()
