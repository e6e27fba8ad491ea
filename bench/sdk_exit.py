"""What an SDK costs at the end of a program: from its last line to the end of its process, and what was delivered.

The program tracks 1,000 events and falls off the end of main, in the SDK's default configuration, with a sink that is
healthy, one that refuses connections, and one that accepts them and never answers (a black hole). Peers run once each
and are killed after 30 s, Windrow runs by turns with itself switched off; medians, the fewest delivered.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.report import Result, columns
from bench.support.clients import PEERS
from bench.support.running import environment, have_peers, python, sink, workplace
from tests.support.listener import refusing, silent

ROUNDS = 7
EVENTS = 1000
KILLED_AFTER = 30.0  # seconds
#: By sink: how many seconds the end may take longer than with telemetry switched off.
LIMITS = {"healthy": 0.1, "refused": 0.1, "black hole": 0.55}


class End(NamedTuple):
    """Seconds from the last line (None: it was not reached, or the end was not), events delivered, what went wrong."""

    seconds: float | None
    delivered: int
    trouble: str = ""

    def __str__(self) -> str:
        return f"{self.trouble or f'{self.seconds:.2f} s'} ({self.delivered:,})"


def run() -> list[Result]:
    """Seconds over the same program switched off, against the limits; the table of all is printed before."""
    table: dict[str, dict[str, End]] = {}
    results: list[Result] = []
    with workplace() as folder:
        for name, open_sink in _SINKS.items():
            with open_sink() as (url, count):
                ours, off = _windrow(folder, url, count)
                table.setdefault("windrow", {})[name] = ours
                table.setdefault("windrow, switched off", {})[name] = off
                results += _held(name, ours, off)
                for peer in PEERS if have_peers() else ():
                    table.setdefault(peer, {})[name] = _once(peer, folder, url, count)
    heading = ("from the last line to the end (delivered)", *_SINKS)
    print(columns([heading, *((sdk, *map(str, ends.values())) for sdk, ends in table.items())]), "\n")
    return results


def _held(name: str, ours: End, off: End) -> list[Result]:
    if ours.seconds is None or off.seconds is None:
        raise RuntimeError(f"{name}: {ours}, switched off: {off}")
    over = ours.seconds - off.seconds
    results = [Result(f"exit, {name}: over switched off", over, "limit", LIMITS[name], "s", 1.0)]
    if name == "healthy":
        results.append(
            Result(
                "exit, healthy: delivered", ours.delivered, "tracked", EVENTS, "events", 1.0, at_least=True
            )
        )
    return results


def _windrow(folder: Path, url: str, count: Callable[[], int]) -> tuple[End, End]:
    on, off = [], []
    for _ in range(ROUNDS):
        on.append(_once("windrow", folder, url, count))
        off.append(_once("windrow", folder, url, count, BENCH_TELEMETRY_DISABLED="1"))
    return _middle(on), _middle(off)


def _middle(ends: list[End]) -> End:
    times = [end.seconds for end in ends if end.seconds is not None]
    if len(times) < len(ends):
        return next(end for end in ends if end.seconds is None)
    return End(statistics.median(times), min(end.delivered for end in ends))


def _once(subject: str, folder: Path, url: str, count: Callable[[], int], **variables: str) -> End:
    program = python("-m", "bench.support.leaver", subject, url, str(EVENTS))
    state = tempfile.mkdtemp(dir=folder)  # what one run could not deliver must not arrive with the next
    began = time.monotonic()
    with subprocess.Popen(
        program,
        cwd=folder,
        env=environment(folder, url, BENCH_TELEMETRY_DIR=state, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            printed, said = process.communicate(timeout=KILLED_AFTER)
            ended = time.time()
            trouble = "" if printed else f"raised after {time.monotonic() - began:.2f} s: {_last_line(said)}"
        except subprocess.TimeoutExpired:
            process.kill()
            printed, said = process.communicate()
            trouble = f"killed at {KILLED_AFTER:.0f} s" + ("" if printed else ", in a call")
    return End(None if trouble else ended - float(printed), count(), trouble)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1].partition(":")[0].rpartition(".")[2]


@contextmanager
def _healthy() -> Iterator[tuple[str, Callable[[], int]]]:
    with sink() as server:
        yield server.url, server.events


@contextmanager
def _broken(
    listening: Callable[[], AbstractContextManager[str]],
) -> Iterator[tuple[str, Callable[[], int]]]:
    with listening() as url:
        yield url, lambda: 0


_SINKS: Mapping[str, Callable[[], AbstractContextManager[tuple[str, Callable[[], int]]]]] = {
    "healthy": _healthy,
    "refused": lambda: _broken(refusing),
    "black hole": lambda: _broken(silent),
}
