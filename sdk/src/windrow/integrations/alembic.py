"""Windrow in Alembic: which migrations are applied out in the world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from sqlalchemy import event as events
from sqlalchemy.engine import Connection

from windrow import Telemetry


class Applied(Protocol):
    """What `context.configure(on_version_apply=…)` takes."""

    def __call__(self, *, ctx: MigrationContext, step: MigrationInfo, **_: Any) -> None:
        """A migration was applied."""


def on_version_apply(
    telemetry: Telemetry, *, event: str = "migration_run", property: str = "name"
) -> Applied:
    """A function for `context.configure(on_version_apply=…)` that tracks each upgrade once it is committed.

    The migration is named as the catalogue lists it: by the stem of its file, or by its revision. Downgrades, stamps
    and `--sql` are not told.
    """
    names = _names(telemetry, event, property)

    def applied(*, ctx: MigrationContext, step: MigrationInfo, **_: Any) -> None:
        script = step.up_revision
        told = step.is_upgrade and not step.is_stamp and not ctx.as_sql
        if not told or not isinstance(script, Script) or ctx.connection is None:
            return
        name = script.revision if script.revision in names else Path(script.path).stem
        _when_committed(ctx.connection, lambda: telemetry.track(event, {property: name}))

    return applied


def _names(telemetry: Telemetry, event: str, property: str) -> frozenset[str]:
    try:
        return frozenset(telemetry.catalogue.events[event].properties[property].values)
    except (AttributeError, KeyError):  # a catalogue that cannot be used, or that declares no such event
        return frozenset()


def _when_committed(connection: Connection, act: Callable[[], None]) -> None:
    # A migration that fails takes those before it back, where all run in one transaction.
    waiting = [act]

    def commit(_: Connection) -> None:
        while waiting:
            waiting.pop()()

    def rollback(_: Connection) -> None:
        waiting.clear()

    events.listen(connection, "commit", commit)
    events.listen(connection, "rollback", rollback)
