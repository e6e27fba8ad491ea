"""Counters and snapshots: once a day, whoever sends them, spread over the day, whatever the clock does."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow._identity import Identity, identity_of
from windrow.sinks import Memory, Outcome
from windrow.state import FileState, MemoryState

from tests.support import products
from tests.support.waiting import eventually

MIDNIGHT = 1_795_478_400.0  # 2026-11-24T00:00:00Z
DAY = 86_400


class Instance:
    """Processes of one instance, one after the other or at once, over one state and one sink."""

    def __init__(self, folder: Path) -> None:
        self.catalogue = products.write_catalogue(folder)
        self.state, self.sink, self.now = MemoryState(), Memory(), MIDNIGHT + DAY / 2
        self.asked = 0

    def start(self, **options: Any) -> Telemetry:
        given: dict[str, Any] = {"sink": self.sink, "state": self.state, "environ": products.ENVIRON}
        return Telemetry(self.catalogue, clock=lambda: self.now, **{**given, **options})

    def shelf(self) -> dict[str, object]:
        self.asked += 1
        return {"sorts": 3}

    @property
    def place(self) -> int:
        """Its own second of the day."""
        return identity_of(self.state.get("secret") or "").second_of_day("2026-11-25")

    def days(self, name: str) -> dict[str, object]:
        """What was sent last, by day."""
        return {e["time"]: e["properties"] for e in self.sink.events if e["name"] == name}


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path)


def test_the_first_snapshot_is_sent_at_once_and_later_ones_at_the_instances_own_time(
    instance: Instance,
) -> None:
    instance.state.swap("secret", None, secret_at(place=3 * 3600))
    with instance.start() as telemetry:
        telemetry.snapshot("shelf")(instance.shelf)
        assert telemetry.flush()
        assert list(instance.days("shelf")) == ["2026-11-24"]
        instance.now = MIDNIGHT + DAY + 60
        assert telemetry.flush()
        assert list(instance.days("shelf")) == ["2026-11-24"], "not at midnight"
    instance.now = MIDNIGHT + DAY + instance.place + 1
    with instance.start() as telemetry:
        telemetry.snapshot("shelf")(instance.shelf)
        assert telemetry.flush()
    assert list(instance.days("shelf")) == ["2026-11-24", "2026-11-25"]
    assert instance.asked == 2


def test_who_is_never_up_at_its_own_time_sends_a_day_after_the_last_time(instance: Instance) -> None:
    instance.state.swap("secret", None, secret_at(place=23 * 3600))
    for _ in range(3):
        with instance.start() as telemetry:
            telemetry.snapshot("shelf")(instance.shelf)
            assert telemetry.flush()
        instance.now += DAY
    assert list(instance.days("shelf")) == ["2026-11-24", "2026-11-25", "2026-11-26"]


def test_ten_thousand_instances_do_not_call_at_midnight() -> None:
    hours = Counter(Identity(n.to_bytes(32, "big")).second_of_day("") // 3600 for n in range(10_000))
    assert len(hours) == 24
    assert max(hours.values()) < 2 * 10_000 / 24


def test_a_count_is_in_the_state_a_second_later_even_if_the_process_is_killed(tmp_path: Path) -> None:
    program = products.script(
        tmp_path,
        """
        import time
        for _ in range(7):
            telemetry.count("boiled")
        print("counted", flush=True)
        time.sleep(60)
        """,
    )
    environ = products.environment(tmp_path, KETTLE_TELEMETRY_ENDPOINT="http://127.0.0.1:9")
    with subprocess.Popen(
        [sys.executable, str(program)], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "counted\n"
        time.sleep(1.0)
        process.send_signal(signal.SIGKILL)
    counts = FileState(str(tmp_path / "state")).items("counter:")
    assert [value for _, value in counts] == ["7"]


def test_of_several_processes_one_sends_the_day_and_nothing_is_sent_twice(instance: Instance) -> None:
    telemetries = [instance.start() for _ in range(5)]
    for telemetry in telemetries:
        telemetry.snapshot("shelf")(instance.shelf)
        telemetry.count("boiled", 10)
    for telemetry in telemetries:
        assert telemetry.flush()
    instance.now += DAY
    for telemetry in telemetries:
        assert telemetry.flush()
        telemetry.close()
    assert instance.days("boiled") == {"2026-11-24": {"count": "10-99"}}
    assert Counter(e["name"] for e in instance.sink.events) == {"shelf": 2, "boiled": 1}
    assert instance.asked == 2
    assert instance.state.get("lease:daily") is None


def test_a_snapshot_that_only_a_later_process_can_answer_is_sent_too(instance: Instance) -> None:
    with instance.start() as first:
        first.count("boiled")
        assert first.flush()
        with instance.start() as second:
            second.snapshot("shelf")(instance.shelf)
            assert second.flush()
    assert instance.days("shelf") == {"2026-11-24": {"sorts": "1-9"}}


def test_who_holds_the_lease_and_dies_is_followed_a_minute_later(instance: Instance) -> None:
    instance.state.swap("lease:daily", None, f"{'ab' * 8} {int(instance.now) + 60}")
    with instance.start() as telemetry:
        telemetry.snapshot("shelf")(instance.shelf)
        telemetry.flush()
        assert instance.sink.events == []
        instance.now += 61
        telemetry.flush()
        eventually(lambda: instance.days("shelf"))


@pytest.mark.parametrize("years", [2, 5])
def test_a_clock_that_jumps_years_ahead_and_back_loses_no_count(instance: Instance, years: int) -> None:
    true = instance.now
    with instance.start() as telemetry:
        telemetry.count("boiled", 5)
        assert telemetry.flush()
        instance.now = true + years * 365 * DAY
        telemetry.count("boiled", 6)
        assert telemetry.flush()
        instance.now = true + 60
        telemetry.count("boiled", 7)
        assert telemetry.flush()
        instance.now = true + DAY
        assert telemetry.flush()
        telemetry.flush()
    assert sum(int(n) for _, n in instance.state.items("counter:")) == 18
    assert instance.days("boiled")["2026-11-24"] == {"count": "10-99"}


def test_what_is_counted_over_midnight_belongs_to_two_days(instance: Instance) -> None:
    instance.now = MIDNIGHT + DAY - 1
    with instance.start() as telemetry:
        telemetry.count("boiled", 3)
        instance.now += 2
        telemetry.count("boiled", 20)
        assert telemetry.flush()
        instance.now += 2 * DAY
        assert telemetry.flush()
    assert instance.days("boiled") == {"2026-11-24": {"count": "1-9"}, "2026-11-25": {"count": "10-99"}}


def test_what_was_given_up_is_not_asked_again_today(instance: Instance) -> None:
    class Refusing(Memory):
        def send(self, body: bytes, timeout: float) -> Outcome:  # noqa: ARG002 -- the protocol's
            return Outcome("refused", "401")

    with instance.start(sink=Refusing()) as telemetry:
        telemetry.snapshot("shelf")(instance.shelf)
        for _ in range(3):
            telemetry.flush()
    assert instance.asked == 1


def secret_at(*, place: int) -> str:
    """A secret whose second of the day is about `place`."""
    for number in range(100_000):
        secret = number.to_bytes(32, "big")
        if abs(Identity(secret).second_of_day("") - place) < 600:
            return secret.hex()
    raise AssertionError("no such secret")
