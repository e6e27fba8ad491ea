"""The one client of the database, whether that is the embedded engine or a cluster."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError

_HERE = Path(__file__).parent
_SCHEMA = (_HERE / "schema.sql").read_text("utf-8")
_REBUILD = (_HERE / "rebuild_days.sql").read_text("utf-8")
_HELD = (_HERE / "held.sql").read_text("utf-8")
#: In this order: what the days of an instance say is asked first, so that a crash in between leaves them to be asked.
_OF_INSTANCES = ("events", "batches", "instance_days")
_ERASE = "alter table {table} delete where instance_id in {{ids:Array(UUID)}} settings mutations_sync = 2"
_KNOWN = (
    "select instance_id from instance_days where instance_id in {ids:Array(UUID)}"
    " union distinct select instance_id from batches where instance_id in {ids:Array(UUID)}"
)
_PRUNE = "alter table batches delete where day < {before:Date} settings mutations_sync = 2"
BATCH_DAYS = 90
"""For how long the numbers of batches are kept, in days."""
_FAILURES = (ClickHouseError, HTTPError, OSError)
_IMPATIENT: dict[str, Any] = {"connect_timeout": 2, "send_receive_timeout": 2, "query_retries": 0}
#: A late batch may be of any age, and a block over too many months would be refused for ever.
_INSERT_SETTINGS: dict[str, Any] = {"insert_deduplicate": 1, "max_partitions_per_insert_block": 0}
#: What is erased stands in the statement, and the engine may quote it.
_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_URL = re.compile(r"\s*\(?(?:for url )?\b\w+://[^\s)]+\)?")

# Both warn at each retry, with the store's address; what comes of the retries is raised, and told once.
for _name in ("urllib3.connectionpool", "clickhouse_connect"):
    logging.getLogger(_name).setLevel(logging.ERROR)


class StoreError(Exception):
    """The store refused, or did not answer. The message never quotes the store's address, its password or an id."""


class Store:
    """A connection to the store. Safe to share between threads."""

    def __init__(self, client: Client, probe: Client) -> None:
        self._client = client
        self._probe = probe

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
            client = clickhouse_connect.get_client(**options, database=database)
            return cls(client, clickhouse_connect.get_client(**options, **_IMPATIENT))
        except _FAILURES as error:
            raise StoreError(_plain(error)) from None

    def migrate(self) -> None:
        """Make the tables that are missing. Raises `StoreError`."""
        for statement in filter(None, map(str.strip, _SCHEMA.split(";\n"))):
            self.command(statement)

    def ready(self) -> bool:
        """Whether it answers, within about two seconds."""
        try:
            return bool(self._probe.query("select 1").result_rows == [(1,)])
        except _FAILURES:
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
                settings={**_INSERT_SETTINGS, "insert_deduplication_token": token},
            )
        except _FAILURES as error:
            raise StoreError(_plain(error)) from error

    def rebuild_days(self, product: str, days: Iterable[date]) -> None:
        """Compute `instance_days` anew for these days of a product. Raises `StoreError`."""
        self.command(_REBUILD, {"product": product, "days": sorted(days)})

    def held(self, product: str, instance: str, most: int) -> list[dict[str, Any]]:
        """Return up to `most` events of one instance, the newest first. Raises `StoreError`."""
        return self.query(_HELD, {"product": product, "instance": instance, "most": most})

    def erase(self, instances: Sequence[UUID]) -> None:
        """Take out all that is held of these instances: no table shows it once this returns. Raises `StoreError`."""
        known = [row["instance_id"] for row in self.query(_KNOWN, {"ids": list(instances)})]
        if not known:  # every event is in the roll-up; parts are written anew for nobody else
            return
        for table in _OF_INSTANCES:
            self.command(_ERASE.format(table=table), {"ids": known})

    def prune_batches(self, today: date) -> None:
        """Take out the numbers of batches that are too old to tell clones by. Raises `StoreError`."""
        before = today - timedelta(days=BATCH_DAYS)
        if self.query("select 1 from batches where day < {before:Date} limit 1", {"before": before}):
            self.command(_PRUNE, {"before": before})

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
        self._probe.close()


def _plain(error: BaseException) -> str:
    cause = error
    while cause.__cause__:
        cause = cause.__cause__
    if isinstance(error, ClickHouseError) and not isinstance(cause, (HTTPError, OSError)):
        return _ID.sub("…", _URL.sub("", str(error))).strip()
    return f"the store does not answer ({type(cause).__name__})"
