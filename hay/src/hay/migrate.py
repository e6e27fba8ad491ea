"""Brings the database up to date, and tells which migrations were applied."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from windrow import Telemetry
from windrow.integrations.alembic import on_version_apply

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(url: str, telemetry: Telemetry) -> None:
    """Apply what is missing."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", url)
    config.attributes["on_version_apply"] = on_version_apply(telemetry)
    command.upgrade(config, "head")
