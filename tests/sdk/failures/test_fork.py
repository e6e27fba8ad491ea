"""A product that forks and spawns loses nothing, sends nothing twice, and waits for nobody."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support import products
from tests.support.hostile import Mood, answering, forgetful, healthy, moody, silent, unique
from tests.support.processes import SOURCES, pythons

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

#: A fork of a process with threads is what is tested here; newer Pythons warn of it.
QUIET = {"PYTHONWARNINGS": "ignore::DeprecationWarning"}


def settings(url: str) -> dict[str, str]:
    return {**QUIET, "KETTLE_TELEMETRY_ENDPOINT": url, "PYTHONPATH": str(SOURCES)}


def sorts(events: list[dict[str, Any]]) -> Counter[str]:
    assert len(events) == len({str(event["id"]) for event in events})
    return Counter(event["properties"].get("sort", "none") for event in events)


EIGHT = """
import os
telemetry.track("tea_made", {"sort": "green"})
children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        for _ in range(10):
            telemetry.track("tea_made", {"sort": "black"})
        telemetry.close(5)
        os._exit(0)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
"""


def test_eight_children_and_their_parent_each_send_their_own(tmp_path: Path) -> None:
    program = products.script(tmp_path, EIGHT)
    with moody() as server:
        done = products.run(program, **settings(server.url))
        assert done.stdout == f"{[0] * 8}\n", done.stderr
        assert sorts(server.events) == {"green": 1, "black": 80}
        assert len({envelope["instance_id"] for envelope in server.taken}) == 1
        numbers = [envelope["sequence"] for envelope in server.taken]
        assert sorted(numbers) == list(range(9))


POOL = """
import multiprocessing, sys
from windrow import Telemetry
telemetry = Telemetry("telemetry.toml", app_version="1.2.3")

def work(number):
    telemetry.track("tea_made", {"sort": "black"})
    return number

if __name__ == "__main__":
    telemetry.track("tea_made", {"sort": "green"})
    context = multiprocessing.get_context(sys.argv[1] if sys.argv[1:] else METHOD)
    pool = context.Pool(3)
    assert sorted(pool.map(work, range(30), chunksize=1)) == list(range(30))
    pool.close()
    pool.join()
    process = context.Process(target=work, args=(1,))
    process.start()
    process.join()
    print(process.exitcode)
"""


@pytest.mark.parametrize("python", pythons())
def test_pools_of_forked_processes_send_what_their_processes_track(python: str, tmp_path: Path) -> None:
    check_a_pool("fork", python, tmp_path)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pools_of_spawned_processes_do_so_too(method: str, tmp_path: Path) -> None:
    check_a_pool(method, sys.executable, tmp_path)


def check_a_pool(method: str, python: str, tmp_path: Path) -> None:
    products.write_catalogue(tmp_path)
    program = tmp_path / "program.py"
    program.write_text(POOL.replace("METHOD", repr(method)))
    with moody() as server:
        done = products.run(program, python=python, **settings(server.url))
        assert done.stdout == "0\n", done.stderr
        assert "Traceback" not in done.stderr
        assert sorts(server.events) == {"green": 1, "black": 31}


STORM = """
import os, sys, threading, time
over = threading.Event()
mine = 0
def busy():
    global mine
    while not over.is_set():
        telemetry.track("undeclared")
        telemetry.count("boiled")
        telemetry.track("tea_made", {"sort": "green"})
        mine += 1
        if mine % 50 == 0:
            telemetry.flush(0.01)
            time.sleep(0.02)
threads = [threading.Thread(target=busy, daemon=True)]
for thread in threads:
    thread.start()
children, codes = [], []
for number in range(FORKS):
    child = os.fork()
    if child == 0:
        telemetry.track("tea_made", {"sort": "black"})
        telemetry.count("boiled", 1000000)
        telemetry.track("undeclared")
        telemetry.close(10)
        os._exit(0)
    children.append(child)
    while len(children) > 5:
        codes.append(os.waitpid(children.pop(0), 0)[1])
codes += [os.waitpid(child, 0)[1] for child in children]
over.set()
for thread in threads:
    thread.join()
