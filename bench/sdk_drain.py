"""How fast events reach the sink: 10,000 of five properties, the SDK on core 0, the sink on core 1.

Two figures, medians of twenty rounds in which the SDKs take turns; every event is counted at the sink:

- *full queue*: the flusher gets no turn while the queue fills; timed is `flush()` alone, from its call to its return.
- *track and drain*: from the first call until all is sent, as peers can be measured too (theirs let no queue fill).

Each SDK's batches, compression, ledger and connections are its own defaults; only OpenTelemetry's queue of 2,048 is
made larger.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack

from bench.report import Result
from bench.support.running import Caller, RunningSink, caller, have_peers, sink, workplace

ROUNDS, EVENTS = 20, 10_000
FLOOR = 100_000
_PEERS = ("posthog", "opentelemetry")


def run() -> list[Result]:
    """Events a second."""
    names = ["windrow", *(_PEERS if have_peers() else ())]
    with workplace() as folder, sink() as server, ExitStack() as stack:
        callers = {name: stack.enter_context(caller(name, folder, server.url)) for name in names}
        for one in callers.values():
            one.ask("through", EVENTS)
            server.events()
        full: list[float] = []
        through: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(ROUNDS):
            full.append(_rate("windrow", callers["windrow"], "drain", server))
            for name, one in callers.items():
                through[name].append(_rate(name, one, "through", server))
    middle = {name: statistics.median(found) for name, found in through.items()}
    ours = middle.pop("windrow")
    return [
        Result("drain, full queue", statistics.median(full), "floor", FLOOR, "events/s", 1.0, at_least=True),
        *(Result("track and drain", ours, name, rate, "events/s") for name, rate in middle.items()),
    ]


def _rate(name: str, one: Caller, how: str, server: RunningSink) -> float:
    seconds = float(one.ask(how, EVENTS)) / 1e9
    if (arrived := server.events()) != EVENTS:
        raise RuntimeError(f"{name}: {arrived} of {EVENTS} events arrived")
    return EVENTS / seconds
