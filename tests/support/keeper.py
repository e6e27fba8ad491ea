"""A small collector over real HTTP, which keeps what it is sent, shows it, and forgets it, by `spec/envelope.md`."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from windrow.envelope import instance_of, read_token

KEY = "wk_kettle_tests"


class Keeper(ThreadingHTTPServer):
    """`held` has the events of each instance, `paths` what was asked; `answers`, by path, are given instead."""

    daemon_threads = True

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(("127.0.0.1", 0), _Handler)
        self.held: dict[str, list[dict[str, Any]]] = {}
        self.forgotten: set[str] = set()
        self.forwarded: list[str] = []
        self.paths: list[str] = []
        self.tokens: list[str] = []
        self.answers: dict[str, tuple[int, Any]] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """All that is held."""
        return [event for events in self.held.values() for event in events]

    def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Keep a batch."""
        instance_id = body["instance_id"]
        if instance_id in self.forgotten:
            return {"accepted": 0, "refused": {"forgotten": len(body["events"])}}
        kept = self.held.setdefault(instance_id, [])
        context = body["context"]
        kept += [
            {**event, "context": context, "received": f"{event['time'][:10]}T14:00Z"}
            for event in body["events"]
        ]
        return {"accepted": len(body["events"]), "refused": {}}

    def forget(self, body: dict[str, Any]) -> dict[str, Any]:
        """Erase what the tokens prove."""
        self.tokens += body["erase_tokens"]
        proven = [instance_of(read_token(bytes.fromhex(token))) for token in body["erase_tokens"]]
        for instance_id in proven:
            self.held.pop(instance_id, None)
        self.forgotten.update(proven)
        return {"forgotten": proven, "forwarded": self.forwarded}

    def show(self, body: dict[str, Any]) -> dict[str, Any]:
        """Show what the token proves."""
        instance_id = instance_of(bytes.fromhex(body["read_token"]))
        events = self.held.get(instance_id, [])
        return {"instance_id": instance_id, "events": events[::-1], "truncated": False}


class _Handler(BaseHTTPRequestHandler):
    server: Keeper

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        self.server.paths.append(self.path)
        body = json.loads(data)
        if self.path in self.server.answers:
            self._answer(*self.server.answers[self.path])
        elif body["key"] != self.server.key:
            self._answer(401, {"error": "unknown_key", "message": "This key is not known."})
        else:
            does = {"/v1/batch": "batch", "/v1/forget": "forget", "/v1/held": "show"}[self.path]
            self._answer(200, getattr(self.server, does)(body))

    def _answer(self, status: int, answer: Any) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def keeping(key: str = KEY) -> Iterator[Keeper]:
    """A collector on loopback, for the product of this key."""
    with Keeper(key) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
