"""A strict stand-in for PostHog's capture: it refuses what PostHog refuses, and what an honest sender never sends."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

KEY = "phc_" + "a1B2" * 10
_ILLEGAL_IDS = {
    "0",
    "anonymous",
    "guest",
    "distinct_id",
    "undefined",
    "null",
    "none",
    "email",
    "true",
    "false",
    "",
}
_PROFILE_EVENTS = {"$identify", "$create_alias", "$groupidentify", "$set", "$merge_dangerously"}


class Refused(Exception):
    """What capture answers with: a status and a text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class StandIn(ThreadingHTTPServer):
    """`events` are the distinct ones that were taken; `refused` says why others were not."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: dict[str, dict[str, Any]] = {}
        self.refused: list[str] = []
        self.lose_replies = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            for event in _batch(self.path, dict(self.headers.items()), data):
                self.server.events[event["uuid"]] = event
        except Refused as refused:
            self.server.refused.append(str(refused))
            self._answer(refused.status, "text/plain", str(refused).encode())
            return
        if self.server.lose_replies:
            self.server.lose_replies -= 1
            self.close_connection = True
            return
        self._answer(200, "application/json", b'{"status":"Ok"}')

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _batch(path: str, headers: dict[str, str], data: bytes) -> list[dict[str, Any]]:
    if path != "/batch/":
        raise Refused(404, f"no such path: {path}")
    if headers.get("Content-Type") != "application/json":
        raise Refused(400, "not application/json")
    if len(data) > 20 * 1024 * 1024:
        raise Refused(413, "payload too large")
    try:
        body = json.loads(gzip.decompress(data) if headers.get("Content-Encoding") == "gzip" else data)
    except (ValueError, OSError) as error:
        raise Refused(400, "failed to parse request") from error
    if not re.fullmatch(r"phc_\w{20,}", str(body.get("api_key", ""))):
        raise Refused(401, "API key is not valid")
    if "sent_at" in body:
        raise Refused(400, "sent_at would shift the times")
    for event in body["batch"]:
        _check(event)
    return list(body["batch"])


def _check(event: dict[str, Any]) -> None:
    properties = event.get("properties", {})
    if (
        not event.get("event")
        or event["event"] in _PROFILE_EVENTS
        or any(k in event for k in ("$set", "$set_once"))
    ):
        raise Refused(400, f"not an event without a profile: {event.get('event')}")
    if str(event.get("distinct_id", "")).lower() in _ILLEGAL_IDS:
        raise Refused(400, "illegal distinct_id")
    try:
        UUID(event["uuid"])
        moment = datetime.fromisoformat(event["timestamp"])
    except (KeyError, ValueError) as error:
        raise Refused(400, f"uuid or timestamp: {error}") from error
    if (moment.minute, moment.second, moment.microsecond) != (0, 0, 0):
        raise Refused(400, "a time of day finer than an hour")
    wanted = {"$process_person_profile": False, "$geoip_disable": True, "$ip": "0.0.0.0"}
    for name, value in wanted.items():
        if properties.get(name) is not value and properties.get(name) != value:
            raise Refused(400, f"{name} is {properties.get(name)!r}")
    if extra := [n for n in properties if n.startswith("$") and n not in (*wanted, "$lib", "$lib_version")]:
        raise Refused(400, f"properties of PostHog that nobody asked for: {extra}")


@contextmanager
def posthog() -> Iterator[StandIn]:
    """A stand-in on loopback."""
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
