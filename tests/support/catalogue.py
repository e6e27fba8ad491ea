"""A small catalogue with every kind of event, for tests of the server."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from windrow.catalogue import Catalogue, loads

KEY = "wk_hay_tests"
TOML = f"""
[product]
name = "hay"
title = "Hay"
key = "{KEY}"
sink = "collector"
endpoint = "https://telemetry.example.org"
contact = "privacy@example.org"
keep_days = 400
time_precision = "day"

[context.app_version]
type = "version"
why = "Which releases still need fixes."

[events.plugin_installed]
description = "A plugin was installed."
why = "Which kinds to invest in."
since = "1.0.0"

[events.plugin_installed.properties.type]
type = "choice"
values = ["channel", "playbook"]
why = "The kind."

[events.plugin_installed.properties.class]
type = "flag"
why = "A name that is a word of Python."

[events.report]
description = "All the other types."
why = "Tests."
since = "1.0.0"

[events.report.properties.parts]
type = "choices"
values = ["a", "b", "c"]
why = "Tests."

[events.report.properties.size]
type = "range"
buckets = ["0", "1-9", "10+"]
why = "Tests."

[events.report.properties.number]
type = "count"
max = 100
why = "Tests."

[events.report.properties.runtime]
type = "version"
why = "Tests."

[events.report.properties.migration]
type = "name"
values = ["0001_start"]
why = "Tests."

[events.report.properties.page]
type = "route"
values = ["/agents/:id"]
why = "Tests."

[events.conversation_created]
description = "Conversations of a day."
why = "How busy instances are."
since = "1.0.0"
kind = "counter"
buckets = ["0", "1-9", "10+"]
"""


def sample() -> Catalogue:
    """The catalogue above."""
    return loads(TOML)


def write_catalogue(folder: Path) -> Path:
    """Write it to `folder`, and return the file."""
    file = folder / "telemetry.toml"
    file.write_text(TOML)
    return file


def today() -> str:
    """Today in UTC, as an event's time."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def event(**changes: Any) -> dict[str, Any]:
    """A good event, with changes."""
    return {
        "id": str(uuid.uuid4()),
        "name": "plugin_installed",
        "time": today(),
        "properties": {"type": "channel"},
    } | changes


def envelope(events: list[Any], **changes: Any) -> bytes:
    """A good envelope around `events`, with changes; a change to None leaves the field out."""
    whole = {
        "format": 1,
        "key": KEY,
        "catalogue": sample().digest,
        "batch_id": str(uuid.uuid4()),
        "instance_id": str(uuid.uuid4()),
        "instance_kind": "file",
        "sdk": "windrow-python/0.1.0",
        "context": {"app_version": "1.4.0"},
        "dropped": {},
        "events": events,
    } | changes
    return json.dumps({key: value for key, value in whole.items() if value is not None}).encode()


def posthog(events: list[Any], **changes: Any) -> bytes:
    """A good PostHog batch, with changes."""
    return json.dumps({"api_key": KEY, "batch": events, "sent_at": None} | changes).encode()


def posthog_event(**changes: Any) -> dict[str, Any]:
    """A good event on the PostHog wire, with changes."""
    return {
        "event": "plugin_installed",
        "distinct_id": "somebody@example.org",
        "uuid": str(uuid.uuid4()),
        "timestamp": today() + "T00:00:00Z",
        "properties": {"type": "channel", "$lib": "posthog-python", "$lib_version": "7.91.1"},
    } | changes
