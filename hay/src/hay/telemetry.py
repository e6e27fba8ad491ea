"""All of Hay's telemetry: what the rest of the code calls, and what is asked once a day."""

from __future__ import annotations

import platform
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from windrow import Telemetry

from hay import __version__
from hay.models import CHANNELS, PLUGIN_TYPES, Database

CATALOGUE = Path(__file__).parents[2] / "telemetry.toml"


def make(data: Path) -> Telemetry:
    """Telemetry by Hay's configuration; nothing is begun."""
    return Telemetry(CATALOGUE, app_version=__version__, config=configuration(data))


def start(telemetry: Telemetry, database: Database) -> None:
    """Say that the server has started, and what is asked once a day."""
    telemetry.snapshot("instance_info")(_surroundings)
    telemetry.snapshot("feature_usage")(lambda: _usage(database))
    telemetry.track("server_started", _surroundings())


def configuration(data: Path) -> Callable[[], dict[str, Any]]:
    """Hay's own configuration, read anew each time: `telemetry = false` in it works without a restart."""

    def read() -> dict[str, Any]:
        file = data / "hay.toml"
        return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}

    return read


def _surroundings() -> dict[str, str]:
    return {"runtime_version": platform.python_version(), "os": sys.platform, "database": "sqlite"}


def _usage(database: Database) -> dict[str, object]:
    agents, conversations, plugins, channels = database.usage()
    by_type = {f"plugins_{kind.replace('-', '_')}": plugins.get(kind, 0) for kind in PLUGIN_TYPES}
    active = [channel for channel in CHANNELS if channel in channels]
    return {"agents": agents, "conversations": conversations, "channels_active": active, **by_type}
