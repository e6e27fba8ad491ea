"""Where an instance remembers. A state is a class with three methods; write your own by the protocol `State`."""

from __future__ import annotations

from windrow.state._file import FileState, open_folder, speaks_of
from windrow.state._memory import FORMAT, MemoryState

__all__ = ["FORMAT", "FileState", "MemoryState", "State", "open_folder", "speaks_of"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow.state._protocol import State


def __getattr__(name: str) -> object:
    # A protocol needs `typing`, which costs more to import than all of the states.
    if name != "State":
        raise AttributeError(f"module 'windrow.state' has no attribute {name!r}")
    from windrow.state._protocol import State

    return State
