"""`import windrow` against the modules that a usual client imports first; each in a process of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys

from bench.report import Result

ROUNDS = 25
TIMED = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def run() -> list[Result]:
    """Medians of interleaved rounds, in milliseconds."""
    peer = "import json, threading, queue, logging"
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for statement in ("import windrow", "from windrow import Telemetry", peer):
            done = subprocess.run(
                [sys.executable, "-c", TIMED.format(statement)], capture_output=True, text=True, check=True
            )
            found.setdefault(statement, []).append(float(done.stdout) * 1000)
    middle = {statement: statistics.median(times) for statement, times in found.items()}
    return [
        Result("import windrow", middle["import windrow"], peer, middle[peer], "ms", 1.0),
        Result(
            "from windrow import Telemetry",
            middle["from windrow import Telemetry"],
            peer,
            middle[peer],
            "ms",
            1.0,
        ),
    ]
