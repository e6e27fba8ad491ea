"""Kettle's telemetry, for its server and for its migrations."""

from pathlib import Path

from windrow import Telemetry

telemetry = Telemetry(Path(__file__).parents[1] / "telemetry.toml", app_version="1.2.3")
