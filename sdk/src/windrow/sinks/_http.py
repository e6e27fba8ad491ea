"""Sinks over HTTP: a collector, and PostHog. Redirects are never followed."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from windrow import __version__
from windrow.envelope import encode
from windrow.sinks._base import Outcome
from windrow.sinks._proxy import Hindrance, Proxy, find_proxy
from windrow.sinks._wire import LARGEST_REPLY, Wire

_WORTH_COMPRESSING = 1024  # bytes: below, gzip costs more than it saves
_PORTS = {"http": 80, "https": 443}
_TRANSIENT = (408, 425, 429)
_DAY = 86_400.0
_YEAR = 365 * _DAY


class Reply(NamedTuple):
    """What came back; `body` is None where it was cut short."""

    status: int
    retry_after: str
    body: bytes | None


class _Http:
    def __init__(self, endpoint: str, path: str, environ: Mapping[str, str] | None) -> None:
        self._address = f"{endpoint.rstrip('/')}{path}"
        # A password in an address serves nothing here, and must not reach the ledger.
        self.where = self._address.rpartition("@")[2]
        self._environ = environ

    def send(self, body: bytes, timeout: float) -> Outcome:
        """POST `body`; the reply decides. Never raises. `timeout` is for all of it but the look-up of the name."""
        deadline = time.monotonic() + timeout
        headers = {"Content-Type": "application/json", "User-Agent": f"windrow-python/{__version__}"}
        if len(body) > _WORTH_COMPRESSING:
            packer = zlib.compressobj(1, wbits=31)
            body = packer.compress(body) + packer.flush()
            headers["Content-Encoding"] = "gzip"
        try:
            return self._judge(post(self._address, headers, body, deadline, self._environ))
        except Hindrance as error:
            return Outcome("later", str(error)[:120])
        except (OSError, HTTPException, ValueError) as error:
            return Outcome("later", type(error).__name__)

    def _judge(self, reply: Reply) -> Outcome:
        detail = str(reply.status)
        if 200 <= reply.status < 300:
            return Outcome("later", f"{detail}, cut short") if reply.body is None else self._taken(reply)
        if reply.status == 407:
            return Outcome("later", "proxy answered 407")
        if reply.status == 413:
            return Outcome("too_large", detail)
        if 400 <= reply.status < 500 and reply.status not in _TRANSIENT:
            return Outcome("refused", detail)
        return Outcome("later", detail, _seconds(reply.retry_after))

    def _taken(self, reply: Reply) -> Outcome:
        raise NotImplementedError


class Collector(_Http):
    """A Windrow collector: `POST <endpoint>/v1/batch`. `environ` names proxies and certificates (`os.environ`)."""

    sends_envelopes = True

    def __init__(self, endpoint: str, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(endpoint, "/v1/batch", environ)

    def render(self, envelope: Any) -> bytes:
        """The envelope as it is."""
        return encode(envelope)

    def _judge(self, reply: Reply) -> Outcome:
        outcome = super()._judge(reply)
        if reply.status == 503:
            # Only the wish that costs nothing: whoever is overloaded in between may answer with a 503, too.
            wishes = _wishes(_object(reply.body) or {})
            return outcome._replace(wishes={name: wish for name, wish in wishes.items() if name == "pause"})
        return outcome

    def _taken(self, reply: Reply) -> Outcome:
        answer = _object(reply.body) or {}
        if reply.status != 200 or type(answer.get("accepted")) is not int:
            return Outcome("later", "not a collector's answer")  # a captive portal, say
        return Outcome("delivered", "200", wishes=_wishes(answer))


class PostHog(_Http):
    """PostHog Cloud, or a server that speaks its wire: `POST <host>/batch/`. `environ` as for `Collector`.

    No profile, no GeoIP, a placeholder in place of the address, and no time of sending: PostHog would shift
    the events by it.
    """

    def __init__(self, host: str, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(host, "/batch/", environ)

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

    def _taken(self, reply: Reply) -> Outcome:
        # Versions differ in what they say, but none says it in HTML.
        if reply.body and reply.body.strip() and _object(reply.body) is None:
            return Outcome("later", "not PostHog's answer")
        return Outcome("delivered", str(reply.status))


def post(
    address: str,
    headers: dict[str, str],
    body: bytes,
    deadline: float,
    environ: Mapping[str, str] | None = None,
    largest: int = LARGEST_REPLY,
) -> Reply:
    """One POST, through whatever proxy `environ` (`os.environ`) names. `deadline` is on the monotonic clock.

    Raises `Hindrance`, `OSError`, `HTTPException`; `ValueError` for an address that is none.
    """
    environ = os.environ if environ is None else environ
    scheme, host, port, path = _split(address)
    name = f"[{host}]" if ":" in host else host
    headers = {"Host": name if port == _PORTS[scheme] else f"{name}:{port}", **headers}
    headers |= {"Content-Length": str(len(body)), "Accept-Encoding": "identity", "Connection": "close"}
    proxy = find_proxy(scheme, host, port, environ)
    with _reach(host, port, proxy, deadline, largest) as wire:
        if scheme == "https":
            if proxy:
                wire.tunnel(proxy, f"{name}:{port}")
            wire.seal(host, environ.get("REQUESTS_CA_BUNDLE", ""))
        elif proxy:
            path, headers = f"http://{headers['Host']}{path}", headers | proxy.headers
        reply = wire.ask(f"POST {path}", headers, body)
        return Reply(reply.status, reply.getheader("Retry-After", ""), wire.read(reply))


def _split(address: str) -> tuple[str, str, int, str]:
    """Scheme, host (as DNS has it), port and path."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise Hindrance("not an http(s) address") from None
    written = host + parts.path
    # What would end the line of a request, or name another than the one that is meant.
    if not host or not written.isascii() or not written.isprintable() or set(" @?#") & set(address):
        raise Hindrance("not an http(s) address")
    return parts.scheme, host, port, parts.path


def _reach(host: str, port: int, proxy: Proxy | None, deadline: float, largest: int) -> Wire:
    if not proxy:
        return Wire(host, port, deadline, largest)
    try:
        return Wire(proxy.host, proxy.port, deadline, largest)
    except (OSError, ValueError) as error:
        raise Hindrance(f"proxy: {type(error).__name__}") from None


def _moment(wire_time: str) -> str:
    """PostHog wants a moment. Noon in UTC puts a day on the same date in most of the world."""
    return wire_time.replace(":00Z", ":00:00Z") if "T" in wire_time else f"{wire_time}T12:00:00Z"


def _object(body: bytes | None) -> dict[str, Any] | None:
    """The JSON object in a body, if there is one."""
    try:
        found = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _wishes(answer: dict[str, Any]) -> dict[str, float]:
    """What the collector asks for, within bounds; a wish that is none is not heard."""
    wishes = {}
    for name, most in (("pause", _YEAR), ("stop", _YEAR), ("sample", 1.0)):
        wish = answer.get(name)
        if not isinstance(wish, int | float) or isinstance(wish, bool):
            continue
        if wish >= 0 and (wish <= 1 or name != "sample"):
            wishes[name] = float(min(wish, most))
    return wishes


def _seconds(retry_after: str) -> float:
    """The wait that `Retry-After` asks for, in seconds or until a date; at most a day."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), _DAY)
    try:
        return max(0.0, min(parsedate_to_datetime(text).timestamp() - time.time(), _DAY))
    except (ValueError, OverflowError, OSError):
        return 0.0