print(sum(codes), mine, telemetry.flush(20), telemetry.status().dropped.get("queue_full", 0))
"""


@pytest.mark.parametrize("forks", [40, pytest.param(200, marks=pytest.mark.long)])
def test_a_storm_of_forks_while_the_flusher_sends_and_locks_are_held_is_weathered(
    forks: int, tmp_path: Path
) -> None:
    program = products.script(tmp_path, STORM.replace("FORKS", str(forks)))
    with moody() as server:
        done = products.run(program, **settings(server.url), KETTLE_TELEMETRY_FLUSH="0.05")
        assert done.returncode == 0, done.stderr
        codes, mine, complete, _ = done.stdout.split()
        assert (codes, complete) == ("0", "True")
        found = sorts(server.events)
        assert found["black"] == forks
        assert found["green"] == int(mine)


IN_A_THREAD = """
import os, threading
telemetry.track("tea_made", {"sort": "green"})
def forks():
    child = os.fork()
    if child == 0:
        telemetry.track("tea_made", {"sort": "black"})
        return
    print(os.waitpid(child, 0)[1])
thread = threading.Thread(target=forks)
thread.start()
thread.join()
"""


def test_a_fork_in_a_thread_ends_as_any_process_does(tmp_path: Path) -> None:
    program = products.script(tmp_path, IN_A_THREAD)
    with moody() as server:
        done = products.run(program, **settings(server.url))
        assert done.stdout == "0\n", done.stderr
        assert sorts(server.events) == {"green": 1, "black": 1}


SPAWNS = """
import os, subprocess, sys
for _ in range(600):
    telemetry.track("tea_made", {"sort": "green"})
child = os.posix_spawn("/bin/sh", ["sh", "-c", "ls /proc/self/fd | wc -l"], os.environ)
print(os.waitpid(child, 0)[1])
shown = subprocess.run(["sh", "-c", "ls -l /proc/self/fd"], capture_output=True, text=True, close_fds=False)
print(shown.stdout.count("socket"))
"""


@pytest.mark.parametrize("mood", [silent, healthy], ids=lambda mood: str(mood.__name__))
def test_programs_that_are_started_inherit_nothing_of_ours(mood: Mood, tmp_path: Path) -> None:
    program = products.script(tmp_path, SPAWNS)
    with moody(mood) as server:
        done = products.run(program, **settings(server.url))
        assert done.stdout.split() == ["4", "0", "0"], done.stderr


def test_a_child_does_not_send_what_waits_in_its_parent(tmp_path: Path) -> None:
    program = products.script(
        tmp_path,
        """
        import os, time
        telemetry.track("tea_made", {"sort": "green"})
        telemetry.flush(1)
        child = os.fork()
        if child == 0:
            telemetry.track("tea_made", {"sort": "black"})
            telemetry.flush(5)
            os._exit(0)
        os.waitpid(child, 0)
        telemetry.flush(5)
        """,
    )
    with moody(answering(503)) as server:
        settled = {**settings(server.url), "KETTLE_TELEMETRY_SPOOL": "1"}
        assert products.run(program, **settled).returncode == 0
    with moody(forgetful, port=server.port) as server:
        assert products.run(program, **settled).returncode == 0
        assert unique(server.events)
    with moody(port=server.port) as server:
        tail = products.script(tmp_path, 'telemetry.track("page_view")\ntelemetry.flush(5)\n')
        for file in (tmp_path / "state" / "spool").iterdir():
            os.utime(file, (1_700_000_000, 1_700_000_000))
        assert products.run(tail, **settled).returncode == 0
        assert sorts(server.events) == {"green": 2, "black": 2, "none": 1}


IMPORTS = """
import os, time
telemetry.track("page_view")
telemetry.flush(0)
time.sleep(PAUSE)
child = os.fork()
if child == 0:
    import calendar, hashlib, hmac, http.client, json, uuid
    telemetry.track("tea_made", {"sort": "black"})
    telemetry.close(5)
    os._exit(0)
ends = time.monotonic() + 10
while time.monotonic() < ends and not (ended := os.waitpid(child, os.WNOHANG))[0]:
    time.sleep(0.01)
if not ended[0]:
    os.kill(child, 9)
print(ended[1] if ended[0] else "hangs")
"""


@pytest.mark.parametrize("milliseconds", [0, 5, 15, 40])
def test_a_child_that_is_forked_while_the_flusher_imports_can_import_the_same(
    milliseconds: int, tmp_path: Path
) -> None:
    program = products.script(tmp_path, IMPORTS.replace("PAUSE", str(milliseconds / 1000)))
    with moody() as server:
        assert products.run(program, **settings(server.url)).stdout == "0\n"
        assert sorts(server.events)["black"] == 1
