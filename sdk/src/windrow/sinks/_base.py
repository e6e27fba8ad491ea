"""What every sink is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class Outcome(NamedTuple):
    """How a send ended.

    `status`: `delivered`; `later` (again, not before `after` seconds); `too_large` (again, in halves);
    `refused` (never again).
    `detail` is for the operator: an HTTP status, or the type of an error; never a body.
    `wishes` is what the other side asks of the instance: `pause` and `stop` in seconds, `sample` from 0 to 1.
    """

    status: str
    detail: str = ""
    after: float = 0.0
    wishes: Mapping[str, float] = {}


class Sink(Protocol):
    """Takes batches. `where` says to whom, for the ledger and for `status()`."""

    where: str

    def send(self, body: bytes, timeout: float) -> Outcome:
        """Hand over one batch, within about `timeout` seconds. Called from one thread; may raise."""

    def render(self, envelope: Any) -> bytes:
        """The exact bytes that `send` will hand over for an envelope (`spec/envelope.md`)."""
