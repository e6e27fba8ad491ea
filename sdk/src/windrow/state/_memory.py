"""Rows in memory."""

from __future__ import annotations

FORMAT = "1"  # of the rows: spec/state.md


class MemoryState:
    """Forgets all at exit: an `ephemeral` instance."""

    def __init__(self) -> None:
        self.kind = "ephemeral"
        self._rows: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """The row of this key."""
        return self._rows.get(key)

    def swap(self, key: str, old: str | None, new: str | None) -> bool:
        """Replace `old` by `new`; False if the row is not `old`."""
        return swap_row(self._rows, key, old, new)

    def items(self, prefix: str) -> list[tuple[str, str]]:
        """The rows whose key begins so."""
        return [(key, value) for key, value in self._rows.items() if key.startswith(prefix)]


def swap_row(rows: dict[str, str], key: str, old: str | None, new: str | None) -> bool:
    """Replace the row of a mapping; False if it is not `old`."""
    if rows.get(key) != old:
        return False
    if new is None:
        rows.pop(key, None)
    else:
        rows[key] = new
    return True
