"""`track()` with five properties under a live flusher, against `json.dumps` of them and against posthog-python.

Each SDK sends to a local server; calls are timed in small blocks, since a flusher shares the interpreter.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from posthog import Posthog
from windrow import Telemetry

from bench.report import Result
from tests.support.listener import listening

BLOCKS, CALLS = 80, 100  # together fewer than the queue holds: to drop is cheaper than to queue
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
"""


def run() -> list[Result]:
    """Medians of blocks, in microseconds a call."""
    with tempfile.TemporaryDirectory() as folder, listening() as server:
        path = Path(folder) / "telemetry.toml"
        path.write_text(CATALOGUE)
        environ = {
            "BENCH_TELEMETRY_DIR": folder,
            "BENCH_TELEMETRY_ENDPOINT": server.url,
            "BENCH_TELEMETRY_FLUSH": "0.2",
        }
        telemetry = Telemetry(path, environ=environ)
        posthog = Posthog("phc_bench", host=server.url, max_queue_size=2 * BLOCKS * CALLS)
        calls: dict[str, Callable[[], object]] = {
            "track": lambda: telemetry.track("used", PROPERTIES),
            "json.dumps": lambda: json.dumps(PROPERTIES),
            "posthog-python": lambda: posthog.capture("used", distinct_id="x", properties=PROPERTIES),
        }
        for call in calls.values():
            _block(call)
        found: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(BLOCKS):
            for name, call in calls.items():
                found[name].append(_block(call))
        if telemetry.status().dropped:
            raise RuntimeError(f"the figure would be that of dropping: {telemetry.status().dropped}")
        telemetry.close(5)
        posthog.shutdown()
    middle = {name: statistics.median(times) for name, times in found.items()}
    return [
        Result("track(), 5 properties", middle["track"], "json.dumps", middle["json.dumps"], "µs", 0.7),
        Result(
            "track(), 5 properties", middle["track"], "posthog-python", middle["posthog-python"], "µs", 1 / 30
        ),
    ]


def _block(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - began) / CALLS * 1e6
