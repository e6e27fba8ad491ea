"""A program that makes calls when it is told to: `python -m bench.support.caller SUBJECT URL`.

A line on standard input is `together N` (one timing around N calls), `singly N` (each call timed), `through N` (from
the first of N calls until all are sent) or `drain N` (fill the queue with N events, time the flush alone); the answer
is a line of JSON in nanoseconds. The queue is emptied after each.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping

from bench.support.clients import Client, start
from bench.support.product import PROPERTIES

_SLOW_SWITCH = 60.0  # seconds
_TOGETHER = """
def loop(n):
    began = clock()
    for _ in range(n):
        {statement}
    return clock() - began
"""
_SINGLY = """
def loop(n):
    times = []
    for _ in range(n):
        began = clock()
        {statement}
        times.append(clock() - began)
    return times
"""


def main(subject: str, url: str) -> None:
    """Answer until standard input ends."""
    client = start(subject, url, room=20_000) if subject not in _CONTROLS else _CONTROLS[subject]()
    together, singly = _compiled(_TOGETHER, client), _compiled(_SINGLY, client)
    ways: dict[str, Callable[[int], object]] = {
        "together": together,
        "singly": singly,
        "through": lambda calls: _through(client, together, calls),
        "drain": lambda calls: _drain(client, together, calls),
    }
    for line in sys.stdin:
        how, calls = line.split()
        answer = ways[how](int(calls))
        client.flush()
        print(json.dumps(answer), flush=True)


def _through(client: Client, loop: Callable[[int], object], events: int) -> int:
    began = time.perf_counter_ns()
    loop(events)
    client.flush()
    return time.perf_counter_ns() - began


def _drain(client: Client, loop: Callable[[int], object], events: int) -> int:
    # The flusher gets no turn while the queue fills, so that all of it is there when the clock starts.
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SLOW_SWITCH)
    loop(events)
    sys.setswitchinterval(usual)
    if (waiting := client.queued()) != events:
        raise RuntimeError(f"{waiting} of {events} events wait")
    began = time.perf_counter_ns()
    client.flush()
    return time.perf_counter_ns() - began


def _compiled(source: str, client: Client) -> Callable[[int], object]:
    names: dict[str, object] = {**client.names, "PROPERTIES": PROPERTIES, "clock": time.perf_counter_ns}
    # The statement stands in the loop itself: a function around it would cost as much as some of what is measured.
    exec(source.format(statement=client.statement), names)
    loop = names["loop"]
    assert callable(loop)
    return loop


def _nothing() -> None:
    """There is no queue to empty."""


def _json() -> Client:
    return Client("dumps(PROPERTIES)", {"dumps": json.dumps}, _nothing)


def _off(statement: str) -> Callable[[], Client]:
    def start_off() -> Client:
        from windrow import Telemetry

        telemetry = Telemetry("telemetry.toml", environ={"DO_NOT_TRACK": "1"})
        if telemetry.is_enabled():
            raise RuntimeError("it is not switched off")
        return Client(statement, {"telemetry": telemetry}, _nothing)

    return start_off


def _bare(statement: str) -> Callable[[], Client]:
    def nothing(event: str, properties: Mapping[str, object] | None = None) -> None:  # noqa: ARG001 -- as track()
        return None

    return lambda: Client(statement, {"nothing": nothing}, _nothing)


_CONTROLS: Mapping[str, Callable[[], Client]] = {
    "json.dumps": _json,
    "track, off": _off('telemetry.track("used", PROPERTIES)'),
    "count, off": _off('telemetry.count("asked")'),
    "bare call, 2": _bare('nothing("used", PROPERTIES)'),
    "bare call, 1": _bare('nothing("asked")'),
}


if __name__ == "__main__":
    main(*sys.argv[1:])
