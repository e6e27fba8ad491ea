"""One connection, with one deadline for all that is done over it.

Only replies are read by http.client. Its connection takes a timeout for each call, so that a side that drips a byte
a second could hold it for a day, and its CONNECT differs from one Python to the next.
"""

from __future__ import annotations

import io
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from typing import Any, cast

from windrow.sinks._proxy import Hindrance, Proxy

LARGEST_REPLY = 65_536  # bytes, with its head


class Wire:
    """Connects at once; OSError where nobody answers. Close it after use.

    `deadline` is a moment of `time.monotonic()`: beyond it, everything raises TimeoutError. `largest` bounds a reply,
    in bytes.
    """

    def __init__(self, host: str, port: int, deadline: float, largest: int = LARGEST_REPLY) -> None:
        self._deadline = deadline
        self.largest = largest
        self._socket = self._connect(host, port)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def tunnel(self, proxy: Proxy, target: str) -> None:
        """Have the proxy connect to the target, `host:port`."""
        reply = self.ask(f"CONNECT {target}", {"Host": target, **proxy.headers})
        if not 200 <= reply.status < 300:
            raise Hindrance(f"proxy answered {reply.status}")

    def seal(self, host: str, bundle: str) -> None:
        """TLS with `host`, checked against the platform's certificates and those in `bundle` (a file or a folder)."""
        import ssl

        context = ssl.create_default_context()  # reads SSL_CERT_FILE and SSL_CERT_DIR itself
        try:
            if bundle:
                context.load_verify_locations(**{"capath" if os.path.isdir(bundle) else "cafile": bundle})
        except OSError:
            raise Hindrance("certificates in REQUESTS_CA_BUNDLE cannot be read") from None
        self._socket.settimeout(self._left())  # for the handshake as a whole
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise Hindrance(f"certificate: {error.verify_message}") from None

    def ask(self, line: str, headers: Mapping[str, str], body: bytes = b"") -> HTTPResponse:
        """Send a request, and read the head of the reply."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        # A server may say 413 and close before it has read all: what it says counts.
        with suppress(ConnectionError):
            self._send(f"{line} HTTP/1.1\r\n{fields}\r\n".encode("ascii") + body)
        reply = HTTPResponse(cast("socket.socket", self))  # of a socket, it uses makefile() alone
        reply.begin()
        return reply

    def read(self, reply: HTTPResponse) -> bytes | None:
        """The body of the reply; None where it was cut short: its status counts all the same."""
        # http.client takes a head that breaks off for one that is done: then "empty" proves nothing.
        is_framed = reply.chunked or reply.length is not None
        try:
            body = reply.read(self.largest)
        except (OSError, HTTPException, ValueError):
            return None
        return None if reply.length or not (body or is_framed) else body

    def makefile(self, *_: str) -> io.BufferedReader:
        """What has been received, to be read in the time that is left."""
        return io.BufferedReader(_Received(self))

    def receive_into(self, buffer: Any) -> int:
        """How many bytes came; 0 at the end."""
        self._socket.settimeout(self._left())
        return self._socket.recv_into(buffer)

    def _connect(self, host: str, port: int) -> socket.socket:
        # Nothing can interrupt the look-up in this process. It runs in the worker's daemon thread, for which neither
        # close() nor the exit of the interpreter waits longer than it was told.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failure = OSError()
        for tried, (family, kind, protocol, _, address) in enumerate(found):
            attempt = socket.socket(family, kind, protocol)
            try:
                # A share of the time for each: an IPv6 address that leads nowhere must leave some for IPv4.
                attempt.settimeout(self._left() / (len(found) - tried))
                attempt.connect(address)
                return attempt
            except OSError as error:
                attempt.close()
                failure = error
        raise failure

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._socket.settimeout(self._left())
            view = view[self._socket.send(view) :]

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Received(io.RawIOBase):
    """Ends after the largest reply, whatever length or chunk the other side declares."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._room = wire.largest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._room:
            return 0
        count = self._wire.receive_into(memoryview(buffer)[: self._room])
        self._room -= count
        return count
