"""Nothing leaves before the operator has had the notice and the time to say no."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from windrow.state import FileState

from tests.support import products
from tests.support.hostile import moody
from tests.support.processes import SOURCES, finish, kill, pythons, start, with_options
from tests.support.waiting import eventually

GRACE = 2.0
RUNS = """
import time
telemetry.track("tea_made", {"sort": "green"})
print("ready", flush=True)
time.sleep(SECONDS)
"""
MORE = """
[events.kettle_descaled]
description = "The kettle was descaled."
why = "How hard the water is."
"""


def settings(url: str, **variables: str) -> dict[str, str]:
    return {
        "KETTLE_TELEMETRY_ENDPOINT": url,
        "KETTLE_TELEMETRY_GRACE": str(GRACE),
        "KETTLE_TELEMETRY_FLUSH": "0.1",
        "KETTLE_TELEMETRY_SPOOL": "1",
        **variables,
    }


def test_nothing_leaves_before_the_notice_and_its_grace_and_then_all_does(tmp_path: Path) -> None:
    with moody() as server:
        process = start(products.script(tmp_path, RUNS.replace("SECONDS", "2.8")), **settings(server.url))
        assert process.stderr
        assert "Kettle sends telemetry" in process.stderr.readline()
        shown = time.monotonic()
        eventually(lambda: server.asked, every=0.01)
        assert time.monotonic() - shown > GRACE - 0.2
        assert finish(process).stdout == "ready\n"
        assert [event["name"] for event in server.events] == ["tea_made"]


def test_a_process_that_is_shorter_than_the_grace_sends_nothing(tmp_path: Path) -> None:
    with moody() as server:
        for _ in range(3):
            done = products.run(
                products.script(tmp_path, RUNS.replace("SECONDS", "0")),
                **settings(server.url, KETTLE_TELEMETRY_GRACE="600"),
            )
            assert done.stdout == "ready\n"
        assert server.asked == 0


def test_the_grace_goes_on_from_the_first_showing_over_restarts(tmp_path: Path) -> None:
    with moody() as server:
        shown, notices = time.time(), 0
        while not server.asked:
            done = products.run(
                products.script(tmp_path, RUNS.replace("SECONDS", "0.3")), **settings(server.url)
            )
            notices += done.stderr.count("Kettle sends telemetry")
            assert time.time() - shown < 30
        assert notices == 1
        assert time.time() - shown > GRACE - 1.1  # the row has whole seconds


def test_a_kill_right_after_the_notice_does_not_shorten_the_grace(tmp_path: Path) -> None:
    with moody() as server:
        slow = {**settings(server.url), "KETTLE_TELEMETRY_GRACE": "600"}
        for _ in range(3):
            process = start(products.script(tmp_path, RUNS.replace("SECONDS", "9")), **slow)
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.3)
            kill(process)
            process.communicate()
        assert server.asked == 0


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2> >(exec 0<&-; sleep 0.01)"])
def test_where_nobody_can_read_the_notice_nothing_is_sent_and_nothing_else_changes(
    redirection: str, tmp_path: Path
) -> None:
    program = products.script(tmp_path, RUNS.replace("SECONDS", "0.6") + "raise SystemExit(3)\n")
    with moody() as server:
        environ = products.environment(tmp_path, **settings(server.url, KETTLE_TELEMETRY_GRACE="0"))
        done = subprocess.run(
            ["bash", "-c", f"sleep 0.05; {sys.executable} {program} {redirection}; echo $?"],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
            timeout=20,
        )
        assert done.stdout == "ready\n3\n"
        assert server.asked == 0


@pytest.mark.parametrize("python", pythons())
def test_a_reader_of_standard_error_that_reads_nothing_holds_up_nobody(python: str, tmp_path: Path) -> None:
    program = products.script(tmp_path, RUNS.replace("SECONDS", "0.3"))
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    with moody() as server:
        environ = products.environment(
            tmp_path, **settings(server.url, KETTLE_TELEMETRY_GRACE="0", PYTHONPATH=str(SOURCES))
        )
        process = subprocess.Popen(
            [python, str(program)], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=writing
        )
        out, _ = process.communicate(timeout=20)
        assert (process.returncode, out) == (0, b"ready\n")
        assert server.asked == 0
    os.close(reading)
    os.close(writing)


def test_a_notice_that_cannot_be_told_holds_all_back(tmp_path: Path) -> None:
    for notice in ("lambda text: False", "lambda text: 1 / 0"):
        program = with_options(products.script(tmp_path, RUNS.replace("SECONDS", "0.3")), f"notice={notice}")
        with moody() as server:
            done = products.run(program, **settings(server.url, KETTLE_TELEMETRY_GRACE="0"))
            assert (done.stdout, done.stderr, server.asked) == ("ready\n", "", 0)


def test_a_release_that_collects_more_asks_again_and_only_what_is_new_waits(tmp_path: Path) -> None:
    program = products.script(tmp_path, "telemetry.track('tea_made')\ntelemetry.flush(5)\n")
    new = """
        import time
        telemetry.track("kettle_descaled")
        telemetry.track("tea_made", {"sort": "green"})
        telemetry.flush(0.5)
        print("ready", flush=True)
        time.sleep(SECONDS)
        """
    with moody() as server:
        assert products.run(program, **settings(server.url, KETTLE_TELEMETRY_GRACE="0")).returncode == 0
        assert [event["name"] for event in server.events] == ["tea_made"]
        state = FileState(str(tmp_path / "state"))
        row = state.get("notice") or ""
        state.swap("notice", row, f"{int(time.time()) - 9} {row.partition(' ')[2]}")
        program = products.script(tmp_path, new.replace("SECONDS", "2.8"))
        with (tmp_path / "telemetry.toml").open("a") as file:
            file.write(MORE)
        process = start(program, **settings(server.url))
        assert process.stdout
        process.stdout.readline()
        assert [event["name"] for event in server.events] == ["tea_made", "tea_made"]
        eventually(lambda: len(server.events) == 3)
        assert server.events[2]["name"] == "kettle_descaled"
        done = finish(process)
        assert "kettle_descaled" in done.stderr
        assert done.stderr.count("Kettle sends more telemetry") == 1
