"""Windrow in Celery: what the tasks of a worker tell leaves before its processes end."""

from __future__ import annotations

from typing import Any

from celery import signals

from windrow import Telemetry
from windrow._settings import EXIT_SECONDS


def connect(telemetry: Telemetry, *, timeout: float = EXIT_SECONDS) -> None:
    """Close telemetry when a process of a worker ends, within `timeout` seconds each. Call it where tasks are defined.

    A child of the prefork pool ends without the interpreter's exit handlers, so it must be told; a `Telemetry` that was
    made before the fork begins anew in the child by itself.
    """

    def close(**_: Any) -> None:
        telemetry.close(timeout)

    # Not weakly: nothing else holds the function.
    signals.worker_process_shutdown.connect(close, weak=False)
    signals.worker_shutdown.connect(close, weak=False)
