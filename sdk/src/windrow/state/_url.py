"""A state out of a text: a folder, or the address of a database."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from windrow.errors import StateError
from windrow.state._database import DatabaseState
from windrow.state._file import open_folder
from windrow.state._memory import MemoryState
from windrow.state._table import BRANDS, TABLE, TableState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from windrow.state._protocol import State

_SQLITE_TIMEOUT_SECONDS = 15.0  # as long as a file's lock is waited for
_CONNECT_TIMEOUT_SECONDS = 10
_ANSWER_TIMEOUT_SECONDS = 30
_KINDS = {**{kind: brand for kind, brand in BRANDS.items() if kind != "sqlite"}, "postgres": "PostgreSQL"}
#: Modules in the order of preference; each with its PEP 249 paramstyle, since to ask it is to import it.
_DRIVERS = {
    "PostgreSQL": {"psycopg": "pyformat", "psycopg2": "pyformat"},
    "MySQL": {"pymysql": "pyformat", "MySQLdb": "format", "mariadb": "qmark"},
}
_PACKAGES = {"PostgreSQL": "psycopg[binary]", "MySQL": "PyMySQL"}
#: As SQLAlchemy calls the modules.
_ALIASES = {"mysqldb": "MySQLdb", "mariadbconnector": "mariadb"}
#: Modules that only SQLAlchemy can use for us: tried last.
_THROUGH_SQLALCHEMY = {"PostgreSQL": ("asyncpg", "pg8000"), "MySQL": ("aiomysql", "asyncmy")}
_SECONDS = ("connect_timeout", "read_timeout", "write_timeout")
_SSL = ("ssl_ca", "ssl_cert", "ssl_key")
_MYSQL_PARAMETERS = (*_SECONDS, *_SSL, "unix_socket")


def open_url(text: str) -> State:
    """The state that a text names:

    - a path or `file:/path`: a folder; where there is none and none can be made, memory;
    - `memory:`: forgotten at exit;
    - `sqlite:///relative/path` or `sqlite:////absolute/path`: a database that is there already;
    - `postgresql://account:password@host:port/database?sslmode=require`: with whatever libpq knows;
    - `mysql://…` or `mariadb://…`: with connect_timeout, read_timeout and write_timeout (seconds),
      unix_socket, ssl_ca, ssl_cert and ssl_key;
    - `postgresql+asyncpg://…` and the like: whatever SQLAlchemy knows, where it is installed.

    The parts of an address are percent-encoded; `table=NAME` names another table than `windrow_state`.
    Raises `StateError` for any other text, for a missing driver, and for state that is there and cannot be
    read. A server is asked at the first call of a method, not before. No message has the address.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "memory" and not rest.strip("/"):
        return MemoryState()
    if colon and scheme == "file":
        return open_folder(unquote(rest[2:] if rest.startswith("///") else rest))
    if not rest.startswith("//"):
        return open_folder(text)
    try:
        return _open_database(scheme.lower(), text)
    except ValueError:  # its message may have a part of the address
        raise StateError(
            "The address of the state, or a parameter of it, cannot be read. Write"
            " kind://account:password@host:port/database, and percent-encode what is special in the account"
            " and the password."
        ) from None


def _open_database(scheme: str, text: str) -> State:
    kind, _, driver = scheme.partition("+")
    address, _, query = text.partition("?")
    parameters = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    table = parameters.pop("table", TABLE)
    if kind == "sqlite":
        return _sqlite(unquote(address.partition("://")[2]), parameters, table)
    if kind not in _KINDS:
        raise StateError(
            f"{kind}: is no kind of state. Use a path, memory:, sqlite:, postgresql:, mysql: or mariadb:."
        )
    brand = _KINDS[kind]
    wanted = _ALIASES.get(driver, driver)
    module = next((name for name in _DRIVERS[brand] if wanted in ("", name) and find_spec(name)), None)
    if module is None:
        return _sqlalchemy(brand, driver, f"{address.partition('://')[2]}?{urlencode(parameters)}", table)
    if brand == "PostgreSQL":
        connect = _postgresql(module, address.partition("://")[2], parameters)
    else:
        connect = _mysql(module, address, parameters)
    return _called(DatabaseState(connect, paramstyle=_DRIVERS[brand][module], table=table), brand)


def _sqlite(path: str, parameters: dict[str, str], table: str) -> State:
    if path in ("", "/", "/:memory:"):
        return MemoryState()
    path = path.removeprefix("/")
    timeout = float(parameters.get("timeout", _SQLITE_TIMEOUT_SECONDS))

    def connect() -> Any:
        import sqlite3

        if not os.path.exists(path):
            raise StateError(f"There is no database at {path}. Start the product once, or correct the path.")
        # Without rwc: a look at a database that is not there must not make one.
        return sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, timeout=timeout)

    return _called(DatabaseState(connect, table=table), "SQLite")


def _postgresql(module: str, rest: str, parameters: dict[str, str]) -> Callable[[], Any]:
    parameters.setdefault("connect_timeout", str(_CONNECT_TIMEOUT_SECONDS))
    # libpq reads addresses itself, and knows dozens of parameters.
    address = f"postgresql://{rest}?{urlencode(parameters, quote_via=quote)}"
    return lambda: import_module(module).connect(address)


def _mysql(module: str, address: str, parameters: dict[str, str]) -> Callable[[], Any]:
    parts = urlsplit(address)
    for name in set(parameters) - {*_MYSQL_PARAMETERS, "charset"}:
        raise StateError(f"{name} is not one of the parameters {', '.join(_MYSQL_PARAMETERS)}.")
    how: dict[str, Any] = {
        "host": unquote(parts.hostname or "localhost"),
        "port": parts.port or 3306,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.removeprefix("/")),
        "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
        "read_timeout": _ANSWER_TIMEOUT_SECONDS,
        "write_timeout": _ANSWER_TIMEOUT_SECONDS,
    }
    parameters.pop("charset", None)
    how.update({name: int(value) if name in _SECONDS else value for name, value in parameters.items()})
    if module != "mariadb":  # which speaks utf8mb4 and nothing else
        how["charset"] = "utf8mb4"
    if module == "MySQLdb":
        how["ssl"] = {name.removeprefix("ssl_"): how.pop(name) for name in _SSL if name in how}
    return lambda: import_module(module).connect(**how)


def _sqlalchemy(brand: str, driver: str, rest: str, table: str) -> State:
    """Through SQLAlchemy, where it and a driver of it are installed; else the error says what to install."""
    drivers = (driver,) if driver else _THROUGH_SQLALCHEMY[brand]
    found = next((name for name in drivers if find_spec("sqlalchemy") and find_spec(name)), None)
    if found is None:
        raise StateError(
            f"No driver for {brand}{f' of the name {driver}' if driver else ''} is installed:"
            f" pip install '{_PACKAGES[brand]}'."
        )
    # By name: the integrations stand above the states, and only this text may ask for one.
    integration = import_module("windrow.integrations.sqlalchemy")
    try:
        state: TableState = integration.of_address(f"{brand.lower()}+{found}://{rest}", table)
    except Exception:
        raise ValueError from None
    return _called(state, brand)


def _called(state: TableState, brand: str) -> TableState:
    state.called = f"{brand} database"
    return state
