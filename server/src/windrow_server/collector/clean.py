"""The slow path: one event at a time, keeping what is declared and counting the rest by reason.

It runs beside the event loop, and yet a single call into C stops everybody: each is bounded first.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from windrow.catalogue.coarsen import INVALID

from windrow_server.collector.compiled import UUID_FORM, Version
from windrow_server.errors import Refusal
from windrow_server.settings import LIMIT

_UUID = re.compile(UUID_FORM)
_DIGITS = 20
_PARTS = (b",", b"[", b"{", b"\\")
_DEPTH = 64
_ROOM = 100
# Possessive, and content with a string that does not end: one look at each byte, whatever they are.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
MALFORMED = (msgspec.MsgspecError, ValueError, RecursionError)
_SKIP = msgspec.json.Decoder(msgspec.Raw).decode


def readable(body: bytes) -> bytes:
    """Return the body as JSON that msgspec reads, with null for what only json.dumps calls JSON (NaN and
    Infinity) and for what is nested beyond reason. Raises `Refusal` ("too_large", "not_json")."""
    if sum(map(body.count, _PARTS)) > LIMIT["batch_parts"]:
        raise Refusal("too_large")
    try:
        # In brackets, so that who reads it later has the room on the stack for certain.
        _SKIP(b"[" * _ROOM + body + b"]" * _ROOM)
    except MALFORMED:
        return _mended(body)
    return body


def decoded(decoder: msgspec.json.Decoder[Any], body: bytes, wrong: str = "bad_envelope") -> Any:
    """Decode an envelope. Raises `Refusal`: "not_json", or `wrong` with the place, without a value."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        place = re.search(r"field `([a-z_]+)`", str(error)) or re.search(r"`\$\.([a-z_]+)", str(error))
        raise Refusal(wrong, f"At `{place.group(1)}`." if place else "") from None
    except MALFORMED:
        raise Refusal("not_json") from None


def parsed(raw: msgspec.Raw) -> Any:
    """Parse one event or any other part of an envelope, or return None. Never raises: huge integers are read
    and a part of more than `event_bytes` is given up."""
    text = bytes(raw)
    try:
        return None if len(text) > LIMIT["event_bytes"] else _JSON.decode(text.decode())
    except (ValueError, RecursionError):
        return None


def _mended(body: bytes) -> bytes:
    try:
        value = _JSON.decode(_shallow(body).decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise Refusal("not_json") from None
    # json.dumps writes half a surrogate pair without a thought, and msgspec refuses it. No declared value has
    # one, so that a replacement character leads to the same verdict, for the one value that it is in.
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return text.decode("utf-8", "replace").encode()


def _shallow(body: bytes) -> bytes:
    """Put null in place of what lies deeper than any declared value, so that a parser need not descend."""
    kept, start, depth = [], 0, 0
    for token in _TOKEN.finditer(body):
        mark = body[token.start()]
        if mark in b"[{":
            depth += 1
            if depth == _DEPTH:
                kept.append(body[start : token.start()])
                start = token.start()
        elif mark in b"]}":
            if depth == _DEPTH:
                kept.append(b"null")
                start = token.end()
            depth -= 1
    return b"".join([*kept, body[start:]])


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
    if not version.rule(value["name"]).fits(time, now):
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


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


_JSON = json.JSONDecoder(parse_int=_bounded, parse_float=_finite, parse_constant=_finite)
