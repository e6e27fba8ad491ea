"""Reading a request's body within bounds: length, time, and what it unpacks to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from isal import isal_zlib

from windrow_server.errors import Refusal
from windrow_server.settings import LIMIT

Receive = Callable[[], Awaitable[Any]]
IsalError: Any = isal_zlib.error
_GZIP = b"\x1f\x8b\x08"
_DRAINED = 4


class Gone(Exception):
    """The client left before its request was complete: there is nobody to answer."""


async def read(
    receive: Receive,
    headers: Iterable[tuple[bytes, bytes]],
    *,
    sniff: bool,
    limits: tuple[int, int] = (LIMIT["body_bytes"], LIMIT["unpacked_bytes"]),
) -> bytes:
    """Return the whole body, unpacked; `limits` bound it in bytes, as it comes and unpacked.

    `sniff` unpacks gzip by its first bytes as well, whatever the headers say. Raises `Refusal` and `Gone`.
    """
    body = await _whole(receive, limits[0])
    encoding = (
        next((value for name, value in headers if name == b"content-encoding"), b"identity").strip().lower()
    )
    if encoding in (b"gzip", b"x-gzip") or (sniff and body[:3] == _GZIP):
        return unpacked(body, limits[1])
    if encoding not in (b"identity", b""):
        raise Refusal("unsupported_encoding")
    return body


def unpacked(body: bytes, limit: int) -> bytes:
    """Unpack gzip up to `limit` bytes. Raises `Refusal` ("bad_gzip", "too_large")."""
    stream = isal_zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(body, max_length=limit + 1)
    except IsalError:
        raise Refusal("bad_gzip") from None
    if len(plain) > limit:
        raise Refusal("too_large")
    if not stream.eof or stream.unused_data:
        raise Refusal("bad_gzip")
    return bytes(plain)


async def _whole(receive: Receive, limit: int) -> bytes:
    try:
        async with asyncio.timeout(LIMIT["body_seconds"]):
            return await _joined(receive, limit)
    except TimeoutError:
        raise Refusal("slow_body") from None


async def _joined(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        length += len(message["body"])
        if length <= limit:
            chunks.append(message["body"])
        elif length > _DRAINED * LIMIT["body_bytes"]:
            raise Refusal("too_large")
        # What is too large is read on for a while and thrown away: a client that is still sending when the
        # answer comes sees a broken connection instead of the answer.
        more = message.get("more_body", False)
    if length > limit:
        raise Refusal("too_large")
    return b"".join(chunks)
