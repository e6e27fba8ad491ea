"""The PostHog wire, put into envelopes: unmodified PostHog SDKs send here, and pass the same catalogue.

`distinct_id` is never kept: it becomes a keyed hash of kind `foreign`. So does an event's `uuid`, since newer
SDKs put the millisecond into it; the same event sent again still has the same id.
Properties that begin with `$` are the SDK's own and are left out without a count.
"""

from __future__ import annotations

import hmac
import json
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from windrow_server.collector.admission import FORMAT, NO_INSTANCE, Admission, Admitted
from windrow_server.collector.clean import clean_properties, decoded, parsed, readable
from windrow_server.collector.compiled import Version
from windrow_server.errors import Refusal
from windrow_server.settings import LIMIT

_LIBRARIES = {
    "posthog-python": "posthog-python",
    "posthog-node": "posthog-node",
    "web": "posthog-js",
    "js": "posthog-js",
}
_DISTINCT_ID = 200
_ENCODE = msgspec.json.Encoder().encode


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]
    api_key: str | None = None
    token: str | None = None
    sent_at: msgspec.Raw = msgspec.Raw(b"null")


_BATCH = msgspec.json.Decoder(_Batch)


class _Translation:
    """One request on its way: events gathered by instance and context."""

    def __init__(self, version: Version, key: str, secret: bytes, now: float, skew: float) -> None:
        self.version = version
        self.key = key
        self.secret = secret
        self.now = now
        self.skew = skew
        self.refused: Counter[str] = Counter()
        self.envelopes: dict[tuple[str, str, bytes], dict[str, Any]] = {}

    def hashed(self, purpose: str, text: str) -> str:
        message = f"{self.version.product}\0{purpose}\0{text}".encode("utf-8", "surrogatepass")
        return str(uuid.UUID(bytes=hmac.digest(self.secret, message, "sha256")[:16], version=4))

    def add(self, value: Any) -> None:
        """Take one event of the request, or count why not."""
        if not isinstance(value, dict) or not isinstance(name := value.get("event"), str):
            self.refused["malformed_event"] += 1
            return
        checks = self.version.events.get(name)
        if checks is None:
            self.refused["undeclared_event"] += 1
            return
        sent = value.get("properties") or {}
        distinct = value.get("distinct_id") or (sent.get("distinct_id") if isinstance(sent, dict) else None)
        if not isinstance(sent, dict) or distinct is None:
            self.refused["malformed_event"] += 1
            return
        time = self.time(name, value.get("timestamp"))
        if time is None:
            self.refused["bad_time"] += 1
            return
        own = {k: v for k, v in sent.items() if not k.startswith("$") and k not in ("token", "distinct_id")}
        about = {k: own.pop(k) for k in list(own) if k in self.version.context and k not in checks}
        context = clean_properties(about, self.version.context, self.refused) or {}
        properties = clean_properties(own, checks, self.refused)
        instance = self.hashed("instance", _text(distinct)[:_DISTINCT_ID])
        event = {
            "id": self.identity(value.get("uuid"), instance, name, time),
            "name": name,
            "time": time,
            "properties": properties,
        }
        self.envelope(instance, _sdk(sent), context)["events"].append(event)

    def identity(self, given: Any, instance: str, name: str, time: str) -> str:
        if name in self.version.daily:
            return str(uuid.uuid5(uuid.UUID(instance), f"{name}:{time[:10]}"))
        return self.hashed("event", given) if isinstance(given, str) and given else str(uuid.uuid4())

    def time(self, name: str, given: Any) -> str | None:
        moment = _moment(given)
        rule = self.version.rule(name)
        try:
            text = rule.cut(self.now if moment is None else moment - self.skew)
        except ValueError:
            return None
        return text if rule.fits(text, self.now) else None

    def envelope(self, instance: str, sdk: str, context: Mapping[str, Any]) -> dict[str, Any]:
        place = (instance, sdk, _ENCODE(context))
        return self.envelopes.setdefault(
            place,
            {
                "format": FORMAT,
                "key": self.key,
                "catalogue": self.version.digest,
                "batch_id": str(uuid.uuid4()),
                "instance_id": instance,
                "instance_kind": "foreign",
                "sdk": sdk,
                "context": context,
                "dropped": {},
                "events": [],
            },
        )


def admit(admission: Admission, body: bytes, now: float) -> list[Admitted]:
    """Judge one PostHog batch: an envelope for each instance and context in it.

    The counts of what was refused stand on the first one. Raises `Refusal` when it cannot be read at all.
    """
    batch: _Batch = decoded(_BATCH, readable(body))
    key = batch.api_key or batch.token or ""
    product = admission.product(key)
    if len(batch.batch) > LIMIT["batch_events"]:
        raise Refusal("too_large")
    sent_at = _moment(parsed(batch.sent_at))
    work = _Translation(product.latest, key, admission.secret, now, 0.0 if sent_at is None else sent_at - now)
    for raw in batch.batch:
        work.add(parsed(raw))
    if not work.envelopes and work.refused:
        work.envelope(NO_INSTANCE, "posthog/0.0.0", {})
    return [
        Admitted(product.name, _ENCODE(envelope), len(envelope["events"]), {} if number else work.refused)
        for number, envelope in enumerate(work.envelopes.values())
    ]


def _moment(value: Any) -> float | None:
    """Unix seconds of an ISO 8601 time (without an offset: UTC), or None."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _sdk(properties: Mapping[str, Any]) -> str:
    library, version = properties.get("$lib"), properties.get("$lib_version")
    name = _LIBRARIES.get(library, "posthog") if isinstance(library, str) else "posthog"
    numbers = version.split(".") if isinstance(version, str) else []
    known = len(numbers) == 3 and all(n.isascii() and n.isdigit() and len(n) <= 6 for n in numbers)
    return f"{name}/{'.'.join(numbers) if known else '0.0.0'}"
