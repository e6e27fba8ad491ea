"""What was sent, byte for byte, for the operator: `ledger.jsonl` beside the state. Layout: `spec/state.md`."""

from __future__ import annotations

import os

from windrow._append import append_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow.sinks import Outcome

_LARGEST = 1_000_000  # bytes; then the file becomes `ledger.old.jsonl`, and the one before it goes


class Ledger:
    """Lines of JSON in a folder; without a folder (an ephemeral instance) it keeps nothing."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, "ledger.jsonl") if folder else ""

    def before(self, batch_id: str, where: str, body: bytes, moment: str) -> None:
        """Write down the exact bytes, before they leave. Raises `OSError`."""
        self._append({"batch_id": batch_id, "time": moment, "to": where, "body": body.decode()})

    def after(self, batch_id: str, outcome: Outcome) -> None:
        """Write down how it ended. Raises `OSError`."""
        self._append({"batch_id": batch_id, "outcome": outcome.status, "detail": outcome.detail})

    def _append(self, line: dict[str, str]) -> None:
        if not self._path:
            return
        import json

        if append_line(self._path, json.dumps(line, separators=(",", ":")).encode()) > _LARGEST:
            os.replace(self._path, self._path.replace(".jsonl", ".old.jsonl"))
