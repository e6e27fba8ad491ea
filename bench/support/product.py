"""The product of the benchmarks: an event with five properties, and a counter."""

from __future__ import annotations

from pathlib import Path

EVENT = "used"
COUNTER = "asked"
PROPERTIES: dict[str, object] = {
    "type": "channel",
    "agents": 7,
    "route": "/agents/:id",
    "fresh": True,
    "version": "1.4.0",
}
CATALOGUE = """
[product]
name = "bench"
key = "wk_bench"
endpoint = "https://telemetry.example.org"

[events.used]
[events.used.properties.type]
type = "choice"
values = ["mcp-connector", "retriever", "channel"]
[events.used.properties.agents]
type = "range"
buckets = ["0", "1", "2-5", "6-10", "11+"]
[events.used.properties.route]
type = "route"
values = ["/", "/agents", "/agents/:id"]
[events.used.properties.fresh]
type = "flag"
[events.used.properties.version]
type = "choice"
values = ["1.3.0", "1.4.0"]

[events.asked]
kind = "counter"
buckets = ["0", "1-9", "10+"]
"""


def write_catalogue(folder: Path) -> Path:
    """The catalogue as a file."""
    path = folder / "telemetry.toml"
    path.write_text(CATALOGUE)
    return path
