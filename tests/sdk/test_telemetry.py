"""What products call, against real sinks, real files and a real server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from windrow import CatalogueWarning, Telemetry
from windrow.sinks import Collector, File, Memory, PostHog
from windrow.state import FileState, MemoryState

from tests.support import products
from tests.support.listener import listening

NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z
DAY = 86_400


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Telemetry]:
    path = products.write_catalogue(tmp_path)

    def made(**options: Any) -> Telemetry:
        options.setdefault("sink", Memory())
        options.setdefault("environ", {**products.ENVIRON, "KETTLE_TELEMETRY_DIR": str(tmp_path / "state")})
        return Telemetry(path, app_version="1.2.3+build.9", **options)

    return made


def test_an_event_arrives_coarse_with_its_context(make: Callable[..., Telemetry]) -> None:
    sink = Memory()
    with make(sink=sink, clock=Clock()) as telemetry:
        telemetry.track("tea_made", {"sort": "green", "cups": 5})
        assert telemetry.flush()
    (envelope,) = sink.envelopes
    (event,) = envelope["events"]
    assert event["properties"] == {"sort": "green", "cups": "1-9"}
    assert event["time"] == "2026-11-24"
    assert envelope["context"] == {"app_version": "1.2.3"}
    assert envelope["instance_kind"] == "file"


def test_an_id_says_no_more_about_the_time_than_the_time_itself(make: Callable[..., Telemetry]) -> None:
    sink = Memory()
    with make(sink=sink, clock=Clock()) as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
    stamp = int(sink.events[0]["id"].replace("-", "")[:12], 16)
    assert stamp % (DAY * 1000) == 0


@pytest.mark.parametrize("event", [None, 5, [], {}, "", "nothing", "\ud800", b"tea_made", object()])
@pytest.mark.parametrize("properties", [None, {}, [], 5, "x", {1: 2}, {"cups": object()}])
def test_nothing_that_is_passed_raises(make: Callable[..., Telemetry], event: Any, properties: Any) -> None:
    telemetry = make()
    telemetry.track(event, properties)
    telemetry.count(event, properties)
    assert sum(telemetry.status().dropped.values()) >= 1
    telemetry.close()


def test_what_was_dropped_is_reported_once_by_reason(make: Callable[..., Telemetry]) -> None:
    sink = Memory()
    with make(sink=sink) as telemetry:
        telemetry.track("nothing")
        telemetry.track("boiled")
        telemetry.count("tea_made")
        telemetry.track("tea_made", {"cups": -1, "price": 5})
        telemetry.flush()
        telemetry.track("tea_made")
        telemetry.flush()
    assert [envelope["dropped"] for envelope in sink.envelopes] == [
        {"undeclared_event": 1, "wrong_kind": 2, "invalid_value": 1, "undeclared_property": 1},
        {},
    ]


def test_a_full_queue_drops_the_newest_and_counts_it(make: Callable[..., Telemetry]) -> None:
    telemetry = make(environ={**products.ENVIRON, "KETTLE_TELEMETRY_FLUSH": "3600"})
    telemetry.may_send = lambda: False  # type: ignore[method-assign]  # the flusher stays away
    for _ in range(10_005):
        telemetry.track("tea_made")
    assert telemetry.status().dropped.get("queue_full", 0) >= 5
    telemetry.close()


def test_a_digest_is_keyed_by_the_instance_and_never_plain(make: Callable[..., Telemetry]) -> None:
    sink = Memory()
    with make(sink=sink) as telemetry:
        telemetry.track("tea_made", {"blend": "acme special"})
        telemetry.track("tea_made", {"blend": "acme special"})
        telemetry.flush()
    with make(sink=sink, state=MemoryState()) as other:
        other.track("tea_made", {"blend": "acme special"})
        other.flush()
    first, second, third = (event["properties"]["blend"] for event in sink.events)
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert first == second != third


def test_counters_are_sent_once_a_day_as_a_bucket(make: Callable[..., Telemetry]) -> None:
    sink, clock = Memory(), Clock()
    with make(sink=sink, clock=clock) as telemetry:
        telemetry.count("boiled", 3)
        telemetry.count("boiled", 9)
        telemetry.flush()
        assert sink.events == []
        clock.now += DAY
        telemetry.count("boiled")
        telemetry.flush()
        telemetry.flush()
    (event,) = sink.events
    assert (event["name"], event["time"], event["properties"]) == ("boiled", "2026-11-24", {"count": "10-99"})


def test_todays_counters_can_be_sent_at_once_and_the_whole_day_replaces_them(
    make: Callable[..., Telemetry],
) -> None:
    sink, clock = Memory(), Clock()
    with make(sink=sink, clock=clock) as telemetry:
        telemetry.count("boiled")
        assert telemetry.send_daily()
        telemetry.count("boiled", 50)
        clock.now += DAY
        telemetry.flush()
    first, second = (event for event in sink.events if event["name"] == "boiled")
    assert first["id"] == second["id"]
    assert (first["properties"], second["properties"]) == ({"count": "1-9"}, {"count": "10-99"})


def test_a_snapshot_is_asked_once_a_day(make: Callable[..., Telemetry]) -> None:
    sink, clock = Memory(), Clock()
    asked = []
    with make(sink=sink, clock=clock) as telemetry:

        @telemetry.snapshot("shelf")
        def shelf() -> dict[str, object]:
            asked.append(clock.now)
            return {"sorts": 3}

        for _ in range(3):
            telemetry.flush()
        clock.now += DAY
        telemetry.flush()
    assert len(asked) == 2
    assert [event["time"] for event in sink.events] == ["2026-11-24", "2026-11-25"]


def test_a_snapshot_that_raises_loses_only_itself(make: Callable[..., Telemetry]) -> None:
    sink = Memory()
    with make(sink=sink) as telemetry:
        telemetry.snapshot("shelf")(lambda: {"sorts": 1 / 0})
        telemetry.track("tea_made")
        telemetry.flush()
        assert telemetry.status().dropped == {"snapshot_failed": 1}
    assert [event["name"] for event in sink.events] == ["tea_made"]


def test_the_notice_comes_first_once_and_not_on_standard_output(
    make: Callable[..., Telemetry], capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        with make() as telemetry:
            telemetry.track("tea_made")
            telemetry.flush()
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.count("KETTLE_TELEMETRY_DISABLED=1") == 1


def test_the_ledger_has_the_exact_bytes_and_the_outcome(
    make: Callable[..., Telemetry], tmp_path: Path
) -> None:
    with listening() as collector:
        with make(sink=Collector(collector.url)) as telemetry:
            telemetry.track("tea_made", {"sort": "black"})
            assert telemetry.flush()
        before, after = map(json.loads, (tmp_path / "state" / "ledger.jsonl").read_text().splitlines())
        assert json.loads(before["body"]) == collector.bodies[0]
    assert after["outcome"] == "delivered 200"


def test_what_fails_is_sent_again_byte_for_byte(make: Callable[..., Telemetry]) -> None:
    with listening() as collector:
        collector.replies = [(503, {"Retry-After": "0"}), (500, {})]
        with make(sink=Collector(collector.url)) as telemetry:
            telemetry.track("tea_made")
            assert [telemetry.flush() for _ in range(3)] == [False, False, True]
        assert len(collector.events) == 1


def test_too_large_a_batch_goes_in_halves(make: Callable[..., Telemetry]) -> None:
    with listening() as collector:
        collector.replies = [(413, {})]
        with make(sink=Collector(collector.url)) as telemetry:
            for _ in range(10):
                telemetry.track("tea_made")
            assert telemetry.flush()
        assert [len(body["events"]) for body in collector.bodies] == [5, 5]


def test_what_is_refused_for_good_is_counted_and_not_sent_again(make: Callable[..., Telemetry]) -> None:
    with listening() as collector:
        collector.replies = [(401, {})]
        with make(sink=Collector(collector.url)) as telemetry:
            telemetry.track("tea_made")
            telemetry.flush()
            assert telemetry.status().dropped == {"send_refused": 1}
        assert collector.bodies == []


def test_posthog_gets_neither_profile_nor_place_nor_address(make: Callable[..., Telemetry]) -> None:
    with listening() as posthog:
        with make(sink=PostHog(posthog.url)) as telemetry:
            telemetry.track("tea_made", {"sort": "green"})
            assert telemetry.flush()
        assert posthog.paths == ["/batch/"]
        (event,) = posthog.bodies[0]["batch"]
    assert "sent_at" not in posthog.bodies[0]
    assert event["properties"]["$process_person_profile"] is False
    assert event["properties"]["$geoip_disable"] is True
    assert event["properties"]["$ip"] == "0.0.0.0"
    assert event["properties"]["sort"] == "green"


def test_the_file_sink_writes_a_line_a_batch(make: Callable[..., Telemetry], tmp_path: Path) -> None:
    with make(sink=File(tmp_path / "sent.jsonl")) as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
    assert len((tmp_path / "sent.jsonl").read_text().splitlines()) == 1


def test_opting_out_while_it_runs_wipes_what_waits(make: Callable[..., Telemetry]) -> None:
    sink, config = Memory(), {"telemetry": True}
    with make(sink=sink, config=lambda: config) as telemetry:
        telemetry.track("tea_made")
        config["telemetry"] = False
        telemetry.flush()
        assert telemetry.status().lever == "config"
    assert sink.envelopes == []


def test_a_bad_catalogue_turns_it_off_and_says_why(tmp_path: Path) -> None:
    with pytest.warns(CatalogueWarning, match=r"missing\.toml"):
        telemetry = Telemetry(tmp_path / "missing.toml")
    telemetry.track("tea_made")
    assert telemetry.status().lever == "catalogue"
    telemetry.close()


def test_state_that_cannot_be_read_turns_it_off(make: Callable[..., Telemetry], tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.json").write_text('{"secret": ')
    sink = Memory()
    with make(sink=sink) as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
        assert telemetry.status().lever == "state"
    assert sink.envelopes == []


def test_state_that_cannot_be_made_is_kept_in_memory(make: Callable[..., Telemetry], tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("a file")
    sink = Memory()
    with make(
        sink=sink,
        environ={**products.ENVIRON, "KETTLE_TELEMETRY_DIR": str(tmp_path / "in-the-way" / "state")},
    ) as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
    assert sink.envelopes[0]["instance_kind"] == "ephemeral"


def test_twenty_processes_that_start_at_once_are_one_instance(tmp_path: Path) -> None:
    lines = 'telemetry.track("tea_made")\ntelemetry.count("boiled")\ntelemetry.flush(30)\n'
    program = products.script(tmp_path, lines)
    with listening() as collector:
        env = products.environment(tmp_path, KETTLE_TELEMETRY_ENDPOINT=collector.url)
        command = [sys.executable, str(program)]
        running = [
            subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.DEVNULL) for _ in range(20)
        ]
        assert [process.wait(60) for process in running] == [0] * 20
        assert len({body["instance_id"] for body in collector.bodies}) == 1
    rows = dict(FileState(str(tmp_path / "state")).items(""))
    assert re.fullmatch("[0-9a-f]{64}", rows["secret"])
