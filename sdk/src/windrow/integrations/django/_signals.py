"""What Django tells of itself: applied migrations, settings that do not fit."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_migrate

from windrow.integrations.django._telemetry import KEYS, configured, forget, telemetry

EVENT = "migration_run"


def connect() -> None:
    """Once a process."""
    post_migrate.connect(track_migrations, dispatch_uid="windrow")
    setting_changed.connect(forget, dispatch_uid="windrow")
    register(check_settings)


def track_migrations(sender: AppConfig, plan: Any = (), using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """One event for each migration of the app that was newly applied: after all of them, in their order.

    It is named as the catalogue lists it: `0001_initial`, or `shop.0001_initial`.
    """
    labels = configured().get("MIGRATIONS")
    # Every database records every migration; one of them counts.
    if using != DEFAULT_DB_ALIAS or (labels is not None and sender.label not in labels):
        return
    applied = [m.name for m, backwards in plan if not backwards and m.app_label == sender.label]
    names = _declared_names() if applied else None
    if names is not None:
        for name in applied:
            full = f"{sender.label}.{name}"
            telemetry.track(EVENT, {"name": full if full in names else name})


def _declared_names() -> frozenset[str] | None:
    try:
        return frozenset(telemetry.catalogue.events[EVENT].properties["name"].values)
    except (AttributeError, KeyError):  # a catalogue that cannot be used, or that declares no such event
        return None


def check_settings(**_: Any) -> list[CheckMessage]:
    """What `manage.py check` says of `WINDROW`."""
    given = configured()
    known = [name for name, _ in KEYS]
    found: list[CheckMessage] = [
        Warning(f'WINDROW["{name}"] is not known.', hint=f"Known are {', '.join(known)}.", id="windrow.W001")
        for name in given
        if name not in known
    ]
    if "CATALOGUE" not in given:
        hint = 'Set WINDROW = {"CATALOGUE": BASE_DIR / "telemetry.toml"}.'
        found.append(Error('WINDROW["CATALOGUE"] is not set.', hint=hint, id="windrow.E001"))
    return found
