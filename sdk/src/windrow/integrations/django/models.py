"""The table of `spec/state.md`, so that migrations make it and Django's tools know it."""

from __future__ import annotations

from django.db import models


class StateRow(models.Model):
    """One row of the instance's state. Only `DjangoState` reads and writes it."""

    name = models.CharField(max_length=191, primary_key=True)
    value = models.TextField()

    class Meta:
        """The name that the table has in every language and framework."""

        db_table = "windrow_state"
        verbose_name = "row of the telemetry's state"
        verbose_name_plural = "rows of the telemetry's state"
