"""The application. Its label is `windrow`: `manage.py migrate windrow`."""

from __future__ import annotations

from django.apps import AppConfig


class WindrowConfig(AppConfig):
    """Brings the table in which an instance remembers, and tells which migrations were applied."""

    name = "windrow.integrations.django"
    label = "windrow"
    verbose_name = "Windrow"
    default = True

    def ready(self) -> None:
        """Connect what listens."""
        from windrow.integrations.django import _signals

        _signals.connect()
