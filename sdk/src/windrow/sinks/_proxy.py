"""Which proxy a request goes through: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, as curl reads them."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

_HTTP_PORT = 80


class Hindrance(Exception):
    """Why nothing can be sent, in a few words for the operator; never an address that may have a password in it."""


class Proxy(NamedTuple):
    """Where to connect, and what to show there."""

    host: str
    port: int
    headers: dict[str, str]


def find_proxy(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for a request, or None. `Hindrance` where one is named that cannot be used."""
    # HTTP_PROXY in capitals is not read: a CGI program gets it from the header "Proxy" of a stranger's request.
    names = ("https_proxy", "HTTPS_PROXY") if scheme == "https" else ("http_proxy",)
    named = _first(environ, *names, "all_proxy", "ALL_PROXY")
    if not named or _is_exempt(host.rstrip("."), port, _first(environ, "no_proxy", "NO_PROXY")):
        return None
    return _parse(named)


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((value for name in names if (value := environ.get(name, "").strip())), "")


def _parse(named: str) -> Proxy:
    try:
        parts = urlsplit(named if "://" in named else f"http://{named}")
        host, port = parts.hostname, parts.port or _HTTP_PORT
    except ValueError:
        raise Hindrance("proxy address cannot be read") from None
    if parts.scheme != "http":
        raise Hindrance("proxy address must begin with http://")
    # A bare "/", "?" or "#" in a password ends the host early: what is left would be somebody else's address.
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise Hindrance("proxy address cannot be read")
    if parts.username is None:
        return Proxy(host, port, {})
    pair = unquote_to_bytes(f"{parts.username}:{parts.password or ''}")
    return Proxy(host, port, {"Proxy-Authorization": f"Basic {b2a_base64(pair, newline=False).decode()}"})


def _is_exempt(host: str, port: int, listed: str) -> bool:
    for entry in listed.lower().replace(",", " ").split():
        name, wanted = _split_port(entry)
        if entry == "*" or (wanted in ("", str(port)) and _covers(name, host.lower())):
            return True
    return False


def _split_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""  # a name, an IPv4 address, or an IPv6 address without a port


def _covers(name: str, host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        name = name.removeprefix("*").strip(".")
        return host == name or host.endswith(f".{name}")
    try:
        return address in ip_network(name, strict=False)
    except ValueError:
        return False
