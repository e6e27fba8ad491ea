"""Brings the database up to date, and says what was done."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(url: str) -> list[str]:
    """Apply what is missing; the names of the migrations that were applied, in their order."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", url)
    before = _revision(url)
    command.upgrade(config, "head")
    scripts = ScriptDirectory.from_config(config).iterate_revisions("head", before or "base")
    return [Path(script.path).stem for script in reversed(list(scripts))]


def _revision(url: str) -> str | None:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
