"""What a call costs its caller, in one run: five properties, the flusher live, caller and flusher on one core.

Each SDK is a process of its own on core 0, the sink is one on core 1. They take turns in blocks, and a block's events
are all sent before the next turn, so that no flusher works in another's time. Blocks are larger than a batch: the
flusher of each wakes within its own. Medians of blocks; the tail is of calls timed one by one.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack

from bench.report import Result
from bench.support.running import caller, have_peers, sink, workplace

BLOCKS, CALLS = 25, 2000  # fewer than a queue holds: to drop is cheaper than to queue
_PEERS = ("posthog", "opentelemetry")
_BUDGETS = {"json.dumps": 0.7, "posthog": 1 / 30, "opentelemetry": 1 / 8}
_OFF = (("track", "track, off", "bare call, 2"), ("count", "count, off", "bare call, 1"))


def run() -> list[Result]:
    """Medians in microseconds a call, and the slowest of a thousand in milliseconds."""
    sending = ["windrow", *(_PEERS if have_peers() else ())]
    still = ["json.dumps", *(name for _, *pair in _OFF for name in pair)]
    with workplace() as folder, sink() as server, ExitStack() as stack:
        callers = {name: stack.enter_context(caller(name, folder, server.url)) for name in sending + still}
        blocks: dict[str, list[float]] = {name: [] for name in callers}
        singles: dict[str, list[int]] = {name: [] for name in [*sending, "json.dumps"]}
        for one in callers.values():
            one.ask("together", CALLS)
            server.events()
        for _ in range(BLOCKS):
            for name, one in callers.items():
                blocks[name].append(one.ask("together", CALLS) / CALLS / 1000)
                _expect(name, server.events(), CALLS if name in sending else 0)
            for name, times in singles.items():
                times += callers[name].ask("singly", CALLS)
                _expect(name, server.events(), CALLS if name in sending else 0)
    middle = {name: statistics.median(times) for name, times in blocks.items()}
    return [*_calls(middle), *_switched_off(middle), *_tails(singles)]


def _expect(name: str, events: int, tracked: int) -> None:
    if events != tracked:
        raise RuntimeError(
            f"{name}: {events} of {tracked} events arrived; the figure would be that of dropping"
        )


def _calls(middle: dict[str, float]) -> list[Result]:
    return [
        Result("track(), 5 properties", middle["windrow"], name, middle[name], "µs", budget)
        for name, budget in _BUDGETS.items()
        if name in middle
    ]


def _switched_off(middle: dict[str, float]) -> list[Result]:
    return [
        Result(f"{call}(), switched off", middle[off], "bare call", middle[bare], "µs", 1.5)
        for call, off, bare in _OFF
    ]


def _tails(singles: dict[str, list[int]]) -> list[Result]:
    found = {name: statistics.quantiles(times, n=1000, method="inclusive") for name, times in singles.items()}
    ours = found.pop("windrow")
    return [
        *(Result("one call, p50", ours[499] / 1e3, name, q[499] / 1e3, "µs") for name, q in found.items()),
        *(Result("one call, p99.9", ours[998] / 1e6, name, q[998] / 1e6, "ms") for name, q in found.items()),
    ]
