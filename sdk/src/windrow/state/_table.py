"""Rows in a table of a database: what every kind of database state shares."""

from __future__ import annotations

from contextlib import suppress

from windrow.errors import StateError, StateUnreachable
from windrow.state._forking import outside_of_forks
from windrow.state._memory import FORMAT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal, TypeAlias

    from windrow.state._memory import MemoryState

    Action: TypeAlias = Literal["create", "get", "find", "insert", "update", "delete"]
    Rows: TypeAlias = list[tuple[str, str]]

TABLE = "windrow_state"
#: What SQLAlchemy and Django call the databases, and what messages call them.
BRANDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MySQL"}
NAME_LENGTH = 191  # what an index of every MySQL can hold
#: In LIKE patterns. A backslash would mean something else to MySQL than to the others.
ESCAPE = "!"


class Unreachable(Exception):
    """No connection. Only says so to `TableState`, with the class and the code of the driver's error."""


class TableState:
    """The three operations, the one repetition, and the words for what fails. Subclasses have `_execute`.

    No message of a driver is passed on: it may name hosts, accounts and passwords.
    """

    kind = "database"
    called = "database"  # in messages

    def __init__(self, table: str) -> None:
        if not all(
            part.isascii() and part.isidentifier() and part == part.lower() for part in table.split(".")
        ):
            raise ValueError(f"{table!r} is no name for a table: use small letters, digits and underscores.")
        self._table = table
        self._ready = self._marked = False

    def get(self, key: str) -> str | None:
        """The row of this key. Raises `StateError`."""
        if (memory := self._elsewhere()) is not None:
            return memory.get(key)
        rows = self._do("get", name=_checked(key))[0]
        return rows[0][1] if rows else None

    def items(self, prefix: str) -> list[tuple[str, str]]:
        """The rows whose key begins so, in the order of the keys. Raises `StateError`."""
        if (memory := self._elsewhere()) is not None:
            return memory.items(prefix)
        if not prefix.isascii():
            return []  # no row is named so, and MySQL refuses to compare
        pattern = prefix
        for special in (ESCAPE, "%", "_"):
            pattern = pattern.replace(special, ESCAPE + special)
        rows = self._do("find", pattern=pattern + "%")[0]
        # LIKE does not tell `a` from `A` in SQLite, and each database sorts as its locale does.
        return sorted(row for row in rows if row[0].startswith(prefix))

    def swap(self, key: str, old: str | None, new: str | None) -> bool:
        """Replace `old` by `new`; False if the row is not `old`. One statement. Raises `StateError`."""
        if (memory := self._elsewhere()) is not None:
            return memory.swap(key, old, new)
        if old == new:  # MySQL counts the rows that it changed, which would be none
            return self.get(key) == old
        name = _checked(key)
        if old is None:
            return self._do("insert", name=name, value=new or "")[1] == 1
        if new is None:
            return self._do("delete", name=name, old=old)[1] == 1
        return self._do("update", name=name, old=old, value=new)[1] == 1

    def _elsewhere(self) -> MemoryState | None:
        """The rows in memory, where the database can keep none."""
        return None

    def _execute(self, action: Action, values: Mapping[str, str]) -> tuple[Rows, int]:
        """Run a statement in a transaction of its own: its rows, and how many it changed.

        Raises `Unreachable`, or whatever the driver raises.
        """
        raise NotImplementedError

    def _do(self, action: Action, **values: str) -> tuple[Rows, int]:
        if not self._ready:
            self._prepare()
        if action in ("insert", "update", "delete") and not self._marked:
            with suppress(
                Exception
            ):  # where the row is there, or this account may not write: the action says it
                self._once("insert", {"name": "format", "value": FORMAT})
            self._marked = True
        # Twice where a pool gave a connection that had died, or the database chose this one of a deadlock.
        try:
            return self._once(action, values)
        except StateError:
            raise
        except Exception:  # noqa: S110 - its message stays here, and the second attempt says what is wrong
            pass
        try:
            return self._once(action, values)
        except StateError:
            raise
        except Exception as error:
            raise self._refused(error) from None

    def _once(self, action: Action, values: Mapping[str, str]) -> tuple[Rows, int]:
        try:
            with outside_of_forks:
                rows, changed = self._execute(action, values)
        except Unreachable as error:
            raise StateUnreachable(
                f"The {self.called} cannot be reached ({error}). See that it runs, and that its address,"
                " account and password are right."
            ) from None
        except Exception as error:
            if action == "insert" and is_a(error, "IntegrityError"):
                return [], 0  # the row is there
            raise
        return rows, 1 if action == "insert" else changed  # of an insert, not every driver says it

    def _prepare(self) -> None:
        """See that the table is there, in a format that this release knows. Raises `StateError`."""
        try:
            rows = self._once("get", {"name": "format"})[0]
        except StateError:
            raise
        except Exception:
            rows = self._make_and_look()
        if rows and rows[0][1] != FORMAT:
            raise StateError(
                f"The state in the table {self._table} was written by a newer release. Upgrade, or drop it."
            )
        self._ready, self._marked = True, bool(rows)

    def _make_and_look(self) -> Rows:
        refusal = ""
        try:
            self._once("create", {})
        except StateError:
            raise
        except Exception as error:  # another process may have been faster: the look decides
            refusal = describe(error)
        try:
            return self._once("get", {"name": "format"})[0]
        except StateError:
            raise
        except Exception as error:
            if not refusal:
                raise self._refused(error) from None
            raise StateError(
                f"The {self.called} shows this account no table {self._table}, and lets it make none"
                f" ({refusal}). Grant it the right to create tables, or have the table made for it:"
                f" {creation(self._table)}"
            ) from None

    def _refused(self, error: Exception) -> StateError:
        # What PEP 249 calls operational (a restart, a lock, a full disk) may pass.
        kind = StateUnreachable if is_a(error, "OperationalError") else StateError
        return kind(
            f"The table {self._table} of the {self.called} refuses to be read or changed"
            f" ({describe(error)}). Let the account select, insert, update and delete there, and see"
            " that the database is neither read-only, full nor locked."
        )


def creation(table: str) -> str:
    """The statement that makes the table. One for all: what stands in `/*! */` only MySQL and MariaDB read."""
    return (
        f"create table if not exists {table} ("
        f"name varchar({NAME_LENGTH}) /*! character set ascii collate ascii_bin */ not null primary key, "
        # They make the smallest type that holds so many characters: MEDIUMTEXT.
        "value text /*! (4000000) character set utf8mb4 collate utf8mb4_bin */ not null)"
    )


def is_a(error: BaseException, name: str) -> bool:
    """Whether a class of the error has the name that PEP 249 gives it; each driver has its own class."""
    return any(base.__name__ == name for base in type(error).__mro__)


def describe(error: BaseException) -> str:
    """The error's class and the database's code for it: what can be shown without showing its message."""
    for each in (error, getattr(error, "orig", None), error.__cause__):
        code = next((found for name in _CODES if (found := getattr(each, name, None))), None)
        number = each.args[0] if isinstance(each, BaseException) and each.args else None
        code = code or (number if type(number) is int else None)
        if code:
            return f"{type(error).__name__} {code}"
    return type(error).__name__


_CODES = ("sqlstate", "pgcode", "sqlite_errorname")


def _checked(key: str) -> str:
    if not key.isascii() or not 0 < len(key) <= NAME_LENGTH or "\0" in key:
        raise StateError(f"A row is named by 1 to {NAME_LENGTH} ASCII characters, not {key[:40]!r}.")
    return key
