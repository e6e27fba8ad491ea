"""`meta.sqlite`: what the server itself must remember: the admin token, its secrets, every catalogue given.

Tokens are kept as SHA-256 (they are 256 random bits, so that there is nothing to guess); secrets are made on
first use and derived from nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from windrow.catalogue import Catalogue, loads

_TABLES = MetaData()
_secrets = Table(
    "secrets", _TABLES, Column("name", String, primary_key=True), Column("value", LargeBinary, nullable=False)
)
_catalogues = Table(
    "catalogues",
    _TABLES,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("product", String, nullable=False),
    Column("digest", String, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    Column("registered", Integer, nullable=False),
)
_ADMIN = "admin_token_sha256"


class Meta:
    """The server's memory, in an SQLite file at `path`. Thread-safe."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": 10})
        event.listen(self._engine, "connect", _configure)
        _TABLES.create_all(self._engine)
        path.chmod(0o600)

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    # ---- the admin token -----------------------------------------------------------------------

    def ensure_admin_token(self, preset: str | None = None) -> str | None:
        """Make sure that there is an admin token. Return it when it was made just now, else None.

        A `preset` token replaces the one before it, and is returned only when it is new.
        """
        if preset is not None:
            if self.check_admin_token(preset):
                return None
            self._keep(_ADMIN, _hashed(preset))
            return preset
        if self._value(_ADMIN) is not None:
            return None
        return self.rotate_admin_token()

    def rotate_admin_token(self) -> str:
        """Make a new admin token, which ends the one before it, and return it."""
        token = "wa_" + secrets.token_urlsafe(32)
        self._keep(_ADMIN, _hashed(token))
        return token

    def has_admin_token(self) -> bool:
        """Say whether an admin token was ever made."""
        return self._value(_ADMIN) is not None

    def check_admin_token(self, token: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self._value(_ADMIN) or b"", _hashed(token))

    def session_key(self) -> bytes:
        """Return the key of the sessions that the present admin token has opened; a new token ends them all."""
        token_hash = self._value(_ADMIN) or b""
        return hmac.digest(self.secret("insights_sessions"), token_hash, "sha256")

    # ---- secrets -------------------------------------------------------------------------------

    def secret(self, name: str) -> bytes:
        """Return the 32 random bytes of that name, made at the first call."""
        return self._first("secret:" + name, secrets.token_bytes(32))

    def collector_name(self) -> str:
        """Return this collector's lasting random name, which goes into every stored row."""
        return self._first("collector_name", f"c-{secrets.token_hex(4)}".encode()).decode()

    # ---- catalogues ----------------------------------------------------------------------------

    def register(self, catalogue: Catalogue) -> None:
        """Remember this version of a product's catalogue; the one registered last is its current one."""
        row = {
            "product": catalogue.product.name,
            "digest": catalogue.digest,
            "body": catalogue.to_json(),
            "registered": int(self._clock()),
        }
        with self._engine.begin() as connection:
            connection.execute(_catalogues.delete().where(_catalogues.c.digest == catalogue.digest))
            connection.execute(_catalogues.insert().values(row))

    def catalogues(self) -> list[Catalogue]:
        """Return every version of every product, the oldest registration first."""
        with self._engine.connect() as connection:
            bodies = (
                connection.execute(select(_catalogues.c.body).order_by(_catalogues.c.number)).scalars().all()
            )
        return [loads(body, source="telemetry.json") for body in bodies]

    def products(self) -> list[tuple[str, str]]:
        """Return (name, title) of each product, by name."""
        return sorted({c.product.name: c.product.title for c in self.catalogues()}.items())

    # ---- within --------------------------------------------------------------------------------

    def _value(self, name: str) -> bytes | None:
        with self._engine.connect() as connection:
            return connection.execute(select(_secrets.c.value).where(_secrets.c.name == name)).scalar()

    def _keep(self, name: str, value: bytes) -> None:
        with self._engine.begin() as connection:
            connection.execute(_secrets.delete().where(_secrets.c.name == name))
            connection.execute(_secrets.insert().values(name=name, value=value))

    def _first(self, name: str, value: bytes) -> bytes:
        kept = self._value(name)
        if kept is not None:  # a reader must not wait for those who write
            return kept
        # Two processes may ask for the same name at once: the first one's value holds for both.
        with self._engine.begin() as connection:
            connection.execute(insert(_secrets).values(name=name, value=value).on_conflict_do_nothing())
        kept = self._value(name)
        assert kept is not None
        return kept


def _configure(connection: Any, _record: object) -> None:
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
