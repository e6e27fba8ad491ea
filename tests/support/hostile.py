"""A server on loopback that treats each request as its mood says, at one address in all moods."""

from __future__ import annotations

import gzip
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: Does something with a connection whose request has been read: the server, the connection, the body.
Mood = Callable[["Moody", socket.socket, bytes], None]

TAKEN = b'{"accepted":0,"refused":{}}'


class Moody(socketserver.ThreadingTCPServer):
    """`taken` has the envelopes that were taken, `asked` counts all requests; `mood` may change at any time."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, port: int = 0) -> None:
        self.mood: Mood = healthy
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.raw: list[bytes] = []
        self.over = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of all envelopes that were taken."""
        return [event for envelope in list(self.taken) for event in envelope["events"]]

    def take(self, body: bytes) -> None:
        """Keep what was sent."""
        self.taken.append(json.loads(body))

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that are killed break their connections."""


class _Handler(socketserver.BaseRequestHandler):
    server: Moody

    def handle(self) -> None:
        data = self._read()
        self.server.asked += 1
        self.server.raw.append(data)
        self.server.mood(self.server, self.request, data)

    def _read(self) -> bytes:
        got = b""
        while b"\r\n\r\n" not in got:
            chunk = self.request.recv(65536)
            if not chunk or self.server.mood is silent:
                return got
            got += chunk
        head, _, body = got.partition(b"\r\n\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(headers.get(b"content-length", b"0")):
            body += self.request.recv(65536)
        return gzip.decompress(body) if headers.get(b"content-encoding") == b"gzip" else body


def healthy(server: Moody, connection: socket.socket, body: bytes) -> None:
    """Take it, and say so."""
    server.take(body)
    _reply(connection, 200, body=TAKEN)


def silent(server: Moody, connection: socket.socket, body: bytes) -> None:
    """Never answer."""
    server.over.wait(60)


def dripping(server: Moody, connection: socket.socket, body: bytes) -> None:
    """A byte of the answer each second."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n" + TAKEN:
        connection.sendall(bytes([byte]))
        if server.over.wait(1):
            return


def forgetful(server: Moody, connection: socket.socket, body: bytes) -> None:
    """Take it, and hang up without a word."""
    server.take(body)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answering(status: int, *headers: str, body: bytes = b"{}") -> Mood:
    """Answer with this status, and take nothing."""

    def answer(server: Moody, connection: socket.socket, _: bytes) -> None:
        _reply(connection, status, *headers, body=body)

    answer.__name__ = str(status)
    return answer


def _reply(connection: socket.socket, status: int, *headers: str, body: bytes = b"{}") -> None:
    head = [f"HTTP/1.1 {status} So", f"Content-Length: {len(body)}", "Connection: close", *headers]
    connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)


@contextmanager
def moody(mood: Mood = healthy, port: int = 0) -> Iterator[Moody]:
    """A server in this mood."""
    with Moody(port) as server:
        server.mood = mood
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


@contextmanager
def nobody_listens() -> Iterator[int]:
    """A port at which nobody listens for now."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@contextmanager
def silent_resolver() -> Iterator[str]:
    """The address of a name server that never answers. Needs root; raises `OSError` without."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        for last in range(2, 250):
            address = f"127.53.7.{last}"
            try:
                held.bind((address, 53))
            except PermissionError:
                raise
            except OSError:  # another test has it
                continue
            yield address
            return
    raise OSError("no free address")


def unique(events: list[dict[str, Any]]) -> set[str]:
    """The ids of events."""
    return {event["id"] for event in events}
