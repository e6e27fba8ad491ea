"""The embedded engine: chDB, ClickHouse as a library. One process, one folder; spawned, never forked."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_RETRY_SECONDS = 0.05
_CODE = re.compile(r"Code: (\d+)")
_FORMAT = re.compile(r"\s+format\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_INSERT = re.compile(r"\s*insert\s+into\s", re.IGNORECASE)
_PLAIN_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

CONFIG = """<clickhouse>
    <max_server_memory_usage>{memory}</max_server_memory_usage>
    <mark_cache_size>67108864</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <background_pool_size>2</background_pool_size>
</clickhouse>
"""
DEFAULT_MEMORY = 2 * 1024**3  # bytes: without a cap the engine takes nine tenths of the machine
DEFAULT_PATIENCE = 10.0  # seconds: longer than a store process takes to end after its parent was killed


class EngineError(Exception):
    """What the engine answered: ClickHouse's code, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = _CODE.search(text)
        self.code = int(found[1]) if found else 1002


class Engine:
    """The open engine. Each call has a connection of its own, so that settings cannot leak into the next."""

    def __init__(
        self, folder: Path, memory: int = DEFAULT_MEMORY, patience: float = DEFAULT_PATIENCE
    ) -> None:
        """Open or make the store in `folder`; `memory` caps the engine, in bytes.

        Raises ImportError without chDB, `EngineError` when another process has the folder and does not
        give it up within `patience` seconds.
        """
        import chdb

        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = _locked(folder / "lock", patience)
        config = folder / "engine.xml"
        config.write_text(CONFIG.format(memory=memory), "utf-8")
        self._connect: Any = chdb.connect
        self._where = f"{folder / 'data'}?config-file={config}"
        # While one connection stays open the engine stays up, and the next ones cost half a millisecond.
        self._keeper = self._connect(self._where)
        self._running = 0
        self._idle = threading.Condition()

    def run(
        self,
        statement: str,
        body: bytes,
        *,
        database: str,
        default_format: str,
        settings: Mapping[str, str],
        parameters: Mapping[str, str],
    ) -> bytes:
        """Run one statement, as ClickHouse's HTTP interface would: what is inserted stands in `body`.

        Raises `EngineError`.
        """
        with self._idle:
            self._running += 1
        try:
            return self._run(statement, body, database, default_format, settings, parameters)
        except EngineError:
            raise
        except Exception as error:  # chDB's own, RuntimeError and ValueError: all have the engine's text
            raise EngineError(str(error)) from error
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def cancel(self) -> None:
        """Cancel what runs; whoever waits for it is told so."""
        connection = self._connect(self._where)
        try:
            connection.query("kill query where query not ilike 'kill query%' async")
        finally:
            connection.close()

    def close(self, grace: float) -> bool:
        """Wait `grace` seconds for what runs, then close; False if something still ran."""
        with self._idle:
            if not self._idle.wait_for(lambda: self._running == 0, grace):
                return False
        self._keeper.close()
        os.close(self._lock)
        return True

    def _run(
        self,
        statement: str,
        body: bytes,
        database: str,
        default_format: str,
        settings: Mapping[str, str],
        parameters: Mapping[str, str],
    ) -> bytes:
        connection = self._connect(self._where)
        try:
            connection.query(f"use {_word(database)}")
            for name, value in settings.items():
                connection.query(f"set {_word(name)} = {_literal(value)}")
            named = _FORMAT.search(statement)
            form = named[1] if named else default_format
            if body and _INSERT.match(statement):
                return _insert(connection, _FORMAT.sub("", statement), form, body, self._folder)
            text = _FORMAT.sub("", statement) if named else statement
            result = connection.query(text, form, params=dict(parameters) or None)
            return bytes(result.bytes() or b"")
        finally:
            connection.close()


def _locked(path: Path, patience: float) -> int:
    """A lock that goes with the process. The engine has its own, but only says that it cannot be opened."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # A store whose parent was killed ends by itself, and a dying process keeps its locks to the last.
            if time.monotonic() < deadline:
                time.sleep(_RETRY_SECONDS)
                continue
            os.close(handle)
            raise EngineError(
                "another store process has it open. Stop that one first, or give this one another folder."
            ) from None
        return handle


def _insert(connection: Any, statement: str, form: str, body: bytes, folder: Path) -> bytes:
    # chDB's send_insert reports success when the table refuses the rows or the disk is full; a query raises.
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(body)
        file.seek(0)
        # Read by descriptor: the file has no name to escape, to match as a pattern, or to leave behind.
        connection.query(
            f"{statement} from infile '/dev/fd/{file.fileno()}' compression 'none' format {form}"
        )
    return b""


def _word(name: str) -> str:
    if not _PLAIN_WORD.fullmatch(name):
        raise EngineError(f"Code: 36. DB::Exception: {name!r} is not a name. (BAD_ARGUMENTS)")
    return name


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
