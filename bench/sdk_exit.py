"""From the last line of a program that tracked 1,000 events to the end of its process, by what the collector does."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench.report import Result
from tests.support import products
from tests.support.listener import listening, refusing, silent

ROUNDS = 5
PROGRAM = """
import time
for cups in range(1000):
    telemetry.track("tea_made", {"sort": "green", "cups": cups})
print(time.time(), flush=True)
"""


def run() -> list[Result]:
    """Medians, in milliseconds, against the same program with telemetry switched off."""
    with tempfile.TemporaryDirectory() as folder:
        program = products.script(Path(folder), PROGRAM)
        off = _middle(program, KETTLE_TELEMETRY_DISABLED="1")
        results = []
        ends: list[tuple[str, Callable[[], AbstractContextManager[str]]]] = [
            ("healthy", _healthy),
            ("refusing", refusing),
            ("silent", silent),
        ]
        for name, collector in ends:
            with collector() as url:
                ours = _middle(program, KETTLE_TELEMETRY_ENDPOINT=url)
                results.append(Result(f"exit, {name} collector", ours, "switched off", off, "ms"))
        return results


@contextmanager
def _healthy() -> Iterator[str]:
    with listening() as server:
        yield server.url


def _middle(program: Path, **variables: str) -> float:
    return statistics.median(_once(program, variables) for _ in range(ROUNDS))


def _once(program: Path, variables: dict[str, str]) -> float:
    done = products.run(program, **variables)
    return (time.time() - float(done.stdout)) * 1000
