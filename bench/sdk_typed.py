"""A function that `windrow generate` wrote, with five properties, against `track()` of them, under a live flusher."""

from __future__ import annotations

import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from windrow import Telemetry
from windrow.catalogue import load
from windrow.tools.generate import LANGUAGES

from bench.report import Result
from bench.support.product import CATALOGUE
from tests.support.listener import listening

BLOCKS, CALLS = 80, 100


def run() -> list[Result]:
    """Medians of blocks, in microseconds a call."""
    with tempfile.TemporaryDirectory() as folder, listening() as server:
        path = Path(folder) / "telemetry.toml"
        path.write_text(CATALOGUE)
        environ = {
            "BENCH_TELEMETRY_DIR": folder,
            "BENCH_TELEMETRY_ENDPOINT": server.url,
            "BENCH_TELEMETRY_FLUSH": "0.2",
            "BENCH_TELEMETRY_GRACE": "0",
        }
        telemetry = Telemetry(path, environ=environ)
        events = _generated(Path(folder)).Events(telemetry)
        calls: dict[str, Callable[[], object]] = {
            "typed": lambda: events.used(
                type="channel", agents=7, route="/agents/:id", fresh=True, version="1.4.0"
            ),
            "track": lambda: telemetry.track(
                "used",
                {"type": "channel", "agents": 7, "route": "/agents/:id", "fresh": True, "version": "1.4.0"},
            ),
        }
        found: dict[str, list[float]] = {name: [] for name in calls}
        for number in range(BLOCKS):
            for name, call in calls.items():
                found[name].append(_block(call))
            if number % 20 == 0:  # or the queue would be full: to drop is cheaper than to queue
                telemetry.flush()
        if telemetry.status().dropped:
            raise RuntimeError(f"the figure would be that of dropping: {telemetry.status().dropped}")
        telemetry.close(5)
    middle = {name: statistics.median(times) for name, times in found.items()}
    return [Result("typed function, 5 properties", middle["typed"], "track()", middle["track"], "µs", 0.7)]


def _block(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - began) / CALLS * 1e6


def _generated(folder: Path) -> Any:
    file = folder / "bench_events.py"
    file.write_text(LANGUAGES["python"](load(folder / "telemetry.toml")))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module
