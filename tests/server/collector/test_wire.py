"""Bad input at a running server, on both wires: a clear answer, and no cost to anybody else."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from windrow_server.errors import API_ERRORS

from tests.support.catalogue import KEY, envelope, event, posthog, posthog_event
from tests.support.http import post, raw, request
from tests.support.server import RunningServer, running_server

BOTH = pytest.mark.parametrize("path", ["/v1/batch", "/batch/", "/batch"])
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("wire"), ready=False) as running:
        yield running


def good(path: str) -> bytes:
    return envelope([event()]) if path == "/v1/batch" else posthog([posthog_event()])


def assert_refused(answer: Any, slug: str) -> None:
    assert answer.json["error"] == slug
    assert answer.status == API_ERRORS[slug].status
    assert answer.json["message"].startswith(API_ERRORS[slug].message)
    assert answer.json["action"] == API_ERRORS[slug].action
    assert answer.headers["content-type"] == "application/json"
    assert b"SECRET" not in answer.body


@BOTH
@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (b"", "not_json"),
        (b"SECRET", "not_json"),
        (b'{"key":NaN}', "bad_envelope"),
        (b'{"a":' * 100_000, "not_json"),
        (b"\xff\xfeSECRET", "not_json"),
        (b'"SECRET"', "bad_envelope"),
        (b'{"format":"SECRET","key":[],"batch":"SECRET","api_key":[]}', "bad_envelope"),
        (b'{"format":1,"key":"SECRET","api_key":"SECRET","batch":[]}', "unknown_key"),
        (b'{"x":"' + b"SECRET" * (10 * MEGABYTE // 6) + b'"}', "too_large"),
    ],
    ids=["empty", "text", "nan", "nested", "no-utf8", "string", "types", "key", "ten-megabytes"],
)
def test_what_cannot_be_read_is_refused(server: RunningServer, path: str, body: bytes, slug: str) -> None:
    assert_refused(post(server.url + path, body), slug)


@BOTH
def test_gzip_is_unpacked_within_bounds(server: RunningServer, path: str) -> None:
    url, body = server.url + path, gzip.compress(good(path))
    assert post(url, body, content_encoding="gzip").status == 200
    assert_refused(post(url, body[:-9], content_encoding="gzip"), "bad_gzip")
    assert_refused(post(url, body + b"x", content_encoding="gzip"), "bad_gzip")
    assert_refused(post(url, good(path), content_encoding="gzip"), "bad_gzip")
    assert_refused(post(url, good(path), content_encoding="br"), "unsupported_encoding")
    bomb = gzip.compress(b" " * (100 * MEGABYTE), 9)
    assert_refused(post(url, bomb, content_encoding="gzip"), "too_large")


@BOTH
def test_a_body_may_come_in_chunks(server: RunningServer, path: str) -> None:
    body = good(path)
    assert post(server.url + path, iter([body[:10], body[10:]])).status == 200
    endless = (b"SECRET" * 20_000 for _ in range(90))
    assert_refused(post(server.url + path, endless), "too_large")


@BOTH
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_only_post_is_taken(server: RunningServer, path: str, method: str) -> None:
    answer = request(method, server.url + path)
    assert_refused(answer, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


@BOTH
def test_a_length_that_lies_harms_nobody_else(server: RunningServer, path: str) -> None:
    body = good(path)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    assert raw(server.url, (head % (len(body) + 50)).encode() + body, timeout=0.3) == b""
    short = raw(server.url, (head % (len(body) - 5)).encode() + body, timeout=2)
    assert short.startswith(b"HTTP/1.1 400")
    assert post(server.url + path, body).status == 200


def test_a_body_that_comes_too_slowly_is_given_up(server: RunningServer) -> None:
    body = good("/v1/batch")
    head = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    answer = raw(server.url, head + body[:20], timeout=30)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"error":"slow_body"' in answer


def test_the_good_events_of_a_mixed_batch_are_kept(server: RunningServer) -> None:
    answer = post(
        server.url + "/v1/batch", envelope([event(), event(name="SECRET"), 5, event(time="SECRET")])
    )
    assert answer.status == 200
    assert answer.json == {
        "accepted": 1,
        "refused": {"undeclared_event": 1, "malformed_event": 1, "bad_time": 1},
    }


def test_the_posthog_wire_answers_ok_to_a_mixed_batch(server: RunningServer) -> None:
    mixed = [posthog_event(), posthog_event(event="$pageview"), 7, posthog_event(distinct_id=None)]
    answer = post(server.url + "/batch/", posthog(mixed))
    assert (answer.status, answer.json) == (200, {"status": "Ok"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/flags/?v=2"), ("POST", "/nothing"), ("GET", "/v1/nothing"), ("PUT", "/v1/batch/x")],
)
def test_a_program_at_an_unknown_path_gets_no_html(server: RunningServer, method: str, path: str) -> None:
    body = json.dumps({"api_key": KEY}).encode()
    assert_refused(request(method, server.url + path, body), "not_found")


def test_health_answers_without_a_token(server: RunningServer) -> None:
    assert request("GET", server.url + "/healthz").json == {"status": "ok"}
    assert request("GET", server.url + "/readyz").json["inbox"] is True


ADDRESSES = ("203.0.113.77", "2001:db8::beef")
HEADERS = (
    "X-Forwarded-For",
    "Forwarded",
    "X-Real-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
    "X-Client-IP",
    "Via",
    "User-Agent",
    "Referer",
    "Cookie",
    "X-Request-Id",
)


def test_no_address_and_no_refused_value_is_kept_anywhere(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        for address in ADDRESSES:
            headers = dict.fromkeys(HEADERS, address)
            marked = {"type": "SECRET-value", "SECRET-key": address, "$ip": address}
            bodies = {
                "/v1/batch": [
                    envelope(
                        [event(), event(name="SECRET-name", properties=marked), event(properties=marked)]
                    ),
                    b"SECRET-body " + address.encode(),
                    envelope([], sdk=address),
                ],
                "/batch/": [
                    posthog([posthog_event(properties=marked, distinct_id=f"SECRET {address}")]),
                    posthog([posthog_event(event="SECRET-name", timestamp=address)]),
                ],
            }
            for path, list_ in bodies.items():
                for body in list_:
                    request("POST", server.url + path, body, headers)
                raw(server.url, b"GARBAGE " + address.encode() + b"\r\n\r\n", timeout=1)
            request("GET", server.url + f"/?address={address}", headers=headers)
            request("GET", server.url + f"/nothing/{address}", headers=headers)
        time.sleep(1)  # the loader has taken them by now
        files = [file for file in server.data.rglob("*") if file.is_file()]
        held = {str(file): file.read_bytes() for file in files}
    held |= {str(file): file.read_bytes() for file in server.data.rglob("*") if file.is_file()}
    held["output"] = "".join(server.output).encode()
    assert len(held) > 2
    for address in (*ADDRESSES, "SECRET", "somebody@example.org"):
        assert [name for name, content in held.items() if address.encode() in content] == []


def test_the_same_posthog_event_sent_again_has_the_same_id(tmp_path: Path) -> None:
    from windrow_server.collector import Admission
    from windrow_server.collector import posthog as wire

    from tests.support.catalogue import sample

    admission = Admission([sample()], secret=b"s" * 32)
    given = posthog_event(uuid=str(uuid.uuid4()))
    first, second = (
        json.loads(wire.admit(admission, posthog([given], **more), time.time())[0].payload)
        for more in ({}, {"sent_at": None})
    )
    assert first["events"] == second["events"]
    assert first["instance_id"] == second["instance_id"]
    assert first["instance_kind"] == "foreign"
    assert given["uuid"] not in json.dumps(first)
    assert first["sdk"] == "posthog-python/7.91.1"
