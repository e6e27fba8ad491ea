"""Clocks that jump, machines that sleep, and midnight."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from windrow._identity import Identity
from windrow.envelope import wire_time

from tests.support import products
from tests.support.hostile import moody
from tests.support.processes import finish, start, with_options
from tests.support.waiting import eventually

NOON = 1_800_000_000 // 86_400 * 86_400 + 43_200
YEAR = 365 * 86_400
JUMPS = """
now = START
def clock():
    return now
telemetry.close()
from windrow import Telemetry
telemetry = Telemetry("telemetry.toml", app_version="1.2.3", clock=clock)
telemetry.snapshot("shelf")(lambda: {"sorts": 3})
def live(moment):
    global now
    now = moment
    telemetry.count("boiled", 3)
    telemetry.track("tea_made", {"sort": "green"})
    return telemetry.flush(9)
for moment in MOMENTS:
    print(live(moment))
print(sum(int(value) for _, value in telemetry.state.items("counter:")))
"""


def lived(folder: Path, moments: list[float]) -> tuple[list[dict[str, object]], list[str]]:
    program = products.script(
        folder, JUMPS.replace("START", str(moments[0])).replace("MOMENTS", repr(moments))
    )
    with moody() as server:
        done = products.run(program, KETTLE_TELEMETRY_ENDPOINT=server.url)
        assert done.returncode == 0, done.stderr
        return server.events, done.stdout.split()


def test_a_clock_that_was_two_years_ahead_loses_no_count_and_dates_nothing_later_than_it_said(
    tmp_path: Path,
) -> None:
    moments = [NOON, NOON + 2 * YEAR, NOON + 60, NOON + 86_400, NOON + 2 * 86_400.0]
    events, out = lived(tmp_path, moments)
    assert out[:5] == ["True"] * 5
    said = {wire_time(moment, "day") for moment in moments}
    assert {event["time"] for event in events} <= said
    assert out[5] == str(3 * len(moments))
    once = Counter((event["name"], event["time"]) for event in events if event["name"] == "shelf")
    assert set(once.values()) == {1}


def test_a_clock_that_goes_five_years_back_goes_on(tmp_path: Path) -> None:
    moments = [NOON, NOON - 5 * YEAR, NOON - 5 * YEAR + 86_400, NOON - 5 * YEAR + 2 * 86_400.0]
    events, out = lived(tmp_path, moments)
    assert out == ["True"] * 4 + ["12"]
    assert {event["time"] for event in events} <= {wire_time(moment, "day") for moment in moments}
    sent = [event["time"] for event in events if event["name"] == "boiled"]
    assert wire_time(NOON - 5 * YEAR, "day") in sent


def test_at_midnight_in_utc_a_day_ends_and_is_sent_once(tmp_path: Path) -> None:
    midnight = NOON + 43_200
    moments = [
        midnight - 1.0,
        midnight - 0.001,
        midnight,
        midnight + 0.001,
        midnight + 86_399.999,
        midnight + 86_400,
    ]
    events, out = lived(tmp_path, [float(moment) for moment in moments])
    assert out[-1] == "18"
    names = Counter((event["name"], event["time"]) for event in events if event["name"] != "tea_made")
    assert set(names.values()) == {1}
    assert names.keys() >= {("boiled", "2027-01-15"), ("boiled", "2027-01-16"), ("shelf", "2027-01-15")}


SLEEPS = """
import time
print("ready", flush=True)
for _ in range(20):
    telemetry.track("tea_made", {"sort": "green"})
    telemetry.count("boiled")
    time.sleep(0.02)
telemetry.close(5)
print(telemetry.status().dropped)
"""


def test_a_process_that_is_suspended_goes_on_where_it_was(tmp_path: Path) -> None:
    with moody() as server:
        program = products.script(tmp_path, SLEEPS)
        process = start(program, KETTLE_TELEMETRY_ENDPOINT=server.url, KETTLE_TELEMETRY_FLUSH="0.1")
        assert process.stdout
        process.stdout.readline()
        eventually(lambda: server.events, every=0.01)
        process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        process.send_signal(signal.SIGCONT)
        assert finish(process).stdout == "{}\n"
        assert len({event["id"] for event in server.events}) == len(server.events) == 20


def test_a_thousand_instances_spread_what_is_daily_over_the_day() -> None:
    hours = Counter(Identity(os.urandom(32)).second_of_day("") // 3600 for _ in range(1000))
    assert set(hours) == set(range(24))
    expected = 1000 / 24
    # 23 degrees of freedom: a fair spread is above 80 once in ten million runs.
    assert sum((hours[hour] - expected) ** 2 / expected for hour in range(24)) < 80


@pytest.mark.parametrize("odd", ["float('nan')", "float('inf')", "-1e18", "None", "'now'", "1e300", "-1"])
def test_a_clock_that_tells_no_time_hurts_nobody(odd: str, tmp_path: Path) -> None:
    program = products.script(
        tmp_path,
        """
        telemetry.track("tea_made")
        telemetry.count("boiled")
        telemetry.snapshot("shelf")(lambda: {"sorts": 3})
        telemetry.flush(1), telemetry.status(), telemetry.send_daily(1), telemetry.close()
        print("fine")
        """,
    )
    with moody() as server:
        done = products.run(
            with_options(program, f"clock=lambda: {odd}"), KETTLE_TELEMETRY_ENDPOINT=server.url
        )
        assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr
        assert "Traceback" not in done.stderr
