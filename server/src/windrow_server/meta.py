"""`meta.sqlite`: what the server itself must remember: the admin token, its secrets, every catalogue given, the
instances that were forgotten, and what maintainers wish of the instances of a product.

Tokens are kept as SHA-256 (they are 256 random bits, so that there is nothing to guess); secrets are made on
first use and derived from nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    URL,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
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
#: Nothing but the id: not when it was asked, not for which product. `erased` is 1 once the store holds nothing of it.
_forgotten = Table(
    "forgotten",
    _TABLES,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("instance", String, nullable=False, unique=True),
    Column("erased", Integer, nullable=False, default=0),
    sqlite_autoincrement=True,
)
_wishes = Table(
    "wishes",
    _TABLES,
    Column("product", String, primary_key=True),
    Column("stop", Integer, nullable=False),
    Column("pause", Integer, nullable=False),
    Column("sample", Float),
)
_ADMIN = "admin_token_sha256"
_HOUR, _DAY = 3600, 86_400


class Wish(NamedTuple):
    """What is asked of a product's instances. `stop` and `pause` are unix seconds at which they end, 0 for none;
    `sample` is a share from 0 to 1, None for none."""

    stop: int = 0
    pause: int = 0
    sample: float | None = None

    def at(self, now: float) -> dict[str, float]:
        """Return what a reply says of it at `now` (unix seconds): only what is still asked, in seconds from then."""
        said: dict[str, float] = {}
        if self.pause > now:
            said["pause"] = math.ceil(self.pause - now)
        if self.stop > now:
            said["stop"] = math.ceil(self.stop - now)
        if self.sample is not None:
            said["sample"] = self.sample
        return said

    def words(self, now: float) -> list[str]:
        """Return a half-sentence for each thing that is asked at `now`."""
        said = self.at(now)
        words = []
        if "stop" in said:
            words.append(f"telemetry is to be off until {_moment(self.stop)}")
        if "pause" in said:
            words.append(f"nothing is to be sent until {_moment(self.pause)}; events wait")
        if self.sample is not None:
            share = "all" if self.sample == 1 else f"{100 * self.sample:g} %"
            words.append(f"{share} of the instances are to send")
        return words


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

    def current(self) -> list[Catalogue]:
        """Return the catalogue of each product that was registered last, by the product's name."""
        newest = {catalogue.product.name: catalogue for catalogue in self.catalogues()}
        return [newest[name] for name in sorted(newest)]

    # ---- forgotten instances -------------------------------------------------------------------

    def forget(self, instances: Iterable[str]) -> None:
        """Remember for good that these instances are erased. It is on disk when this returns."""
        rows = [{"instance": instance} for instance in instances]
        with self._engine.begin() as connection:
            connection.execute(insert(_forgotten).on_conflict_do_nothing(), rows)

    def forgotten(self, after: int = 0) -> list[tuple[int, str]]:
        """Return (number, instance) of those forgotten after number `after`, in that order. Numbers only grow."""
        with self._engine.connect() as connection:
            # One number is read at each look, instead of whatever there is: looks are frequent, news is rare.
            newest = connection.execute(select(func.max(_forgotten.c.number))).scalar() or 0
            if newest <= after:
                return []
            query = select(_forgotten.c.number, _forgotten.c.instance).where(_forgotten.c.number > after)
            return [(number, instance) for number, instance in connection.execute(query.order_by("number"))]

    def to_erase(self, most: int) -> list[tuple[int, str]]:
        """Return (number, instance) of up to `most` forgotten instances of which the store may hold something."""
        query = select(_forgotten.c.number, _forgotten.c.instance).where(_forgotten.c.erased == 0)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by("number").limit(most))
            return [(number, instance) for number, instance in rows]

    def erased(self, numbers: Iterable[int]) -> None:
        """Remember that the store holds nothing of them any more."""
        with self._engine.begin() as connection:
            connection.execute(
                _forgotten.update().where(_forgotten.c.number.in_(list(numbers))).values(erased=1)
            )

    # ---- wishes --------------------------------------------------------------------------------

    def wishes(self) -> dict[str, Wish]:
        """Return what is asked of the instances by product; what is over is left out."""
        now = self._clock()
        with self._engine.connect() as connection:
            rows = connection.execute(select(_wishes)).all()
        kept = {row.product: Wish(row.stop, row.pause, row.sample) for row in rows}
        return {product: wish for product, wish in kept.items() if wish.at(now)}

    def wish(
        self,
        product: str,
        *,
        stop_days: float | None = None,
        pause_hours: float | None = None,
        sample: float | None = None,
    ) -> None:
        """Ask this of a product's instances from now on; what is None stays as it is."""
        now = int(self._clock())
        wish = self.wishes().get(product, Wish())
        if stop_days is not None:
            wish = wish._replace(stop=now + int(stop_days * _DAY))
        if pause_hours is not None:
            wish = wish._replace(pause=now + int(pause_hours * _HOUR))
        if sample is not None:
            wish = wish._replace(sample=sample)
        with self._engine.begin() as connection:
            connection.execute(_wishes.delete().where(_wishes.c.product == product))
            connection.execute(_wishes.insert().values(product=product, **wish._asdict()))

    def unwish(self, product: str) -> None:
        """Ask nothing of a product's instances any more."""
        with self._engine.begin() as connection:
            connection.execute(_wishes.delete().where(_wishes.c.product == product))

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


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _configure(connection: Any, _record: object) -> None:
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
