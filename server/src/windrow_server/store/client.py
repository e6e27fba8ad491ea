"""The one client of the database, whether that is the embedded engine or a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError

_HERE = Path(__file__).parent
_SCHEMA = (_HERE / "schema.sql").read_text("utf-8")
_REBUILD = (_HERE / "rebuild_days.sql").read_text("utf-8")
_FAILURES = (ClickHouseError, HTTPError, OSError)


class StoreError(Exception):
    """The store refused, or did not answer. The message never quotes the store's address or password."""


class Store:
    """A connection to the store. Safe to share between threads."""

    def __init__(self, client: Client, database: str) -> None:
        self._client = client
        self._database = database

    @classmethod
    def connect(cls, url: str) -> Store:
        """Open `http://name:password@host:port/database`; the database is made if there is none.

        Raises `StoreError`.
        """
        parts = urlsplit(url)
        database = parts.path.strip("/") or "windrow"
        if not database.replace("_", "").isalnum():
            raise StoreError(f"{database!r} is not the name of a database.")
        options: dict[str, Any] = {
            "host": parts.hostname,
            "port": parts.port,
            "username": unquote(parts.username or "default"),
            "password": unquote(parts.password or ""),
            "secure": parts.scheme == "https",
            "compress": False,
            "autogenerate_session_id": False,  # a session would let one query run at a time
            "pool_mgr": get_pool_manager(maxsize=16),
        }
        try:
            with clickhouse_connect.get_client(**options, database="default") as first:
                first.command(f"create database if not exists {database}")
            return cls(clickhouse_connect.get_client(**options, database=database), database)
        except _FAILURES as error:
            raise StoreError(_plain(error)) from None

    def migrate(self) -> None:
        """Make the tables that are missing. Raises `StoreError`."""
        for statement in filter(None, map(str.strip, _SCHEMA.split(";\n"))):
            self.command(statement)

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            return self.query("select 1 as one") == [{"one": 1}]
        except StoreError:
            return False

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a select; `{name:Type}` in it is bound from `parameters`. Raises `StoreError`."""
        try:
            return list(self._client.query(sql, parameters=dict(parameters or {})).named_results())
        except _FAILURES as error:
            raise StoreError(_plain(error)) from error

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """A statement without rows. Raises `StoreError`."""
        try:
            self._client.command(sql, parameters=dict(parameters or {}))
        except _FAILURES as error:
            raise StoreError(_plain(error)) from error

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]], token: str) -> None:
        """Insert whole columns. Under the same `token` the same rows count once, however often they are sent.

        Raises `StoreError`; it may have inserted all the same, so send it again.
        """
        try:
            self._client.insert(
                table,
                list(columns.values()),
                column_names=list(columns),
                column_oriented=True,
                settings={"insert_deduplication_token": token, "insert_deduplicate": 1},
            )
        except _FAILURES as error:
            raise StoreError(_plain(error)) from error

    def rebuild_days(self, product: str, days: Iterable[date]) -> None:
        """Compute `instance_days` anew for these days of a product. Raises `StoreError`."""
        self.command(_REBUILD, {"product": product, "days": sorted(days)})

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def _plain(error: BaseException) -> str:
    if isinstance(error, ClickHouseError):
        return str(error).split("(for url", 1)[0].strip()
    return f"the store does not answer ({type(error).__name__})"
