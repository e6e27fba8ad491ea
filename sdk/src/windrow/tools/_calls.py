"""What a search through source files finds, whatever the language."""

from __future__ import annotations

import re
from typing import NamedTuple

#: The call that each kind of event wants.
CALL_OF = {"event": "track", "counter": "count", "snapshot": "snapshot"}
GENERATED = "Generated from the catalogue. Do not edit; make it anew:"
_WORDS = re.compile(r"telemetry|windrow", re.IGNORECASE)


class Call(NamedTuple):
    """One call that sends. `name` is None where it cannot be seen; `keys` are those of a mapping written there.

    `sure`: the receiver is a telemetry, so that a name that is not declared is a mistake. `side`: server, dashboard,
    or "" where that is not known.
    """

    file: str
    line: int
    call: str
    name: str | None
    keys: tuple[str, ...] = ()
    sure: bool = True
    side: str = ""


class Feature(NamedTuple):
    """One `data-telemetry="…"` of a page; `value` is None where it is computed."""

    file: str
    line: int
    value: str | None


class Generated(NamedTuple):
    """A module that `windrow generate` wrote, and which of its functions were called: names, by language."""

    stems: frozenset[str]
    functions: dict[str, str]


def is_telemetry(receiver: str, more: frozenset[str]) -> bool:
    """Whether something of this name sends: it says so, or was named with `--receiver`."""
    return bool(_WORDS.search(receiver)) or receiver in more
