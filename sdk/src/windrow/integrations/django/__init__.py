"""Windrow in Django: add `windrow.integrations.django` to `INSTALLED_APPS`, set `WINDROW`, and run `migrate`."""

from windrow.integrations.django._telemetry import telemetry

__all__ = ["telemetry"]
