"""Sinks over HTTP: a collector, and PostHog. Redirects are never followed."""

from __future__ import annotations

import http.client
import json
import time
import zlib
from typing import Any
from urllib.parse import urlsplit

from windrow import __version__
from windrow.envelope import encode
from windrow.sinks._base import Outcome

_WORTH_COMPRESSING = 1024  # bytes: below, gzip costs more than it saves
_LARGEST_REPLY = 65_536
_TRANSIENT = (408, 425, 429)


class _Http:
    def __init__(self, endpoint: str, path: str) -> None:
        self.where = f"{endpoint}{path}"

    def send(self, body: bytes, timeout: float) -> Outcome:
        """POST `body`; the reply's status decides."""
        headers = {"Content-Type": "application/json", "User-Agent": f"windrow-python/{__version__}"}
        if len(body) > _WORTH_COMPRESSING:
            packer = zlib.compressobj(1, wbits=31)
            body = packer.compress(body) + packer.flush()
            headers["Content-Encoding"] = "gzip"
        try:
            connection, path = self._connect(timeout)
        except ValueError:
            return Outcome("later", "not an http(s) address")
        try:
            connection.request("POST", path, body, headers)
            reply = connection.getresponse()
            reply.read(_LARGEST_REPLY)
            return _outcome(reply.status, reply.getheader("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            return Outcome("later", type(error).__name__)
        finally:
            connection.close()

    def _connect(self, timeout: float) -> tuple[http.client.HTTPConnection, str]:
        parts = urlsplit(self.where)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(self.where)
        host, port = parts.hostname, parts.port
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout), parts.path
        import ssl

        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context), parts.path


class Collector(_Http):
    """A Windrow collector: `POST <endpoint>/v1/batch`."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint.rstrip("/"), "/v1/batch")

    def render(self, envelope: Any) -> bytes:
        """The envelope as it is."""
        return encode(envelope)


class PostHog(_Http):
    """PostHog Cloud, or a server that speaks its wire: `POST <host>/batch/`.

    No profile, no GeoIP, a placeholder in place of the address, and no time of sending: PostHog would shift
    the events by it.
    """

    def __init__(self, host: str) -> None:
        super().__init__(host.rstrip("/"), "/batch/")

    def render(self, envelope: Any) -> bytes:
        """The events in PostHog's form; ids and times are the envelope's own, so that a retry counts once."""
        fixed = {
            "$process_person_profile": False,
            "$geoip_disable": True,
            "$ip": "0.0.0.0",  # noqa: S104 -- not an address to listen on: it stops PostHog from filling one in
            "$lib": "windrow-python",
            "$lib_version": __version__,
            "instance_kind": envelope["instance_kind"],
        }
        batch = [
            {
                "event": event["name"],
                "distinct_id": envelope["instance_id"],
                "uuid": event["id"],
                "timestamp": _moment(event["time"]),
                "properties": {**envelope["context"], **event["properties"], **fixed},
            }
            for event in envelope["events"]
        ]
        whole = {"api_key": envelope["key"], "historical_migration": False, "batch": batch}
        return json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()


def _moment(wire_time: str) -> str:
    """PostHog wants a moment. Noon in UTC puts a day on the same date in most of the world."""
    return wire_time.replace(":00Z", ":00:00Z") if "T" in wire_time else f"{wire_time}T12:00:00Z"


def _outcome(status: int, retry_after: str | None) -> Outcome:
    detail = str(status)
    if 200 <= status < 300:
        return Outcome("delivered", detail)
    if status == 413:
        return Outcome("too_large", detail)
    if status >= 500 or status in _TRANSIENT or 300 <= status < 400:
        return Outcome("later", detail, _seconds(retry_after))
    return Outcome("refused", detail)


def _seconds(retry_after: str | None) -> float:
    if not retry_after:
        return 0.0
    if retry_after.strip().isdigit():
        return min(float(retry_after), 86_400.0)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, min(parsedate_to_datetime(retry_after).timestamp() - time.time(), 86_400.0))
    except (ValueError, OverflowError):
        return 0.0
