"""The server's settings: one table, from which flags, environment, help and the reference page come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: field and flag name, environment variable, default (as text), one-line help."""

    name: str
    env: str
    default: str | None
    help: str


SETTINGS = (
    Setting("data", "WINDROW_DATA", None, "Folder that keeps inbox, accounts and the embedded store."),
    Setting(
        "store",
        "WINDROW_STORE",
        "embedded",
        "`embedded`, or a ClickHouse: http://name:password@host:port/database.",
    ),
    Setting(
        "catalogue",
        "WINDROW_CATALOGUE",
        None,
        "A product's telemetry.toml or telemetry.json; can be repeated.",
    ),
    Setting("host", "WINDROW_HOST", "127.0.0.1", "Address to listen on."),
    Setting("port", "WINDROW_PORT", "7717", "Port to listen on; 0 takes a free one."),
    Setting(
        "admin-token",
        "WINDROW_ADMIN_TOKEN",
        None,
        "Presets the token that insights asks for; otherwise one is made and printed at the first start.",
    ),
)
"""Every setting of `windrow-server serve`. A flag wins over the environment."""

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound on a request: its value, its unit and why it is there."""

    name: str
    value: int
    unit: str
    why: str


LIMITS = (
    Limit("body_bytes", 8 * MEGABYTE, "bytes", "A body on the wire."),
    Limit("unpacked_bytes", 8 * MEGABYTE, "bytes", "A gzip body when unpacked: as much as a plain one."),
    Limit("batch_events", 10_000, "events", "Events in one batch."),
    Limit(
        "event_bytes", 64 * 1024, "bytes", "One event that needs a closer look; a larger one is malformed."
    ),
    Limit("batch_parts", 500_000, "parts", "Commas, opening brackets and backslashes of such a batch."),
    Limit("body_seconds", 10, "seconds", "Time for a whole body to arrive."),
    Limit(
        "waiting_bytes",
        64 * MEGABYTE,
        "bytes",
        "What may wait for the disk, and for a closer look; then 503.",
    ),
    Limit("connections", 1_000, "connections", "Requests at a time; then 503."),
    Limit("request_bytes", 128 * 1024, "bytes", "A body of `/v1/forget` or `/v1/held`, also when unpacked."),
    Limit("request_tokens", 1_000, "tokens", "Erase tokens in one request."),
    Limit("requests_a_minute", 30, "requests", "Requests of both kinds for one key; then 429."),
    Limit(
        "forgotten_a_day",
        10_000,
        "instances",
        "Instances forgotten for one key; then 429. The key is public, and each is remembered for good.",
    ),
    Limit("held_events", 1_000, "events", "Events that `/v1/held` shows, the newest first."),
)
"""The limits of the collector. Not settings: a maintainer rarely has a reason to change them."""

LIMIT: dict[str, int] = {limit.name: limit.value for limit in LIMITS}


@dataclass(frozen=True, slots=True)
class Settings:
    """What one `windrow-server serve` runs with.

    `data` is a folder that may not exist yet; `store` is "embedded" or a ClickHouse URL; `catalogues` are the
    files given; port 0 takes a free port; `admin_token` presets the token, None makes one at the first start.
    """

    data: Path
    store: str = "embedded"
    catalogues: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = 7717
    admin_token: str | None = None
