"""What must hold before the server listens; what does not is told with its place and a remedy."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.exc import DatabaseError
from windrow.catalogue import Catalogue, load
from windrow.errors import CatalogueError

from windrow_server.errors import StartError
from windrow_server.meta import Meta

NO_PRODUCT = "The server knows no product yet. Give it a catalogue: --catalogue telemetry.toml"
_TOKEN_LENGTH = range(16, 257)
_SPACE = "Free some space on its disk, then try again."
_RIGHTS = "Make it a file that this user may read and write, or name another folder with --data."
_HELD = "Another process holds it: end that one, then try again."
_REMEDIES = {
    sqlite3.SQLITE_FULL: _SPACE,
    sqlite3.SQLITE_IOERR: _SPACE,
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
}


def check_store(store: str) -> None:
    """Raise `StartError` when `store` is neither "embedded" (with chDB there) nor the URL of a ClickHouse."""
    if store == "embedded":
        if importlib.util.find_spec("chdb") is None:
            raise StartError(
                "The embedded store needs chDB, which is not installed."
                " Install it by `pip install 'windrow-server[embedded]'`, or name a ClickHouse by --store."
            )
        return
    if not _is_store_url(store):
        # The value itself is not shown: it may hold a password.
        raise StartError(
            "--store is neither `embedded` nor http://name:password@host:port/database."
            " The port is at most 65535, and the database's name has letters, digits and _ only.",
            2,
        )


def checked_token(preset: str | None) -> str | None:
    """Return the admin token that was preset, as the log-in form reads it. Raises `StartError` for a bad one."""
    if preset is None:
        return None
    token = preset.strip()
    if len(token) not in _TOKEN_LENGTH or not token.isprintable():
        raise StartError(
            "The token in --admin-token (or WINDROW_ADMIN_TOKEN) must have 16 to 256 printable characters."
            " Choose such a one, or give none: the server then makes one and prints it.",
            2,
        )
    return token


def loaded(files: Sequence[Path]) -> list[Catalogue]:
    """Return the catalogues in `files`. Raises `StartError`, which names the file."""
    catalogues = []
    for file in files:
        try:
            catalogues.append(load(file))
        except CatalogueError as error:
            raise StartError(f"The catalogue {file} cannot be used:\n{error}", 2) from None
        except OSError as error:
            raise StartError(f"The catalogue {file} cannot be read: {error.strerror}.", 2) from None
    return catalogues


def known(meta: Meta) -> list[Catalogue]:
    """Return every catalogue that the server remembers. Raises `StartError` for none, or two with one key."""
    catalogues = meta.catalogues()
    if not catalogues:
        raise StartError(NO_PRODUCT, 2)
    owners: dict[str, str] = {}
    for product in (catalogue.product for catalogue in catalogues):
        if owners.setdefault(product.key, product.name) != product.name:
            raise StartError(
                f"The products {owners[product.key]} and {product.name} have the same key."
                " Give each its own in [product] of its telemetry.toml.",
                2,
            )
    return catalogues


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the data folder: two servers in one would each hand out the other's batches. Raises `StartError`."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        handle = os.open(data / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        remedy = "Free some space on it" if error.errno == errno.ENOSPC else "Change its permissions"
        raise StartError(
            f"The data folder {data} cannot be written: {error.strerror}. {remedy}, or name another with --data."
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"Another windrow-server already serves {data}. End it, or name another folder with --data."
            ) from None
        yield
    finally:
        os.close(handle)


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a socket that listens on `host` and `port`. Raises `StartError`, which names the flag to change."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        raise StartError(f"Cannot listen on {host}:{port}: {_why_not_bound(error)}") from None
    with listener:
        yield listener


@contextmanager
def told(path: Path, remedy: str = "Restore it from a backup.") -> Iterator[None]:
    """Turn what fails at the SQLite file `path` into a `StartError`; `remedy` is for a file that is damaged."""
    try:
        yield
    except (sqlite3.Error, DatabaseError) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # less what refines it
        raise StartError(f"{path} cannot be used: {cause}. {_REMEDIES.get(code, remedy)}") from None
    except OSError as error:
        hint = _SPACE if error.errno == errno.ENOSPC else _RIGHTS
        raise StartError(f"{path} cannot be used: {error.strerror}. {hint}") from None


def _is_store_url(store: str) -> bool:
    try:
        parts = urlsplit(store)
        _ = parts.port  # raises when it is no port
    except ValueError:
        return False
    database = parts.path.strip("/")
    return parts.scheme in ("http", "https") and bool(parts.hostname) and database.replace("_", "").isalnum()


def _why_not_bound(error: OSError | UnicodeError) -> str:
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror):
        return "there is no such host. Choose another --host: an address of this machine, as 127.0.0.1."
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address. Choose another --host."
    if error.errno == errno.EADDRINUSE:
        return "the port is in use. Choose another --port, or end what holds it."
    return f"{error.strerror}. Choose another --port."
