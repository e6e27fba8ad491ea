"""Where batches go. A sink is a class with two methods; write your own by the protocol `Sink`."""

from __future__ import annotations

__all__ = ["Collector", "File", "Memory", "Outcome", "PostHog", "Sink", "make"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow.sinks._base import Outcome, Sink
    from windrow.sinks._http import Collector, PostHog
    from windrow.sinks._local import File, Memory
    from windrow.sinks._named import make

_HOMES = {"Collector": "_http", "PostHog": "_http", "File": "_local", "Memory": "_local", "make": "_named"}


def __getattr__(name: str) -> object:
    # Late, so that the price of http.client is paid in the flusher's thread and not by the first track().
    if name not in __all__:
        raise AttributeError(f"module 'windrow.sinks' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"windrow.sinks.{_HOMES.get(name, '_base')}"), name)
