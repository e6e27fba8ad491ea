"""Real database servers for tests: PostgreSQL and MariaDB in a folder of their own, on a socket."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pymysql
import pytest

#: What an address must escape, and what no message may have.
PASSWORD = "c4nary:p@ss/w?rd&x#y%z"
ACCOUNT = "windrow_tests"
_numbers = itertools.count()


@dataclass(frozen=True)
class Database:
    """A database that is empty when a test gets it. `paramstyle` is that of `connect`'s driver."""

    url: str
    name: str
    paramstyle: str
    server: Server

    def connect(self) -> Any:
        """A new connection of the account of the tests."""
        return self.server.connect(ACCOUNT, self.name)

    def execute(self, statement: str) -> list[Any]:
        """Run a statement as the administrator, committed."""
        return self.server.administer(statement, self.name)

    def sqlalchemy_url(self, driver: str) -> str:
        """The address for SQLAlchemy."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}+{driver}://{rest}"


class Server(ABC):
    """A server that can be killed and started again. `administrator` needs no password on the socket."""

    administrator: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make what a server starts from, start it, and make the account of the tests."""

    @property
    @abstractmethod
    def socket(self) -> Path:
        """Where it listens."""

    @abstractmethod
    def connect(self, account: str, database: str) -> Any:
        """A new connection; `database` may be empty."""

    @abstractmethod
    def create(self) -> Database:
        """An empty database that the account of the tests owns."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    def administer(self, statement: str, database: str) -> list[Any]:
        """Run a statement as the administrator, outside of a transaction."""
        connection = self.connect(self.administrator, database)
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            # Again: children of a server that was killed keep its successor away for a moment.
            if self.process is None or self.process.poll() is not None:
                with (self.folder / "log").open("ab") as log:
                    self.process = subprocess.Popen(as_nobody(self.command()), stdout=log, stderr=log)
            time.sleep(0.1)

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            return bool(self.administer("select 1", ""))
        except (psycopg.Error, pymysql.Error):
            return False

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)
        self.socket.unlink(missing_ok=True)  # or it would look as if somebody listened


class PostgreSQL(Server):
    """The newest PostgreSQL of this machine."""

    administrator = "postgres"

    @staticmethod
    def program(name: str) -> str | None:
        """Where a program of the server is; Debian keeps them out of the path."""
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        return next((str(path / name) for path in reversed(folders) if (path / name).exists()), None) or (
            shutil.which(name)
        )

    def prepare(self) -> None:
        """Make the cluster and the account."""
        run([_found(self.program("initdb")), "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync"])  # fmt: skip
        rules = f"local all postgres trust\nlocal all {ACCOUNT} scram-sha-256\n"
        (Path(self._data) / "pg_hba.conf").write_text(rules)
        self.start()
        self.administer(f"create role {ACCOUNT} login password '{PASSWORD}'", "")

    @property
    def socket(self) -> Path:
        return self.folder / ".s.PGSQL.5432"

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def command(self) -> list[str]:
        options = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "fsync": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [_found(self.program("postgres")), "-D", self._data, *settings]

    def connect(self, account: str, database: str) -> Any:
        password = PASSWORD if account == ACCOUNT else None
        return psycopg.connect(
            host=str(self.folder),
            user=account,
            password=password,
            dbname=database or "postgres",
            autocommit=account == self.administrator,
        )

    def create(self) -> Database:
        name = f"tests{next(_numbers)}"
        self.administer(f"create database {name} owner {ACCOUNT}", "")
        where = f"postgresql://{ACCOUNT}:{quote(PASSWORD, safe='')}@/{name}?host={quote(str(self.folder))}"
        return Database(where, name, "pyformat", self)


class MariaDB(Server):
    """The MariaDB of this machine, with a server's character set in which nothing of ours may end up."""

    administrator = "root"

    def prepare(self) -> None:
        """Make the system tables and the account."""
        run(["mariadb-install-db", "--no-defaults", f"--datadir={self.folder / 'data'}", "--skip-test-db",
             "--auth-root-authentication-method=normal"])  # fmt: skip
        self.start()
        self.administer(f"create user {ACCOUNT} identified by '{PASSWORD}'", "")
        self.administer("delete from mysql.global_priv where User = ''", "")
        self.administer("flush privileges", "")

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def command(self) -> list[str]:
        options = {
            "datadir": self.folder / "data",
            "socket": self.socket,
            "pid-file": self.folder / "pid",
            "innodb-flush-log-at-trx-commit": 2,
            "innodb-buffer-pool-size": "32M",
            "character-set-server": "latin1",
        }
        server = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        return [
            _found(server),
            "--no-defaults",
            "--skip-networking",
            *(f"--{n}={v}" for n, v in options.items()),
        ]

    def connect(self, account: str, database: str) -> Any:
        password = PASSWORD if account == ACCOUNT else ""
        return pymysql.connect(
            unix_socket=str(self.socket), user=account, password=password, database=database or None
        )

    def create(self) -> Database:
        name = f"tests{next(_numbers)}"
        self.administer(f"create database {name}", "")
        self.administer(f"grant all on {name}.* to {ACCOUNT}", "")
        encoded = quote(PASSWORD, safe="")
        where = f"mysql://{ACCOUNT}:{encoded}@localhost/{name}?unix_socket={quote(str(self.socket))}"
        return Database(where, name, "pyformat", self)


@contextmanager
def running(kind: type[PostgreSQL] | type[MariaDB]) -> Iterator[Server]:
    """A server of this kind for a while; skips the test where there is none."""
    there = PostgreSQL.program("postgres") if kind is PostgreSQL else shutil.which("mariadb-install-db")
    if not there:
        package = "postgresql" if kind is PostgreSQL else "mariadb-server"
        pytest.skip(f"needs {kind.__name__}: sudo apt-get install {package}, or make databases")
    # Not pytest's folder: the account that runs the server may not enter it, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="windrow-db-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    server = kind(folder)
    try:
        server.prepare()
        yield server
    finally:
        if server.process is not None:
            # Its data goes with it; asked politely, PostgreSQL would wait for the last of its clients.
            server.process.kill()
            server.process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def as_nobody(command: list[str]) -> list[str]:
    """The command for an account without rights, where this one is root: the servers refuse root."""
    if os.geteuid() != 0:
        return command
    ours = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=KILL"]
    return [*ours, *command]


def run(command: list[str]) -> None:
    """Run a command to its end, or fail with what it said."""
    done = subprocess.run(as_nobody(command), capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _found(program: str | None) -> str:
    assert program is not None
    return program
