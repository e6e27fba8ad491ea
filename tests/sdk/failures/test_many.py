"""Many processes of one instance at once, some of which are killed: one id, one truth, and nothing in the way."""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from windrow.state import FileState

from tests.support import products
from tests.support.hostile import moody
from tests.support.processes import finish, kill, start
from tests.support.waiting import eventually

MANY = 20
COUNTS = """
import os, time
mine = open(f"acknowledged/{os.getpid()}", "a", buffering=1)
ends = time.monotonic() + SECONDS
while time.monotonic() < ends:
    telemetry.count("boiled")
    print(time.monotonic(), file=mine)
    telemetry.track("tea_made", {"sort": "green"})
    time.sleep(0.01)
telemetry.close(10)
"""


def acknowledged(folder: Path, process: subprocess.Popen[str]) -> list[float]:
    path = folder / "acknowledged" / str(process.pid)
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [float(line) for line in lines if line.endswith("\n")]


def a_round(folder: Path, url: str, seconds: float) -> tuple[int, int]:
    """Twenty processes, of which half are killed: the least and the most that may have been counted."""
    program = products.script(folder, COUNTS.replace("SECONDS", str(seconds)))
    (folder / "acknowledged").mkdir(exist_ok=True)
    variables = {
        "KETTLE_TELEMETRY_ENDPOINT": url,
        "KETTLE_TELEMETRY_FLUSH": "0.5",
        "KETTLE_TELEMETRY_SPOOL": "1",
    }
    running = [start(program, **variables) for _ in range(MANY)]
    least = most = 0
    for process in random.sample(running, MANY // 2):
        time.sleep(random.uniform(0, seconds / MANY))
        killed = time.monotonic()
        kill(process)
        process.communicate()
        running.remove(process)
        counted = acknowledged(folder, process)
        least += sum(moment < killed - 1 for moment in counted)
        most += len(counted) + 1
    for process in running:
        done = finish(process)
        assert done.returncode == 0, done.stderr
        counted = acknowledged(folder, process)
        least += len(counted)
        most += len(counted)
    return least, most


@pytest.mark.parametrize("rounds", [1, pytest.param(30, marks=pytest.mark.long)])
def test_twenty_processes_with_kills_among_them_are_one_instance_and_lose_no_count(
    rounds: int, tmp_path: Path
) -> None:
    least = most = 0
    with moody() as server:
        for _ in range(rounds):
            low, high = a_round(tmp_path, server.url, 3.0)
            least, most = least + low, most + high
        state = FileState(str(tmp_path / "state"))
        counted = sum(int(value) for key, value in state.items("counter:"))
        assert least <= counted <= most
        assert len({envelope["instance_id"] for envelope in server.taken}) == 1
    for path in tmp_path.glob("state/**/*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    with moody(port=server.port) as server:
        last = products.script(tmp_path, 'telemetry.track("page_view")\nprint(telemetry.flush(9))\n')
        settings = {"KETTLE_TELEMETRY_ENDPOINT": server.url, "KETTLE_TELEMETRY_SPOOL": "1"}
        assert products.run(last, **settings).stdout == "True\n"
    left = {path.name for path in tmp_path.glob("state/**/*")}
    assert left <= {"state.json", "ledger.jsonl", "ledger.old.jsonl", "spool"}


DIES_WITH_THE_LOCK = """
import os
telemetry.track("tea_made")
telemetry.flush(5)
os.fsync = lambda descriptor: os.kill(os.getpid(), 9)
telemetry.count("boiled")
telemetry.flush(5)
"""


def test_a_process_that_is_killed_with_the_lock_in_its_hand_holds_up_nobody(tmp_path: Path) -> None:
    with moody() as server:
        dies = products.script(tmp_path, DIES_WITH_THE_LOCK)
        assert products.run(dies, KETTLE_TELEMETRY_ENDPOINT=server.url).returncode == -9
        assert (tmp_path / "state" / "state.lock").exists()
        after = products.script(tmp_path, 'telemetry.count("boiled", 5)\nprint(telemetry.flush(3))\n')
        assert products.run(after, KETTLE_TELEMETRY_ENDPOINT=server.url).stdout == "True\n"
        assert not (tmp_path / "state" / "state.lock").exists()
        rows = FileState(str(tmp_path / "state")).items("counter:")
        assert [value for _, value in rows] == ["5"]
        for path in (tmp_path / "state").glob("state.json.*"):
            os.utime(path, (1_700_000_000, 1_700_000_000))
        assert products.run(after, KETTLE_TELEMETRY_ENDPOINT=server.url).stdout == "True\n"
    assert {path.name for path in (tmp_path / "state").iterdir()} == {"state.json", "ledger.jsonl"}


def test_a_lock_of_another_language_that_died_is_outwaited(tmp_path: Path) -> None:
    with moody() as server:
        (tmp_path / "state").mkdir()
        lock = tmp_path / "state" / "state.lock"
        lock.touch()
        os.utime(lock, (time.time() - 11, time.time() - 11))
        after = products.script(tmp_path, 'telemetry.count("boiled", 5)\nprint(telemetry.flush(3))\n')
        assert products.run(after, KETTLE_TELEMETRY_ENDPOINT=server.url).stdout == "True\n"
        assert not lock.exists()


NO_MEANWHILE = """
import time
ends = time.monotonic() + 20
while telemetry.status().enabled and time.monotonic() < ends:
    telemetry.count("boiled")
    telemetry.track("tea_made")
    time.sleep(0.01)
telemetry.close(5)
print(telemetry.status().lever)
"""


def test_a_no_that_is_said_while_twenty_processes_write_is_not_lost(tmp_path: Path) -> None:
    with moody() as server:
        program = products.script(tmp_path, NO_MEANWHILE)
        variables = {"KETTLE_TELEMETRY_ENDPOINT": server.url, "KETTLE_TELEMETRY_FLUSH": "0.3"}
        running = [start(program, **variables) for _ in range(MANY)]
        eventually((tmp_path / "state" / "state.json").exists)
        time.sleep(random.uniform(0, 1))
        state = FileState(str(tmp_path / "state"))
        while not state.swap("consent", state.get("consent"), f"off {int(time.time())}"):
            pass
        kill(running[0])
        done = [finish(process) for process in running]
        assert {each.stdout for each in done[1:]} == {"operator\n"}
        assert (state.get("consent") or "").startswith("off ")
        assert state.items("counter:") == []
        assert products.run(program, **variables).stdout == "operator\n"
