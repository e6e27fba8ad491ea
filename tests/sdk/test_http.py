"""What the sinks over HTTP believe, and how long they wait, against real sockets, real TLS and a real proxy."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from windrow import envelope
from windrow.errors import WindrowError
from windrow.sinks import Collector, Outcome, PostHog, make
from windrow.sinks._proxy import Hindrance, find_proxy

from tests.support.posthog import posthog
from tests.support.proxy import proxying
from tests.support.raw import answer, answering, serving

NOWHERE: dict[str, str] = {}
TAKEN = answer()
PORTAL = b"<!doctype html><title>Welcome to our hotel</title>"
OK = b'{"status":"Ok"}'


def send(url: str, environ: dict[str, str] = NOWHERE, timeout: float = 10.0, body: bytes = b"{}") -> Outcome:
    return Collector(url, environ).send(body, timeout)


# ---- what is asked --------------------------------------------------------------------------------


def test_a_collector_is_asked_with_what_an_honest_client_says() -> None:
    with answering(TAKEN) as server:
        assert send(server.url + "/") == Outcome("delivered", "200")
    ((head, body),) = server.requests
    line, *fields = head.split("\r\n")
    assert line == "POST /v1/batch HTTP/1.1"
    assert body == b"{}"
    named = dict(field.split(": ") for field in fields)
    assert named.pop("User-Agent").startswith("windrow-python/")
    assert named == {
        "Host": f"127.0.0.1:{server.port}",
        "Content-Type": "application/json",
        "Content-Length": "2",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


def test_a_large_batch_is_compressed() -> None:
    with answering(TAKEN) as server:
        assert send(server.url, body=b"[" + b"1," * 100_000 + b"1]").status == "delivered"
    ((head, body),) = server.requests
    assert "Content-Encoding: gzip" in head
    assert gzip.decompress(body).startswith(b"[1,1,")


def test_an_endpoint_may_have_a_path_and_an_ipv6_address() -> None:
    if not has_ipv6():
        pytest.skip("no IPv6 loopback on this machine")
    with answering(TAKEN, host="::1") as server:
        assert send(f"{server.url}/telemetry/").status == "delivered"
    ((head, _),) = server.requests
    assert head.startswith("POST /telemetry/v1/batch HTTP/1.1\r\n")
    assert f"Host: [::1]:{server.port}\r\n" in head


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    "address",
    [
        "localhost:7717",
        "http://",
        "http://host:port",
        "ftp://host",
        "::",
        "http://host/a b",
        "http://host?x=1",
        "http://host#x",
        "http://a..b",
        "http://[::1",
        "http://somebody:secret@host",
        "http://host/\x00",
        "http://hóst/é",
        "",
    ],
)
def test_an_address_that_is_none_is_said(address: str) -> None:
    sink = Collector(address, NOWHERE)
    assert sink.send(b"{}", 1.0) == Outcome("later", "not an http(s) address")
    assert "secret" not in sink.where


# ---- what is believed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        PORTAL,
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"accepted":"1"}',
        b'{"accepted":true}',
        b'{"accepted":1.5}',
        b'{"accepted":1',
        b'{"status":"Ok"}',
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b'{"accepted":' + b"9" * 5000 + b"}",
        b'{"accepted":1,"x":"' + b"x" * 70_000 + b'"}',
    ],
    ids=lambda said: said[:20].decode("latin-1"),
)
def test_200_without_a_count_is_not_a_collectors_answer(said: bytes) -> None:
    with answering(answer(200, said)) as server:
        outcome = send(server.url)
    assert outcome in (Outcome("later", "not a collector's answer"), Outcome("later", "200, cut short"))


@pytest.mark.parametrize("status", [201, 202, 204, 206])
def test_a_collector_says_200_and_nothing_like_it(status: int) -> None:
    with answering(answer(status, b"" if status == 204 else b'{"accepted":1}')) as server:
        assert send(server.url) == Outcome("later", "not a collector's answer")


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    "said", [OK, b"{}", b'{"status":1}', b"", b"  \n", b'{"status":"Ok","quota_limited":["x"]}']
)
def test_posthog_is_believed_when_it_says_an_object_or_nothing(status: int, said: bytes) -> None:
    with answering(answer(status, said)) as server:
        assert PostHog(server.url, NOWHERE).send(b"{}", 5.0) == Outcome("delivered", str(status))
    assert server.requests[0][0].startswith("POST /batch/ HTTP/1.1\r\n")


def test_posthog_may_say_204() -> None:
    with answering(b"HTTP/1.1 204 No Content\r\n\r\n") as server:
        assert PostHog(server.url, NOWHERE).send(b"{}", 5.0) == Outcome("delivered", "204")


@pytest.mark.parametrize("said", [PORTAL, b"welcome", b"[1]", b'{"status":', b"\x00"])
def test_a_portal_is_not_taken_for_posthog(said: bytes) -> None:
    with answering(answer(200, said)) as server:
        assert PostHog(server.url, NOWHERE).send(b"{}", 5.0) == Outcome("later", "not PostHog's answer")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", [Collector, PostHog])
def test_no_redirect_is_followed(status: int, kind: Callable[..., Collector | PostHog]) -> None:
    with answering(TAKEN) as elsewhere, answering(answer(status, OK, location=elsewhere.url)) as server:
        assert kind(server.url, NOWHERE).send(b"{}", 5.0) == Outcome("later", str(status))
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [(s, "refused") for s in (400, 401, 402, 403, 404, 405, 410, 422)]
    + [(s, "later") for s in (199, 300, 408, 425, 429, 500, 502, 503, 504, 511, 999)]
    + [(413, "too_large")],
)
@pytest.mark.parametrize("kind", [Collector, PostHog])
@pytest.mark.parametrize("said", [PORTAL, b'{"accepted":1}'])
def test_the_status_decides(
    status: int, expected: str, kind: Callable[..., Collector | PostHog], said: bytes
) -> None:
    with answering(answer(status, said)) as server:
        assert kind(server.url, NOWHERE).send(b"{}", 5.0) == Outcome(expected, str(status))


def date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", 7, 7),
        (" 7 ", 7, 7),
        ("0", 0, 0),
        ("-5", 0, 0),
        ("1.5", 0, 0),
        ("9" * 4000, 86_400, 86_400),
        ("²", 0, 0),
        ("soon", 0, 0),
        ("", 0, 0),
        (",,,", 0, 0),
        (date(10_000), 9_000, 10_001),
        (date(-100), 0, 0),
        (date(10 * 86_400), 86_400, 86_400),
        ("Wed, 21 Oct 99999 07:28:00 GMT", 0, 0),
        ("Mon, 01 Jan 0001 00:00:00 -0000", 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 0, 86_400),
    ],
)
def test_retry_after_is_heard_within_reason(status: int, asked: str, least: float, most: float) -> None:
    head = f"HTTP/1.1 {status} Busy\r\nRetry-After: {asked}\r\nContent-Length: 0\r\n\r\n"
    with answering(head.encode("latin-1")) as server:
        outcome = send(server.url)
    assert (outcome.status, outcome.detail) == ("later", str(status))
    assert least <= outcome.after <= most


# ---- wishes ---------------------------------------------------------------------------------------

YEAR = 365 * 86_400.0


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ('"pause":60', {"pause": 60.0}),
        ('"stop":0.5', {"stop": 0.5}),
        ('"sample":0.25,"pause":1,"stop":2', {"sample": 0.25, "pause": 1.0, "stop": 2.0}),
        ('"sample":0', {"sample": 0.0}),
        ('"sample":1', {"sample": 1.0}),
        ('"pause":1e12,"stop":99999999999999999999', {"pause": YEAR, "stop": YEAR}),
        ('"stop":' + "9" * 4000, {"stop": YEAR}),
        ('"pause":Infinity', {"pause": YEAR}),
        ('"pause":-1,"stop":-0.1,"sample":-1', {}),
        ('"sample":1.01', {}),
        ('"pause":NaN,"sample":NaN', {}),
        ('"pause":"60","stop":true,"sample":null', {}),
        ('"pause":[60],"stop":{},"sample":false', {}),
        ('"shutdown":1', {}),
    ],
)
def test_a_collector_may_wish_within_bounds(said: str, heard: dict[str, float]) -> None:
    with answering(answer(200, f'{{"accepted":1,{said}}}'.encode())) as server:
        assert send(server.url) == Outcome("delivered", "200", wishes=heard)


def test_an_overloaded_collector_may_ask_for_a_pause_and_no_more() -> None:
    with answering(answer(503, b'{"error":"overload","pause":600,"stop":5}', retry_after="3")) as server:
        assert send(server.url) == Outcome("later", "503", 3.0, {"pause": 600.0})


def test_nobody_but_a_collector_has_wishes() -> None:
    with answering(answer(200, b'{"stop":5}')) as server:
        assert send(server.url).wishes == {}
        assert PostHog(server.url, NOWHERE).send(b"{}", 5.0).wishes == {}
    with answering(answer(400, b'{"accepted":1,"stop":5}')) as server:
        assert send(server.url).wishes == {}


def test_whatever_a_server_says_is_an_outcome() -> None:
    chance = random.Random(11)
    pieces = [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 ",
        b"503",
        b"\r\n",
        b"\r\n\r\n",
        b"Content-Length: ",
        b"-1",
        b"99",
    ]
    pieces += [
        b"Transfer-Encoding: chunked\r\n",
        b"ffffffff\r\n",
        b"0\r\n\r\n",
        b"{",
        b'"accepted":1',
        b"}",
        b"\0",
    ]
    pieces += [
        b"Retry-After: ",
        b"Wed, 21 Oct",
        b" 2015",
        b":",
        b"\xff",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"9" * 999,
    ]

    def noise(connection: socket.socket) -> None:
        told = [chance.choice([*pieces, chance.randbytes(20)]) for _ in range(chance.randrange(12))]
        connection.sendall(
            chance.choice([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 503 X\r\n"]) + b"".join(told)
        )

    with answering(noise) as server:
        for _ in range(300):
            for sink in (Collector(server.url, NOWHERE), PostHog(server.url, NOWHERE)):
                assert sink.send(b"{}", 5.0).status in ("delivered", "later", "too_large", "refused")


def test_whatever_stands_in_an_answer_is_an_outcome() -> None:
    chance = random.Random(12)
    words = [
        b"{",
        b"}",
        b'"accepted"',
        b'"pause"',
        b'"sample"',
        b":",
        b",",
        b"1",
        b"-1e999",
        b"NaN",
        b'"\\ud800"',
        b"[[",
    ]
    said = [b""]

    def answer_that(connection: socket.socket) -> None:
        connection.sendall(answer(chance.choice([200, 503]), said[0], retry_after=chance.choice("09x")))

    with answering(answer_that) as server:
        for _ in range(300):
            said[0] = b"".join(chance.choice(words) for _ in range(chance.randrange(15)))
            outcome = send(server.url)
            assert outcome.status in ("delivered", "later")
            assert all(0 <= wish <= YEAR for wish in outcome.wishes.values())


# ---- how it is said -------------------------------------------------------------------------------


def test_a_reply_in_chunks_is_read() -> None:
    said = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{"accepted"\r\n3\r\n:1}\r\n0\r\n\r\n'
    with answering(said) as server:
        assert send(server.url) == Outcome("delivered", "200")


def test_a_reply_that_ends_with_the_connection_is_read() -> None:
    with answering(b'HTTP/1.0 200 OK\r\n\r\n{"accepted":1}') as server:
        assert send(server.url) == Outcome("delivered", "200")


@pytest.mark.parametrize(
    "said",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"accepted":1}',
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n{}",
    ],
)
@pytest.mark.parametrize("kind", [Collector, PostHog])
def test_a_reply_that_is_cut_short_is_none(said: bytes, kind: Callable[..., Collector | PostHog]) -> None:
    with answering(said) as server:
        assert kind(server.url, NOWHERE).send(b"{}", 5.0) == Outcome("later", "200, cut short")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1", b"220 smtp.example.org ESMTP\r\n", b"\0" * 100_000])
def test_what_is_not_http_is_no_answer(said: bytes) -> None:
    with answering(said) as server:
        assert send(server.url).status == "later"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 999999999999\r\n\r\n",
        b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        b"X: ",
    ],
)
@pytest.mark.parametrize("status", [200, 413])
def test_of_an_endless_reply_little_is_read(head: bytes, status: int) -> None:
    sent = [0]

    def endless(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 {status} Said\r\n".encode() + head)
        while True:
            sent[0] += connection.send(b"x" * 65_536)

    with answering(endless) as server:
        outcome = send(server.url)
    assert outcome.status == ("too_large" if status == 413 else "later")
    assert sent[0] < 20 * 1024 * 1024  # what the kernel's buffers hold


def test_a_server_that_answers_413_and_closes_before_it_has_read_is_heard() -> None:
    def hasty(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(answer(413, b""))
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)

    with serving(hasty) as port:
        assert send(f"http://127.0.0.1:{port}", body=os.urandom(8_000_000)) == Outcome("too_large", "413")


def test_a_body_that_is_lost_does_not_change_what_413_means() -> None:
    with answering(b"HTTP/1.1 413 Too large\r\nContent-Length: 99\r\n\r\n") as server:
        assert send(server.url) == Outcome("too_large", "413")


# ---- how long -------------------------------------------------------------------------------------


def drip(data: bytes, pause: float = 0.1) -> Callable[[socket.socket], None]:
    def dripping(connection: socket.socket) -> None:
        for byte in data * 100:
            connection.sendall(bytes([byte]))
            time.sleep(pause)

    return dripping


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"])
def test_a_reply_that_drips_does_not_outlive_the_timeout(said: bytes) -> None:
    with answering(drip(said)) as server:
        began = time.monotonic()
        assert send(server.url, timeout=0.6).status == "later"
        assert time.monotonic() - began < 3


def test_a_body_that_drips_does_not_outlive_the_timeout() -> None:
    def dripping(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        drip(b" ")(connection)

    with answering(dripping) as server:
        began = time.monotonic()
        assert send(server.url, timeout=0.6) == Outcome("later", "200, cut short")
        assert time.monotonic() - began < 3


def test_a_handshake_that_drips_does_not_outlive_the_timeout() -> None:
    with serving(drip(b"\x16\x03\x03\x3f\xff" + b"\0" * 90)) as port:
        began = time.monotonic()
        assert send(f"https://127.0.0.1:{port}", timeout=0.6).status == "later"
        assert time.monotonic() - began < 3


def test_a_proxy_that_drips_does_not_outlive_the_timeout() -> None:
    with serving(drip(b"HTTP/1.1 200 OK\r\n")) as port:
        began = time.monotonic()
        environ = {"https_proxy": f"http://127.0.0.1:{port}"}
        assert send("https://collector.test", environ, timeout=0.6).status == "later"
        assert time.monotonic() - began < 3


def test_a_server_that_reads_nothing_does_not_outlive_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert send(url, timeout=0.6, body=os.urandom(20_000_000)) == Outcome("later", "TimeoutError")
        assert time.monotonic() - began < 5


def test_an_address_that_leads_nowhere_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, contextlib.ExitStack() as held:
        for _ in range(4):  # more than wait: from now on, the kernel drops whoever wants to connect
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        with answering(TAKEN) as server:
            known = [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
                for address in (deaf.getsockname(), ("127.0.0.1", server.port))
            ]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: known)  # a name with two addresses
            assert send("http://collector.test", timeout=1.0) == Outcome("delivered", "200")


@pytest.mark.parametrize("timeout", [0, -1.0])
def test_without_time_nothing_is_sent(timeout: float) -> None:
    with answering(TAKEN) as server:
        assert send(server.url, timeout=timeout) == Outcome("later", "TimeoutError")
    assert server.requests == []


# ---- certificates ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_side(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("certificates") / "company.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Any]:
    with answering(TAKEN, tls=server_side(authority, "127.0.0.1")) as server:
        yield server


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(secure: Any) -> None:
    outcome = send(secure.url)
    assert outcome.status == "later"
    assert outcome.detail.startswith("certificate: ")
    assert len(outcome.detail) <= 120
    assert secure.requests == []


def test_a_certificate_for_another_name_is_not_accepted(authority: trustme.CA, bundle: str) -> None:
    with answering(TAKEN, tls=server_side(authority, "elsewhere.test")) as server:
        outcome = send(server.url, {"REQUESTS_CA_BUNDLE": bundle})
    assert outcome.detail.startswith("certificate: ")
    assert server.requests == []


def test_a_bundle_of_a_company_is_trusted(secure: Any, bundle: str) -> None:
    assert send(secure.url, {"REQUESTS_CA_BUNDLE": bundle}) == Outcome("delivered", "200")


def test_a_folder_of_certificates_is_trusted(secure: Any, bundle: str) -> None:
    folder = Path(bundle).parent
    hashed = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", bundle], capture_output=True, text=True, check=True
    )
    link = folder / f"{hashed.stdout.strip()}.0"
    if not link.exists():
        link.symlink_to(bundle)
    assert send(secure.url, {"REQUESTS_CA_BUNDLE": str(folder)}) == Outcome("delivered", "200")


@pytest.mark.parametrize("content", [None, "no certificate at all"])
def test_a_bundle_that_cannot_be_read_is_said(secure: Any, content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "bundle.pem"
    if content:
        path.write_text(content)
    outcome = send(secure.url, {"REQUESTS_CA_BUNDLE": str(path)})
    assert outcome == Outcome("later", "certificates in REQUESTS_CA_BUNDLE cannot be read")


def test_ssl_cert_file_of_the_environment_is_trusted(secure: Any, bundle: str) -> None:
    code = "import sys; from windrow.sinks import Collector; print(Collector(sys.argv[1]).send(b'{}', 10.0).status)"
    for variables, expected in (({"SSL_CERT_FILE": bundle}, "delivered"), ({}, "later")):
        clean = {
            k: v for k, v in os.environ.items() if not k.startswith("SSL_") and k != "REQUESTS_CA_BUNDLE"
        }
        done = subprocess.run(
            [sys.executable, "-c", code, secure.url],
            env={**clean, **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected


def test_a_server_without_tls_is_no_answer() -> None:
    with serving(lambda connection: connection.sendall(TAKEN)) as port:
        assert send(f"https://127.0.0.1:{port}").status == "later"


# ---- proxies --------------------------------------------------------------------------------------

HERE = {"collector.test": "127.0.0.1"}  # a name that only the proxy knows: nobody else may look it up


def test_http_goes_through_a_proxy_in_absolute_form() -> None:
    with answering(TAKEN) as server, proxying(HERE) as proxy:
        url = f"http://collector.test:{server.port}"
        assert send(url, {"http_proxy": f"http://{proxy.address}"}) == Outcome("delivered", "200")
    assert proxy.asked[0].startswith(
        f"POST {url}/v1/batch HTTP/1.1\r\nHost: collector.test:{server.port}\r\n"
    )
    assert server.requests[0][1] == b"{}"


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_https_goes_through_a_proxy_unread(variable: str, authority: trustme.CA, bundle: str) -> None:
    with (
        answering(TAKEN, tls=server_side(authority, "collector.test")) as server,
        proxying(HERE) as proxy,
    ):
        url = f"https://collector.test:{server.port}"
        outcome = send(url, {variable: f"http://{proxy.address}/", "REQUESTS_CA_BUNDLE": bundle})
        assert outcome == Outcome("delivered", "200")
    assert proxy.asked == [
        f"CONNECT collector.test:{server.port} HTTP/1.1\r\nHost: collector.test:{server.port}"
    ]
    assert server.requests[0][0].startswith("POST /v1/batch HTTP/1.1\r\n")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_asked_with_its_password_and_the_server_never_sees_it(
    scheme: str, authority: trustme.CA, bundle: str
) -> None:
    tls = server_side(authority, "collector.test") if scheme == "https" else None
    with answering(TAKEN, tls=tls) as server, proxying(HERE, password="some body:p@ss:wörd/") as proxy:
        environ = {
            f"{scheme}_proxy": f"http://some%20body:p%40ss:w%C3%B6rd%2F@{proxy.address}",
            "REQUESTS_CA_BUNDLE": bundle,
        }
        assert send(f"{scheme}://collector.test:{server.port}", environ) == Outcome("delivered", "200")
    assert len(proxy.asked) == 1
    assert "Authorization" not in server.requests[0][0]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("shown", ["", "some:wrong@"])
def test_a_proxy_that_wants_another_password_is_asked_again_later(scheme: str, shown: str) -> None:
    with proxying(HERE, password="some:secret") as proxy:
        outcome = send(f"{scheme}://collector.test:80", {f"{scheme}_proxy": f"http://{shown}{proxy.address}"})
    assert outcome == Outcome("later", "proxy answered 407")
    assert proxy.passed == []


def test_a_certificate_is_checked_through_a_proxy_too(authority: trustme.CA) -> None:
    with (
        answering(TAKEN, tls=server_side(authority, "collector.test")) as server,
        proxying(HERE) as proxy,
    ):
        outcome = send(f"https://collector.test:{server.port}", {"https_proxy": proxy.address})
    assert outcome.detail.startswith("certificate: ")
    assert server.requests == []


def test_a_proxy_reaches_a_server_by_its_ipv6_address(authority: trustme.CA, bundle: str) -> None:
    if not has_ipv6():
        pytest.skip("no IPv6 loopback on this machine")
    with answering(TAKEN, host="::1", tls=server_side(authority, "::1")) as server, proxying() as proxy:
        environ = {"https_proxy": proxy.address, "REQUESTS_CA_BUNDLE": bundle}
        assert send(server.url, environ) == Outcome("delivered", "200")
    assert proxy.passed == [f"[::1]:{server.port}"]


@pytest.mark.parametrize(
    "named",
    [
        "socks5://somebody:secret@127.0.0.1:{port}",
        "https://somebody:secret@127.0.0.1:{port}",
        "http://somebody:secret@",
        "http://somebody:sec/ret@127.0.0.1:{port}",
        "http://somebody:12/3secret@127.0.0.1:{port}",
        "http://somebody:sec#ret@127.0.0.1:{port}",
        "http://somebody:secret@127.0.0.1:port",
        "http://somebody:secret@[::1",
        "http://somebody:secret@127.0.0.1:99999",
        "http://somebody:secret@a..b",
        "secret",
        "http://somebody:secret@127.0.0.1:1",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nothing_goes_past_a_proxy_that_cannot_be_used(named: str, scheme: str) -> None:
    with answering(TAKEN) as server:
        sink = Collector(
            server.url.replace("http", scheme, 1), {f"{scheme}_proxy": named.format(port=server.port)}
        )
        outcome = sink.send(b"{}", 5.0)
    assert outcome.status == "later"
    assert outcome.detail.startswith("proxy")
    assert "secret" not in outcome.detail + sink.where
    assert server.requests == []


def test_the_upper_case_name_is_not_read_for_http() -> None:
    with answering(TAKEN) as server:
        assert send(
            server.url, {"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"}
        ).status == ("delivered")


def test_the_environment_of_the_process_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(TAKEN) as server, proxying() as proxy:
        sink = Collector(server.url)
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.setenv("no_proxy", "")
        assert sink.send(b"{}", 5.0).status == "delivered"
    assert proxy.passed == [f"127.0.0.1:{server.port}"]


@pytest.mark.parametrize(
    ("listed", "host", "port", "exempt"),
    [
        ("", "hay.test", 443, False),
        ("*", "hay.test", 443, True),
        ("hay.test", "hay.test", 443, True),
        ("HAY.test", "hay.TEST", 443, True),
        ("hay.test", "hay.test.", 443, True),
        ("hay.test.", "hay.test", 443, True),
        ("hay.test", "telemetry.hay.test", 443, True),
        ("hay.test", "notahay.test", 443, False),
        ("hay.test", "hay.test.evil.test", 443, False),
        (".hay.test", "telemetry.hay.test", 443, True),
        (".hay.test", "hay.test", 443, True),
        ("*.hay.test", "telemetry.hay.test", 443, True),
        ("a.test, hay.test", "hay.test", 443, True),
        ("a.test hay.test", "hay.test", 443, True),
        (" ,, ", "hay.test", 443, False),
        (".", "hay.test", 443, False),
        ("hay.test:443", "hay.test", 443, True),
        ("hay.test:8443", "hay.test", 443, False),
        (".hay.test:443", "a.hay.test", 443, True),
        ("hay.test:", "hay.test", 443, True),
        ("10.0.0.1", "10.0.0.1", 443, True),
        ("10.0.0.1", "10.0.0.10", 443, False),
        ("10.0.0.1:443", "10.0.0.1", 443, True),
        ("10.0.0.1:80", "10.0.0.1", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.9.9.9/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/99", "10.1.2.3", 443, False),
        ("0.1", "10.0.0.1", 443, False),
        ("::1", "::1", 443, True),
        ("[::1]", "::1", 443, True),
        ("[::1]:443", "::1", 443, True),
        ("[::1]:80", "::1", 443, False),
        ("0:0:0:0:0:0:0:1", "::1", 443, True),
        ("fe80::/10", "fe80::7", 443, True),
        ("fd00::/8", "fe80::7", 443, False),
        ("10.0.0.0/8", "::1", 443, False),
        ("::/0", "10.0.0.1", 443, False),
        ("10.0.0.0/8", "ten.test", 443, False),
    ],
)
def test_no_proxy_names_who_is_reached_directly(listed: str, host: str, port: int, exempt: bool) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        found = find_proxy("https", host, port, {"https_proxy": "http://proxy.test:3128", name: listed})
        assert (found is None) is exempt


def test_no_proxy_goes_straight_to_the_server() -> None:
    with answering(TAKEN) as server:
        environ = {"all_proxy": "http://127.0.0.1:1", "no_proxy": f"127.0.0.0/8:80,127.0.0.1:{server.port}"}
        assert send(server.url, environ) == Outcome("delivered", "200")


@pytest.mark.parametrize(
    ("scheme", "variables", "host"),
    [
        ("https", {"https_proxy": "http://a", "HTTPS_PROXY": "http://b", "all_proxy": "http://c"}, "a"),
        ("https", {"https_proxy": "", "HTTPS_PROXY": "http://b", "all_proxy": "http://c"}, "b"),
        ("https", {"http_proxy": "http://a", "ALL_PROXY": "http://c"}, "c"),
        ("http", {"HTTP_PROXY": "http://a", "https_proxy": "http://b"}, None),
        ("http", {"http_proxy": "a", "all_proxy": "http://c"}, "a"),
    ],
)
def test_the_nearest_variable_names_the_proxy(
    scheme: str, variables: dict[str, str], host: str | None
) -> None:
    found = find_proxy(scheme, "hay.test", 443, variables)
    assert (found.host if found else None) == host
    assert found is None or (found.port, found.headers) == (80, {})


def test_a_proxy_that_is_none_is_an_error_without_its_password() -> None:
    with pytest.raises(Hindrance) as caught:
        find_proxy("http", "hay.test", 80, {"http_proxy": "http://somebody:secret@127.0.0.1:port"})
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


# ---- PostHog --------------------------------------------------------------------------------------


def batch(**changes: Any) -> Any:
    return {
        "format": 1,
        "key": "phc_" + "a1B2" * 10,
        "catalogue": "0" * 64,
        "batch_id": envelope.random_id(),
        "instance_id": envelope.instance_of(envelope.read_token(os.urandom(32))),
        "instance_kind": "file",
        "sdk": "windrow-python/0.1.0",
        "context": {"app_version": "1.2.3"},
        "dropped": {"queue_full": 1},
        "events": [
            {
                "id": str(uuid.uuid4()),
                "name": "tea_made",
                "time": "2026-11-24",
                "properties": {"sort": "green"},
            },
            {"id": str(uuid.uuid4()), "name": "boiled", "time": "2026-11-24T13:00Z", "properties": {}},
        ],
    } | changes


def test_posthog_gets_what_keeps_an_instance_without_a_profile() -> None:
    envelope_ = batch()
    body = json.loads(PostHog("http://ph.test").render(envelope_))
    assert set(body) == {"api_key", "historical_migration", "batch"}  # no sent_at: it would shift the times
    assert body["api_key"] == envelope_["key"]
    assert body["historical_migration"] is False
    first, second = body["batch"]
    assert first.pop("properties") == {
        "$process_person_profile": False,
        "$geoip_disable": True,
        "$ip": "0.0.0.0",
        "$lib": "windrow-python",
        "$lib_version": __import__("windrow").__version__,
        "app_version": "1.2.3",
        "instance_kind": "file",
        "sort": "green",
    }
    assert first == {
        "event": "tea_made",
        "distinct_id": envelope_["instance_id"],
        "uuid": envelope_["events"][0]["id"],
        "timestamp": "2026-11-24T12:00:00Z",
    }
    assert second["timestamp"] == "2026-11-24T13:00:00Z"


def test_nothing_in_an_event_overrules_what_posthog_is_told() -> None:
    hostile = {"$process_person_profile": True, "$ip": "192.0.2.7", "$geoip_disable": False}
    whole = batch(context=hostile)
    whole["events"][0]["properties"] = hostile
    (first, _) = json.loads(PostHog("http://ph.test").render(whole))["batch"]
    assert first["properties"]["$process_person_profile"] is False
    assert first["properties"]["$ip"] == "0.0.0.0"
    assert first["properties"]["$geoip_disable"] is True


def test_a_batch_that_is_sent_again_is_the_same_to_posthog() -> None:
    sink, whole = PostHog("http://ph.test"), batch()
    assert sink.render(whole) == sink.render(whole)
    again = json.loads(sink.render({**whole, "batch_id": envelope.random_id(), "dropped": {}}))
    assert again == json.loads(sink.render(whole))


def test_a_strict_capture_takes_it_once_also_when_its_reply_is_lost() -> None:
    with posthog() as server:
        sink = PostHog(server.url, NOWHERE)
        body = sink.render(batch())
        server.lose_replies = 1
        assert sink.send(body, 5.0).status == "later"
        assert sink.send(body, 5.0) == Outcome("delivered", "200")
        assert server.refused == []
        assert len(server.events) == 2


def test_no_instance_has_an_id_that_posthog_refuses() -> None:
    # Words such as "null" or "guest", and the UUID of zeros: an instance id is a UUID of version 8, always.
    for _ in range(2000):
        made = uuid.UUID(envelope.instance_of(os.urandom(32)))
        assert (made.version, made.variant) == (8, uuid.RFC_4122)
    for odd in (b"", b"\0" * 32, b"\xff" * 32):
        assert uuid.UUID(envelope.instance_of(odd)).version == 8


# ---- by name --------------------------------------------------------------------------------------


def test_a_sink_is_made_by_its_name() -> None:
    collector, posthog_sink = make("collector", "https://hay.test"), make("posthog", "https://ph.test/")
    assert isinstance(collector, Collector)
    assert isinstance(posthog_sink, PostHog)
    assert (collector.where, posthog_sink.where) == ("https://hay.test/v1/batch", "https://ph.test/batch/")


@pytest.mark.parametrize("name", ["carrier_pigeon", "", "Collector"])
def test_a_name_that_nobody_has_is_an_error_that_names_the_known_ones(name: str) -> None:
    with pytest.raises(WindrowError, match=r"no '.*'\. Known are collector, posthog.*windrow\.sinks"):
        make(name, "https://hay.test")


def test_an_entry_point_is_a_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pigeon.py").write_text(
        "class Pigeon:\n    def __init__(self, where):\n        self.where = where\n"
    )
    info = tmp_path / "pigeon-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[windrow.sinks]\npigeon = pigeon:Pigeon\nhawk = pigeon:Hawk\nowl = owl_that_is_not_here:Owl\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert make("pigeon", "loft").where == "loft"
    with pytest.raises(WindrowError, match=r"Known are collector, posthog, hawk, owl, pigeon\."):
        make("sparrow", "loft")
    for broken in ("hawk", "owl"):
        with pytest.raises(WindrowError, match=f"sink '{broken}': .* cannot be used"):
            make(broken, "loft")


def test_names_cost_nothing_until_another_package_is_meant() -> None:
    code = (
        "import sys; from windrow import sinks\n"
        "assert 'windrow.sinks._base' not in sys.modules and 'http.client' not in sys.modules\n"
        "sinks.make('collector', 'https://hay.test')\n"
        "print('importlib.metadata' in sys.modules, 'ssl' in sys.modules and 'urllib.request' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": "sdk/src"}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "False"], done.stderr
