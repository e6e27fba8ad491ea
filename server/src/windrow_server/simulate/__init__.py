"""A simulated fleet: the same lives for the same seed and day, sent through the real parts."""

from windrow_server.simulate.run import Summary, run

__all__ = ["Summary", "run"]
