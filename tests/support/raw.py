"""Real TCP servers on loopback that read a request and answer with the bytes they are given, with TLS or without."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Raw:
    """`requests` has each request as head and body."""

    host: str
    port: int
    scheme: str
    requests: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{name}:{self.port}"


def read_request(connection: socket.socket) -> tuple[str, bytes]:
    """A request's head, and a body of the length that it declares."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += (more := connection.recv(65_536))
        if not more:
            return data.decode("latin-1"), b""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:]]
    length = next((int(value) for name, _, value in lines if name.lower() == "content-length"), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head.decode("latin-1"), body


def answer(status: int = 200, body: bytes = b'{"accepted":1,"refused":{}}', **headers: str) -> bytes:
    """A reply of this status; `retry_after="7"` becomes a header."""
    fields = {"Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body


@contextmanager
def serving(
    handle: Callable[[socket.socket], None], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Take connections, each in a thread, until the block ends; the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.create_server((host, 0), family=family)
    threads = []

    def one(connection: socket.socket) -> None:
        connection.settimeout(20)
        # The other side may go whenever it likes.
        with contextlib.suppress(OSError), connection:
            if tls is None:
                handle(connection)
            else:
                with tls.wrap_socket(connection, server_side=True) as sealed:
                    handle(sealed)

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
            threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)  # ends accept()
        accepting.join()
        server.close()
        for thread in threads:
            thread.join(20)


@contextmanager
def answering(
    said: bytes | Callable[[socket.socket], None], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Raw]:
    """Read each request, and say these bytes, or let a function say them; then close."""
    raw = Raw(host, 0, "https" if tls else "http")

    def handle(connection: socket.socket) -> None:
        raw.requests.append(read_request(connection))
        if callable(said):
            said(connection)
        else:
            connection.sendall(said)

    with serving(handle, host, tls) as raw.port:
        yield raw
