"""Networks as they are: portals, overload, a week without a collector, and replies that are lost."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from tests.support import products
from tests.support.hostile import Mood, Moody, answering, forgetful, healthy, moody, unique
from tests.support.processes import finish, start
from tests.support.waiting import eventually

RUNS = """
import logging, sys, time
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(levelname)s %(name)s")
before = [(type(h), h.level) for h in logging.root.handlers], logging.root.level, logging.lastResort
for cups in range(40):
    telemetry.track("tea_made", {"sort": "green", "cups": cups})
    time.sleep(0.01)
ends = time.monotonic() + SECONDS
while telemetry.status().queued and time.monotonic() < ends:
    time.sleep(0.02)
after = [(type(h), h.level) for h in logging.root.handlers], logging.root.level, logging.lastResort
print(before == after, logging.getLogger("windrow").handlers, logging.getLogger("windrow").level)
"""
PORTAL = b"<!doctype html><title>Hotel Paradiso</title><form action=/login>"
BAD = [
    answering(200, "Content-Type: text/html", body=PORTAL),
    answering(200, body=b""),
    answering(204, body=b""),
    answering(301, "Location: https://example.org/"),
    answering(502, body=PORTAL),
    answering(503, "Retry-After: 1"),
    answering(511, body=PORTAL),
]


def settings(url: str, **variables: str) -> dict[str, str]:
    return {"KETTLE_TELEMETRY_ENDPOINT": url, "KETTLE_TELEMETRY_FLUSH": "0.1", **variables}


@pytest.mark.parametrize("mood", BAD, ids=lambda mood: str(mood.__name__))
def test_whatever_is_no_collectors_yes_loses_nothing_and_is_one_line_of_debug(
    mood: Mood, tmp_path: Path
) -> None:
    with moody(mood) as server:
        process = start(products.script(tmp_path, RUNS.replace("SECONDS", "30")), **settings(server.url))
        eventually(lambda: server.asked >= 2, every=0.01)
        server.mood = healthy
        done = finish(process)
        assert done.returncode == 0
        *lines, last = done.stdout.splitlines()
        assert last == "True [] 0"
        assert [line for line in lines if "windrow" in line] == ["DEBUG windrow"]
        assert len(unique(server.events)) == len(server.events) == 40


def test_retry_after_is_kept_to_also_by_the_next_process(tmp_path: Path) -> None:
    program = products.script(
        tmp_path, 'telemetry.track("tea_made")\ntelemetry.flush(1)\ntelemetry.flush(1)\n'
    )
    with moody(answering(429, "Retry-After: 4")) as server:
        began = time.monotonic()
        while server.mood is not healthy or not server.taken:
            assert products.run(program, **settings(server.url, KETTLE_TELEMETRY_SPOOL="1")).returncode == 0
            assert server.asked == 1 or time.monotonic() - began > 3
            server.mood = healthy
            assert time.monotonic() - began < 40


WEEK = """
import json, os, time
# The clocks of this process run as fast as the test wants.
real, wall, ahead = time.monotonic, time.time, [0.0]
time.monotonic, time.time = lambda: real() + ahead[0], lambda: wall() + ahead[0]
telemetry.close()
from windrow import Telemetry
telemetry = Telemetry("telemetry.toml", app_version="1.2.3", clock=lambda: time.time())
largest, pauses = 0, []
def spool():
    return sum(entry.stat().st_size for entry in os.scandir("state/spool")) if os.path.exists("state/spool") else 0
for hour in range(0, 7 * 24, 2):
    for cups in range(400):
        telemetry.track("tea_made", {"sort": "green", "cups": cups})
    telemetry.count("boiled")
    ahead[0] += 7200
    time.sleep(0.03)
    largest = max(largest, spool())
    for _, row in telemetry.state.items("backoff:"):
        tries, until, _ = row.split(" ")
        pauses.append(int(until) - time.time())
telemetry.close(2)
print(json.dumps([largest, spool(), int(tries), max(pauses), telemetry.status().dropped]))
"""


def test_a_week_without_a_collector_costs_little_and_is_remembered(tmp_path: Path) -> None:
    with moody(answering(500)) as server:
        variables = settings(server.url, KETTLE_TELEMETRY_SPOOL="1", KETTLE_TELEMETRY_FLUSH="30")
        done = products.run(products.script(tmp_path, WEEK), **variables)
        assert done.returncode == 0, done.stderr
        largest, left, tries, pause, dropped = json.loads(done.stdout)
        assert max(largest, left) <= 2_300_000  # what has just come in is bounded at the next send
        assert 8 < tries <= server.asked < 60
        assert 3600 < pause <= 6 * 3600
        assert set(dropped) <= {"gave_up", "queue_full"}
        asked = server.asked
        again = products.script(tmp_path, 'telemetry.track("page_view")\nimport time\ntime.sleep(1)\n')
        assert "backoff:" in (tmp_path / "state" / "state.json").read_text()
        assert products.run(again, **variables).returncode == 0
        assert server.asked <= asked + 1


def test_pauses_differ_between_instances(tmp_path: Path) -> None:
    waits = set()
    program = products.script(
        tmp_path,
        """
        import time
        telemetry.track("tea_made")
        for _ in range(3):
            telemetry.flush(2)
        until = telemetry.state.items("backoff:")[0][1].split(" ")[1]
        print(int(until) - time.time())
        """,
    )
    with moody(answering(500)) as server:
        for number in range(4):
            folder = {"KETTLE_TELEMETRY_DIR": str(tmp_path / str(number)), "KETTLE_TELEMETRY_FLUSH": "600"}
            done = products.run(program, **{**settings(server.url), **folder})
            waits.add(float(done.stdout) // 20)
    assert len(waits) > 1


def test_a_lost_yes_makes_the_same_events_come_again_and_no_others(tmp_path: Path) -> None:
    program = products.script(tmp_path, RUNS.replace("SECONDS", "30"))
    with moody(forgetful) as server:
        process = start(program, **settings(server.url))
        eventually(lambda: len(server.taken) >= 3, every=0.01)
        server.mood = healthy
        assert finish(process).returncode == 0
        assert len(unique(server.events)) == 40
        assert len(server.events) > 40
        same: dict[str, str] = {}
        for envelope in server.taken:
            text = json.dumps(envelope)
            assert same.setdefault(envelope["batch_id"], text) == text


def test_what_is_too_large_is_sent_in_parts(tmp_path: Path) -> None:
    def narrow(server: Moody, connection: socket.socket, body: bytes) -> None:
        mood = healthy if len(json.loads(body)["events"]) <= 60 else answering(413)
        mood(server, connection, body)

    program = products.script(
        tmp_path,
        """
        for _ in range(400):
            telemetry.track("tea_made")
        print(telemetry.flush(20), telemetry.status().dropped)
        """,
    )
    with moody(narrow) as server:
        done = products.run(program, **settings(server.url))
        assert done.stdout == "True {}\n"
        assert len(unique(server.events)) == len(server.events) == 400
