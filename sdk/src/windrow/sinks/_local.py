"""Sinks that stay on the machine."""

from __future__ import annotations

import json
import os
from typing import Any

from windrow._append import append_line
from windrow.envelope import encode
from windrow.sinks._base import Outcome


class File:
    """Appends each batch as one line of JSON, for air-gapped machines and for curiosity."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.where = os.fspath(path)

    def render(self, envelope: Any) -> bytes:
        """The envelope as it is."""
        return encode(envelope)

    def send(self, body: bytes, timeout: float) -> Outcome:  # noqa: ARG002
        """One write of one line, so that several processes may share the file."""
        append_line(self.where, body)
        return Outcome("delivered")


class Memory:
    """Keeps the envelopes in a list, for tests."""

    where = "memory"

    def __init__(self) -> None:
        self.envelopes: list[dict[str, Any]] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events of all batches, in order."""
        return [event for envelope in self.envelopes for event in envelope["events"]]

    def render(self, envelope: Any) -> bytes:
        """The envelope as it is."""
        return encode(envelope)

    def send(self, body: bytes, timeout: float) -> Outcome:  # noqa: ARG002
        """Keep it."""
        self.envelopes.append(json.loads(body))
        return Outcome("delivered")
