"""What of a batch is kept: the fast and the slow path agree, and nothing undeclared gets through."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from windrow.catalogue import loads
from windrow_server.collector import Admission, clean, posthog
from windrow_server.collector.times import TimeRule
from windrow_server.errors import Refusal

from tests.support.catalogue import TOML, envelope, event, posthog_event, sample
from tests.support.catalogue import posthog as to_posthog

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


@pytest.mark.parametrize("context", [1, "x", [], {"app_version": 5}])
def test_a_wrong_context_is_counted(admission: Admission, context: Any) -> None:
    admitted = admission.admit(envelope([event()], context=context), NOW)
    assert (admitted.accepted, admitted.refused) == (1, {"invalid_value": 1})


@pytest.mark.parametrize("bad", [-1, 2**53 + 1, 1.5, True, "1", None])
def test_a_wrong_count_of_losses_costs_only_itself(admission: Admission, bad: Any) -> None:
    admitted = admission.admit(envelope([event()], dropped={"queue_full": 3, "gave_up": bad}), NOW)
    assert json.loads(admitted.payload)["dropped"] == {"queue_full": 3}
    assert admitted.refused == {"invalid_value": 1}


@pytest.mark.parametrize("number", [0, 1, 2**53])
def test_the_number_of_a_batch_is_kept_on_both_paths(admission: Admission, number: int) -> None:
    body = envelope([event()], sequence=number)
    assert admission.admit(body, NOW).payload is body
    slow = admission.slowly(body, NOW)
    assert (json.loads(slow.payload)["sequence"], slow.refused) == (number, {})


@pytest.mark.parametrize("number", [-1, True, "1", 1.5, [1], {}, 2**53 + 1])
def test_a_wrong_number_of_a_batch_costs_only_itself(admission: Admission, number: Any) -> None:
    admitted = admission.admit(envelope([event()], sequence=number), NOW)
    assert (admitted.accepted, admitted.refused) == (1, {"invalid_value": 1})
    assert "sequence" not in json.loads(admitted.payload)


@pytest.mark.parametrize("change", [{}, {"context": {"SECRET": 1}}, {"sequence": "SECRET"}])
def test_every_event_of_a_forgotten_instance_is_refused_and_nothing_of_it_kept(
    change: dict[str, Any],
) -> None:
    forgotten: set[str] = set()
    admission = Admission([sample()], forgotten=forgotten)
    instance = str(uuid.uuid4())
    body = envelope([event(), event(name="SECRET"), 1], instance_id=instance, **change)
    assert admission.admit(body, NOW).accepted == 1
    forgotten.add(instance)
    admitted = admission.admit(body, NOW)
    assert (admitted.product, admitted.accepted, admitted.refused) == ("hay", 0, {"forgotten": 3})
    assert instance.encode() not in admitted.payload
    assert kept(admitted.payload) == []
    assert admission.admit(envelope([event()]), NOW).accepted == 1


@pytest.mark.parametrize("padded", [b" " * 100_000, b"\n\t" * 50_000])
def test_space_between_the_values_is_not_kept(admission: Admission, padded: bytes) -> None:
    body = envelope([event(), event(name="report", properties=REPORT)])
    for place in (b"[", b"}", b'"properties":'):
        admitted = admission.quickly(body.replace(place, place + padded), NOW)
        assert admitted is not None
        assert len(admitted.payload) <= len(body)
        assert json.loads(admitted.payload) == json.loads(body)
    mixed = envelope([event(), 1]).replace(b'"properties":', b'"properties":' + padded[:60_000])
    assert len(admission.admit(mixed, NOW).payload) < 1_000


def test_an_event_beyond_reason_is_malformed_and_costs_no_other(admission: Admission) -> None:
    long = event(properties={"note": ["x"] * 20_000})
    admitted = admission.admit(envelope([event(), long]), NOW)
    assert (admitted.accepted, admitted.refused) == (1, {"malformed_event": 1})


@pytest.mark.parametrize("depth", [60, 400, 900, 950, 990, 1_100, 100_000])
def test_deep_nesting_in_one_event_costs_no_other(admission: Admission, depth: int) -> None:
    deep = b'[{"a": "]"}, ' + b"[" * depth + b"]" * depth + b"]"
    body = envelope([event(), event(properties={"type": "channel", "x": "@"}), event()]).replace(b'"@"', deep)
    admitted = admission.admit(body, NOW)
    assert (admitted.accepted, admitted.refused) == (3, {"undeclared_property": 1})


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf"), "\ud800"])
def test_what_only_python_calls_json_costs_its_own_property(admission: Admission, odd: Any) -> None:
    report = event(name="report", properties={"number": odd, "runtime": "3.11.9"})
    admitted = admission.admit(envelope([event(), report]), NOW)
    assert kept(admitted.payload)[1]["properties"] == {"runtime": "3.11.9"}
    assert (admitted.accepted, admitted.refused) == (2, {"invalid_value": 1})
    sent = [posthog_event(), posthog_event(event="report", properties={"number": odd})]
    foreign = posthog.admit(admission, to_posthog(sent), NOW)
    assert sum(a.accepted for a in foreign) == 2
    assert foreign[0].refused == {"invalid_value": 1}


@pytest.mark.parametrize(
    ("given", "shallow"),
    [
        (b"[" * 63 + b"]" * 63, b"[" * 63 + b"]" * 63),
        (b"[" * 70 + b"]" * 70 + b",1", b"[" * 63 + b"null" + b"]" * 63 + b",1"),
        (rb'{"[[[\"": "' + b"[" * 90 + b'"}', rb'{"[[[\"": "' + b"[" * 90 + b'"}'),
        (b"[" * 64 + b'"]]\\"]"' + b"]" * 64, b"[" * 63 + b"null" + b"]" * 63),
        (b'"' + b"[" * 90, b'"' + b"[" * 90),
        (b"]" * 90 + b"[", b"]" * 90 + b"["),
    ],
)
def test_only_what_lies_deep_outside_of_texts_becomes_null(given: bytes, shallow: bytes) -> None:
    assert clean._shallow(given) == shallow


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


HOURLY = loads(TOML.replace('time_precision = "day"', 'time_precision = "hour"'))
DAY = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%d")
HOUR = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:00Z")


@pytest.mark.parametrize(
    ("name", "time", "fits"),
    [
        ("conversation_created", DAY, True),
        ("conversation_created", HOUR, False),
        ("plugin_installed", DAY, False),
        ("plugin_installed", HOUR, True),
    ],
)
def test_a_counter_is_of_a_day_when_events_are_of_an_hour(name: str, time: str, fits: bool) -> None:
    admission = Admission([HOURLY])
    given = event(name=name, time=time, properties={})
    body = envelope([given], catalogue=HOURLY.digest)
    assert (admission.quickly(body, NOW) is not None) is fits
    for odd in ([given], [given, 1]):
        admitted = admission.slowly(envelope(odd, catalogue=HOURLY.digest), NOW)
        assert (admitted.accepted, admitted.refused["bad_time"]) == (int(fits), int(not fits))


def test_a_counter_on_the_posthog_wire_is_cut_to_its_day() -> None:
    sent = [
        posthog_event(event=name, timestamp=None) for name in ("conversation_created", "plugin_installed")
    ]
    (admitted,) = posthog.admit(Admission([HOURLY]), to_posthog(sent), NOW)
    assert [e["time"] for e in kept(admitted.payload)] == [DAY, HOUR]


def test_a_time_of_another_form_is_not_remembered() -> None:
    rule = TimeRule("day", 400)
    for text in ("x" * 1_000_000, DAY + "\n", HOUR, "SECRET", ""):
        assert not rule.fits(text, NOW)
    assert rule.fits(DAY, NOW)
    assert not rule.fits("2001-01-01", NOW)
    assert set(rule._judged) == {DAY, "2001-01-01"}


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
        (b'{"format":1,"key":"wk_hay_tests","events":NaN}', "bad_envelope"),
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
        (b'{"a":"' + b"\\n" * 600_000, "too_large"),
        (b'{"a":[' + b"[],[]," * 200_000 + b"1]}", "too_large"),
        (b'{"events":[' + b"1," * 600_000 + b"1]}", "too_large"),
        (b'{"a":"' + b'\\"' * 200_000, "not_json"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_slug_and_without_a_value(
    admission: Admission, body: bytes, slug: str
) -> None:
    with pytest.raises(Refusal) as caught:
        admission.admit(body, NOW)
    assert caught.value.error.slug == slug
    assert "SECRET" not in str(caught.value)
