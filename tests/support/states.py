"""Every kind of state, each by a recipe that other processes can follow as well."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from windrow.integrations.sqlalchemy import SQLAlchemyState
from windrow.state import DatabaseState, FileState, MemoryState, State, open_url

from tests.support.databases import ACCOUNT, PASSWORD, Database

#: What each kind needs: a folder, PostgreSQL or MariaDB.
KINDS = {
    "memory": "folder",
    "file": "folder",
    "sqlite": "folder",
    "postgresql": "postgresql",
    "mariadb": "mariadb",
    "sqlalchemy-sqlite": "folder",
    "sqlalchemy-aiosqlite": "folder",
    "sqlalchemy-postgresql": "postgresql",
    "sqlalchemy-asyncpg": "postgresql",
    "sqlalchemy-mariadb": "mariadb",
    "django-sqlite": "folder",
    "django-postgresql": "postgresql",
}
DATABASES = [kind for kind in KINDS if kind not in ("memory", "file")]


@dataclass
class Rows:
    """Where the rows of one test are: `open` gives another state of the same rows, in any process."""

    kind: str
    folder: Path
    database: Database | None
    alias: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if self.kind.startswith("django"):
            self.alias = django_alias(self.django_settings())
            call_command("migrate", "windrow", database=self.alias, verbosity=0)
            connections[self.alias].close()  # the fork's child shall not have it

    @property
    def file(self) -> Path:
        """The database of SQLite."""
        return self.folder / "product.sqlite"

    def open(self) -> State:
        """A state of these rows."""
        if self.kind == "memory":
            return MemoryState()
        if self.kind == "file":
            return FileState(str(self.folder))
        if self.kind.startswith("sqlalchemy"):
            return SQLAlchemyState(self.engine())
        if self.kind.startswith("django"):
            from windrow.integrations.django.state import DjangoState

            return DjangoState(self.alias)
        if self.database is None:
            return DatabaseState(lambda: sqlite3.connect(self.file, timeout=20))
        if self.kind == "mariadb":
            return open_url(self.database.url)
        url = self.database.url
        return DatabaseState(lambda: psycopg.connect(url), paramstyle="pyformat")

    def engine(self) -> Any:
        """An engine as the product would make it."""
        driver = self.kind.partition("-")[2]
        if self.database is None:
            make = create_async_engine if driver == "aiosqlite" else create_engine
            url = f"sqlite+aiosqlite:///{self.file}" if driver == "aiosqlite" else f"sqlite:///{self.file}"
            return make(url, connect_args={"timeout": 20})
        name = {"postgresql": "psycopg", "mariadb": "pymysql"}.get(driver, driver)
        make = create_async_engine if driver == "asyncpg" else create_engine
        return make(self.database.sqlalchemy_url(name))

    def django_settings(self) -> dict[str, Any]:
        """The entry of `DATABASES`."""
        if self.database is None:
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": self.file}
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": self.database.name,
            "USER": ACCOUNT,
            "PASSWORD": PASSWORD,
            "HOST": str(self.database.server.folder),
        }

    def product_connects(self) -> Any:
        """A connection of the product."""
        if self.database is None:
            return sqlite3.connect(self.file, timeout=20, isolation_level=None, check_same_thread=False)
        return self.database.connect()


def django_alias(entry: dict[str, Any]) -> str:
    """Add a database to Django's settings, which can be made only once in a process; returns its alias."""
    if not settings.configured:
        settings.configure(INSTALLED_APPS=["windrow.integrations.django"], USE_TZ=True)
        django.setup()
    alias = f"tests{len(connections.settings)}"
    # In the form that Django gives to the entries of its settings.
    connections.settings[alias] = connections.configure_settings({"default": entry})["default"]
    return alias


def in_children(number: int, work: Callable[[], str], *, within: float = 60) -> list[str]:
    """What forked processes return, which all begin at one moment; fails if one does not in time."""
    gate_out, gate_in = os.pipe()
    children = [_fork(work, gate_out, gate_in) for _ in range(number)]
    os.close(gate_in)
    os.close(gate_out)
    deadline = time.monotonic() + within
    answers = []
    for process, pipe in children:
        while os.waitpid(process, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                raise AssertionError("a forked process hangs")
            time.sleep(0.01)
        with os.fdopen(pipe, encoding="utf-8") as answer:
            answers.append(answer.read())
    return answers


def _fork(work: Callable[[], str], gate_out: int, gate_in: int) -> tuple[int, int]:
    receive, send = os.pipe()
    process = os.fork()
    if process:
        os.close(send)
        return process, receive
    with suppress(BaseException):  # whatever happens, this process is not a test runner
        os.close(gate_in)
        os.read(gate_out, 1)
        try:
            answer = work()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(send, answer.encode())
    os._exit(0)


@contextmanager
def busy(work: Callable[[], object]) -> Iterator[None]:
    """Keep doing it in another thread meanwhile."""
    over = threading.Event()
    failures: list[BaseException] = []

    def go_on() -> None:
        while not over.is_set():
            try:
                work()
            except BaseException as error:
                failures.append(error)
                return

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failures, failures
