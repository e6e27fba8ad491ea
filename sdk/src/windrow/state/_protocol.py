"""What every state is: rows of text under a key. Layout: `spec/state.md`."""

from __future__ import annotations

from typing import Protocol


class State(Protocol):
    """Where an instance remembers. `kind` is `database`, `file` or `ephemeral`.

    `get` and `items` raise `StateError` where state is there and cannot be read.
    """

    kind: str

    def get(self, key: str) -> str | None:
        """The row of this key."""

    def swap(self, key: str, old: str | None, new: str | None) -> bool:
        """Replace `old` by `new` (None: no row); False, and no change, if the row is not `old`."""

    def items(self, prefix: str) -> list[tuple[str, str]]:
        """The rows whose key begins so."""
