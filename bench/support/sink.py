"""A sink that understands every SDK well enough to count its events: `python -m bench.support.sink`.

It keeps bodies as they come, answers 200, and unpacks them only when it is asked, so that it costs the sender
nothing: `GET /` gives the number of events since the last `GET`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

_REPLY = b'{"accepted":1,"status":1,"code":200}'  # what windrow, mixpanel and amplitude look for


class Sink(ThreadingHTTPServer):
    """`taken` holds path, encoding and body of each request."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[tuple[str, str, bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Sink

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # the program ended in the middle of it: nothing was delivered
            return
        self.server.taken.append((self.path, self.headers.get("Content-Encoding", ""), body))
        self._answer(_REPLY)

    def do_GET(self) -> None:
        taken, self.server.taken = self.server.taken, []
        self._answer(str(sum(_events(*request) for request in taken)).encode())

    def _answer(self, body: bytes) -> None:
        # In one write: a second would wait for the other side's delayed acknowledgement.
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _events(path: str, encoding: str, body: bytes) -> int:
    if encoding == "gzip":
        body = gzip.decompress(body)
    if path == "/v1/logs":
        return _otlp_logs(body)
    if path.endswith("/envelope/"):
        return sum(_sentry_items(body))
    if path == "/track":
        return len(json.loads(parse_qs(body.decode())["data"][0]))
    found = json.loads(body)
    batch = found.get("events") or found.get("batch") or found.get("data") or []
    return len(batch)


def _sentry_items(body: bytes) -> Iterator[int]:
    rest = body.partition(b"\n")[2]
    while rest:
        line, _, rest = rest.partition(b"\n")
        if not line:
            continue
        header = json.loads(line)
        length = header.get("length", len(rest.partition(b"\n")[0]))
        rest = rest[length:].removeprefix(b"\n")
        yield header.get("item_count", 1) if header["type"] in ("event", "log") else 0


def _otlp_logs(body: bytes) -> int:
    """Log records in an ExportLogsServiceRequest: `resource_logs` (1), `scope_logs` (2), `log_records` (2)."""
    return sum(
        1 for resource in _messages(body, 1) for scope in _messages(resource, 2) for _ in _messages(scope, 2)
    )


def _messages(data: bytes, field: int) -> Iterator[bytes]:
    """The embedded messages of one field of a protobuf message; there are only such fields on this path."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 != 2:
            raise ValueError(f"not a message: wire type {tag & 7}")
        length, at = _varint(data, at)
        if tag >> 3 == field:
            yield data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def main() -> None:
    """Serve until killed; the port is the first line of standard output."""
    server = Sink()
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
