"""Where batches go. A sink is a class with one method; write your own by the protocol `Sink`."""

from __future__ import annotations

from windrow.sinks._base import Outcome, Sink
from windrow.sinks._http import Collector, PostHog
from windrow.sinks._local import File, Memory

__all__ = ["Collector", "File", "Memory", "Outcome", "PostHog", "Sink"]
