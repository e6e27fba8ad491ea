"""A sentinel with a module of its own, so that `track()` knows it before a catalogue is loaded."""

from __future__ import annotations


class _Invalid:
    __slots__ = ()

    def __repr__(self) -> str:
        return "INVALID"


#: What a check returns for a value that does not fit its type.
INVALID = _Invalid()


def text_of(value: object) -> str:
    """Plain text, also of what is derived from it (a member of an enumeration), which may lie about itself; else ""."""
    return str.__str__(value) if issubclass(type(value), str) else ""
