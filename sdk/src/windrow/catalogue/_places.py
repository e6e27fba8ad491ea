"""Where things stand in a TOML file: tomllib keeps no positions, and people need them."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def locate(text: str, source: str) -> dict[str, str]:
    """The place (`telemetry.toml:12`) of each dotted path in a TOML text."""
    places: dict[str, str] = {}
    table = ""
    open_string = ""
    for number, line in enumerate(text.splitlines(), 1):
        if open_string:
            if open_string in line:
                open_string = ""
            continue
        if header := _HEADER.match(line):
            table = _dotted(header[1])
            _note(places, table, f"{source}:{number}")
        elif key := _KEY.match(line):
            _note(places, ".".join(filter(None, (table, _dotted(key[1])))), f"{source}:{number}")
            open_string = _left_open(line)
    return places


def _dotted(written: str) -> str:
    return ".".join(part.strip("\"'") for part in _PART.findall(written))


def _note(places: dict[str, str], path: str, place: str) -> None:
    # A table that was never written has the place of the first thing inside it.
    while path:
        places.setdefault(path, place)
        path = path.rpartition(".")[0]


def _left_open(line: str) -> str:
    return next((quote for quote in ('"""', "'''") if line.count(quote) % 2), "")
