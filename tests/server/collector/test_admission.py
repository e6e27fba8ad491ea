"""What of a batch is kept: the fast and the slow path agree, and nothing undeclared gets through."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from windrow.catalogue import loads
from windrow_server.collector import Admission
from windrow_server.errors import Refusal

from tests.support.catalogue import TOML, envelope, event, sample

NOW = time.time()
REPORT: dict[str, Any] = {
    "parts": ["a", "c", "other"],
    "size": "1-9",
    "number": 100,
    "runtime": "3.11.9",
    "migration": "custom",
    "page": "/agents/:id",
}


@pytest.fixture(scope="module")
def admission() -> Admission:
    return Admission([sample()])


def kept(payload: bytes) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(payload)["events"]
    return events


def test_a_clean_batch_is_kept_as_the_very_bytes_received(admission: Admission) -> None:
    body = envelope([event(), event(name="report", properties=REPORT), event(properties={"class": True})])
    admitted = admission.admit(body, NOW)
    assert admitted.payload is body
    assert (admitted.product, admitted.accepted, admitted.refused) == ("hay", 3, {})


def test_the_good_events_of_a_mixed_batch_are_kept_and_the_bad_counted_by_reason(
    admission: Admission,
) -> None:
    good = event()
    body = envelope(
        [
            good,
            event(name="SECRET-name"),
            event(time="2001-01-01"),
            event(time="SECRET"),
            event(id="SECRET"),
            "SECRET",
            event(properties="SECRET"),
            event(properties={"type": "SECRET", "SECRET": 1, "class": "SECRET"}),
        ]
    )
    admitted = admission.admit(body, NOW)
    assert admitted.accepted == 2
    assert kept(admitted.payload)[0] == good
    assert kept(admitted.payload)[1]["properties"] == {"type": "other"}
    assert admitted.refused == {
        "undeclared_event": 1,
        "bad_time": 2,
        "malformed_event": 3,
        "undeclared_property": 1,
        "invalid_value": 1,
    }
    assert b"SECRET" not in admitted.payload


@pytest.mark.parametrize(
    "extra",
    [
        {"note": "SECRET"},
        {"context": {"app_version": "1.4.0", "note": "SECRET"}},
        {"context": {"app_version": "SECRET"}},
        {"context": ["SECRET"]},
        {"dropped": {"SECRET": 1}},
        {"dropped": "SECRET"},
    ],
)
def test_nothing_undeclared_in_the_envelope_is_kept(admission: Admission, extra: dict[str, Any]) -> None:
    admitted = admission.admit(envelope([event()], **extra), NOW)
    assert admitted.accepted == 1
    assert b"SECRET" not in admitted.payload


@pytest.mark.parametrize(
    ("given", "replaced"),
    [
        (b'"name": "plugin_installed"', b'"name": "SECRET", "name": "plugin_installed"'),
        (b'"type": "channel"', b'"type": "SECRET", "type": "channel"'),
        (b'"type": "channel"', b'"SECRET": 1, "type": "channel"'),
        (b'"events": [', b'"events": ["SECRET"], "events": ['),
    ],
)
def test_a_duplicate_key_hides_nothing(admission: Admission, given: bytes, replaced: bytes) -> None:
    body = envelope([event()])
    assert given in body
    admitted = admission.admit(body.replace(given, replaced), NOW)
    assert b"SECRET" not in admitted.payload


def test_a_duplicate_key_of_the_envelope_with_a_bad_value_refuses_it(admission: Admission) -> None:
    body = envelope([event()]).replace(b'"batch_id": ', b'"batch_id": "SECRET", "batch_id": ')
    with pytest.raises(Refusal, match="bad_envelope"):
        admission.admit(body, NOW)


@pytest.mark.parametrize(
    ("name", "value", "wire"),
    [
        ("number", 10**30, 100),
        ("number", -1, None),
        ("number", True, None),
        ("size", 7, "1-9"),
        ("size", 1e400, None),
        ("parts", ["c", "a", "a"], ["a", "c"]),
        ("parts", ["a", "SECRET"], ["a", "other"]),
        ("runtime", "3.11.9\n", "custom"),
        ("runtime", "v3.11.9-rc1", "3.11.9"),
        ("migration", "SECRET", "custom"),
        ("page", "/agents/SECRET", "other"),
        ("page", "\ud800", "other"),
        ("page", {"a": [{}]}, None),
        ("page", None, None),
    ],
)
def test_values_leave_at_their_declared_size(admission: Admission, name: str, value: Any, wire: Any) -> None:
    body = envelope([event(name="report", properties={name: value})]).replace(b"Infinity", b"1e400")
    admitted = admission.admit(body, NOW)
    assert kept(admitted.payload)[0]["properties"] == ({} if wire is None else {name: wire})
    assert admitted.refused == ({"invalid_value": 1} if wire is None else {})
    assert b"SECRET" not in admitted.payload


@pytest.mark.parametrize(("days", "fits"), [(0, True), (1, True), (2, False), (-400, True), (-401, False)])
def test_a_day_counts_from_keep_days_ago_until_tomorrow(admission: Admission, days: int, fits: bool) -> None:
    day = (datetime.fromtimestamp(NOW, UTC) + timedelta(days=days)).strftime("%Y-%m-%d")
    admitted = admission.admit(envelope([event(time=day)]), NOW)
    assert admitted.refused == ({} if fits else {"bad_time": 1})


def test_a_time_finer_than_the_catalogue_allows_is_refused(admission: Admission) -> None:
    moment = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:00Z")
    assert admission.admit(envelope([event(time=moment)]), NOW).refused == {"bad_time": 1}
    hourly = loads(TOML.replace('time_precision = "day"', 'time_precision = "hour"'))
    body = envelope([event(time=moment)], catalogue=hourly.digest)
    assert Admission([hourly]).admit(body, NOW).payload is body


def test_every_version_ever_given_stays_valid_and_an_unknown_one_is_judged_by_the_latest() -> None:
    newer = loads(TOML.replace('"playbook"]', '"playbook", "system"]'))
    both = Admission([sample(), newer])
    changed = event(properties={"type": "system"})
    assert kept(both.admit(envelope([changed]), NOW).payload)[0]["properties"] == {"type": "other"}
    body = envelope([changed], catalogue=newer.digest)
    assert both.admit(body, NOW).payload is body
    body = envelope([changed], catalogue="0" * 64)
    assert kept(both.admit(body, NOW).payload)[0]["properties"] == {"type": "system"}


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (b"", "not_json"),
        (b"SECRET", "not_json"),
        (b"\xff\xfe\x00", "not_json"),
        (b'{"format":1,"key":"wk_hay_tests","events":NaN}', "not_json"),
        (b'{"format":1,"key":"k","x":' + b"[" * 200_000, "not_json"),
        (envelope([event()])[:-1], "not_json"),
        (envelope([event()]) + b"x", "not_json"),
        (b"[]", "bad_envelope"),
        (b"{}", "bad_envelope"),
        (envelope([], format=2), "unsupported_format"),
        (envelope([], format=0), "bad_envelope"),
        (envelope([], format="1"), "bad_envelope"),
        (envelope([], key="wk_SECRET"), "unknown_key"),
        (envelope([], key=7), "bad_envelope"),
        (envelope([], sdk="SECRET"), "bad_envelope"),
        (envelope([], instance_id="SECRET"), "bad_envelope"),
        (envelope([], instance_kind="foreign"), "bad_envelope"),
        (envelope([]).replace(b'"events": []', b'"events": {}'), "bad_envelope"),
        (envelope([], batch_id=None), "bad_envelope"),
        (envelope([1] * 10_001), "too_large"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_slug_and_without_a_value(
    admission: Admission, body: bytes, slug: str
) -> None:
    with pytest.raises(Refusal) as caught:
        admission.admit(body, NOW)
    assert caught.value.error.slug == slug
    assert "SECRET" not in str(caught.value)
