"""A small real proxy: CONNECT, absolute form, a password; it keeps what it saw."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.raw import answer, read_request, serving


@dataclass
class Proxy:
    """`asked` has each request's head; `passed` each target that it connected to."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def proxying(names: Mapping[str, str] | None = None, password: str = "") -> Iterator[Proxy]:
    """A proxy on loopback that knows hosts by `names` as well, and asks for `password` (`somebody:secret`)."""
    proxy = Proxy()

    def handle(client: socket.socket) -> None:
        head, body = read_request(client)
        proxy.asked.append(head)
        line, *fields = head.split("\r\n")
        method, target, _ = line.split(" ")
        shown = [
            value for name, _, value in (f.partition(": ") for f in fields) if name == "Proxy-Authorization"
        ]
        wanted = "Basic " + base64.b64encode(password.encode()).decode()
        if password and shown != [wanted]:
            client.sendall(answer(407, b"who are you?", Proxy_Authenticate="Basic"))
            return
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        assert parts.hostname
        assert parts.port
        with socket.create_connection(
            ((names or {}).get(parts.hostname, parts.hostname), parts.port)
        ) as server:
            proxy.passed.append(parts.netloc)
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                kept = [f for f in fields if not f.lower().startswith("proxy-")]
                server.sendall(
                    "\r\n".join([f"{method} {parts.path} HTTP/1.1", *kept, "", ""]).encode() + body
                )
            back = threading.Thread(target=_pump, args=(server, client))
            back.start()
            _pump(client, server)
            back.join()

    with serving(handle) as proxy.port:
        yield proxy


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
