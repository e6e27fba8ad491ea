"""Where an instance remembers. A state is a class with three methods; write your own by the protocol `State`."""

from __future__ import annotations

from windrow.state._file import FileState, open_folder, speaks_of
from windrow.state._memory import FORMAT, MemoryState

__all__ = [
    "FORMAT",
    "DatabaseState",
    "FileState",
    "MemoryState",
    "State",
    "open_folder",
    "open_url",
    "speaks_of",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow.state._database import DatabaseState
    from windrow.state._protocol import State
    from windrow.state._url import open_url

# Databases are for some; and a protocol needs `typing`, which costs more to import than all of the states.
_HOMES = {"DatabaseState": "_database", "State": "_protocol", "open_url": "_url"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'windrow.state' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"windrow.state.{_HOMES[name]}"), name)
    return value
