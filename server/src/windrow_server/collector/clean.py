"""The slow path: one event at a time, keeping what is declared and counting the rest by reason."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from windrow.catalogue.coarsen import INVALID

from windrow_server.collector.compiled import UUID_FORM, Version
from windrow_server.errors import Refusal

_UUID = re.compile(UUID_FORM)
_DIGITS = 20
# Every escape in turn, so that an escaped backslash before a `u` is not taken for the start of one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """Decode an envelope. Raises `Refusal`: "not_json", or "bad_envelope" with the place, without a value."""
    try:
        return _decoded(decoder, body)
    except msgspec.ValidationError as error:
        place = re.search(r"field `([a-z_]+)`", str(error)) or re.search(r"`\$\.([a-z_]+)", str(error))
        raise Refusal("bad_envelope", f"At `{place.group(1)}`." if place else "") from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Refusal("not_json") from None


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        # msgspec refuses half a surrogate pair, which json.dumps writes without a thought. No declared value
        # has one, so that a replacement character leads to the same verdict, for the one value that it is in.
        return decoder.decode(_ESCAPE.sub(lambda m: b"\\ufffd" if m.group(1) else m.group(), body))


def parsed(raw: msgspec.Raw) -> Any:
    """Parse any JSON, or return None. Never raises: lone surrogates, huge integers and deep nesting are read
    or given up within bounds."""
    try:
        return json.loads(bytes(raw), parse_int=_bounded, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def clean_event(value: Any, version: Version, now: float, refused: Counter[str]) -> dict[str, Any] | None:
    """Return the event with what its catalogue declares of it, or None; count in `refused` what is not."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        refused["malformed_event"] += 1
        return None
    checks = version.events.get(value["name"])
    if checks is None:
        refused["undeclared_event"] += 1
        return None
    identity, time = value.get("id"), value.get("time")
    if not isinstance(identity, str) or not _UUID.fullmatch(identity) or not isinstance(time, str):
        refused["malformed_event"] += 1
        return None
    if not version.times.fits(time, now):
        refused["bad_time"] += 1
        return None
    properties = clean_properties(value.get("properties", {}), checks, refused)
    if properties is None:
        refused["malformed_event"] += 1
        return None
    return {"id": identity, "name": value["name"], "time": time, "properties": properties}


def clean_properties(
    values: Any, checks: Mapping[str, Callable[[object], object]], refused: Counter[str]
) -> dict[str, Any] | None:
    """Return the declared properties at their wire values, or None when `values` is no mapping."""
    if not isinstance(values, dict):
        return None
    kept: dict[str, Any] = {}
    for name, value in values.items():
        check = checks.get(name)
        if check is None:
            refused["undeclared_property"] += 1
            continue
        wire = check(value)
        if wire is INVALID:
            refused["invalid_value"] += 1
        else:
            kept[name] = wire
    return kept


def _bounded(text: str) -> int:
    # Twenty digits are beyond every bucket and every maximum; int() of a million would be slow.
    return int(text) if len(text) <= _DIGITS else int(text[: _DIGITS + 1])


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
