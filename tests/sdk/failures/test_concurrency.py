"""Event loops, many threads and green threads: safe, and everything arrives once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import products
from tests.support.hostile import moody, silent, unique

THREADS = """
import threading
go = threading.Barrier(50)
def work():
    go.wait()
    for cups in range(1000):
        telemetry.track("tea_made", {"sort": "green", "cups": cups})
        telemetry.count("boiled")
threads = [threading.Thread(target=work) for _ in range(50)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(telemetry.flush(60), telemetry.status().dropped.get("queue_full", 0))
print(sum(int(value) for _, value in telemetry.state.items("counter:")))
"""


def test_fifty_threads_lose_only_what_the_queue_cannot_hold_and_count_it(tmp_path: Path) -> None:
    with moody() as server:
        done = products.run(products.script(tmp_path, THREADS), KETTLE_TELEMETRY_ENDPOINT=server.url)
        assert done.returncode == 0, done.stderr
        complete, full, counted = done.stdout.split()
        assert complete == "True"
        assert len(unique(server.events)) == len(server.events) == 50_000 - int(full)
        assert counted == "50000"


ASYNCIO = """
import asyncio, time

async def handler(number):
    telemetry.track("tea_made", {"sort": "green"})
    telemetry.count("boiled")
    await asyncio.sleep(0)
    telemetry.is_enabled(), telemetry.status()

async def main():
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0.25
    loop.set_debug(True)
    await asyncio.gather(*(handler(number) for number in range(300)))
    return asyncio.all_tasks() == {asyncio.current_task()}

print(asyncio.run(main()))
loop = asyncio.new_event_loop()
loop.run_until_complete(handler(1))
loop.close()
telemetry.track("tea_made", {"sort": "black"})
"""


@pytest.mark.parametrize("answers", [True, False])
def test_a_running_loop_is_not_held_up_and_all_arrives(answers: bool, tmp_path: Path) -> None:
    with moody() as server:
        if not answers:
            server.mood = silent
        done = products.run(products.script(tmp_path, ASYNCIO), KETTLE_TELEMETRY_ENDPOINT=server.url)
        assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
        assert "Traceback" not in done.stderr
        assert "Executing" not in done.stderr  # asyncio's word for a callback that was slow
        if answers:
            assert len(unique(server.events)) == len(server.events) == 302


GREEN = """
import gevent
from gevent.pool import Pool
from windrow import Telemetry
telemetry = Telemetry("telemetry.toml", app_version="1.2.3")
telemetry.snapshot("shelf")(lambda: {"sorts": 3})

def work(number):
    telemetry.track("tea_made", {"sort": "green"})
    telemetry.count("boiled")
    gevent.sleep(0.001)
    telemetry.track("tea_made", {"sort": "black"})

Pool(20).map(work, range(300))
print(telemetry.flush(20), telemetry.status().dropped)
work(0)
"""
PATCHED = "from gevent import monkey\nmonkey.patch_all()\n"


@pytest.mark.parametrize("head", ["", PATCHED], ids=["plain", "patched"])
def test_green_threads_deliver_all_patched_and_not(head: str, tmp_path: Path) -> None:
    pytest.importorskip("gevent")
    products.write_catalogue(tmp_path)
    program = tmp_path / "program.py"
    program.write_text(head + GREEN)
    with moody() as server:
        done = products.run(program, KETTLE_TELEMETRY_ENDPOINT=server.url)
        assert (done.returncode, done.stdout) == (0, "True {}\n"), done.stderr
        assert "Traceback" not in done.stderr
        found = [event for event in server.events if event["name"] == "tea_made"]
        assert len(unique(found)) == len(found) == 602


@pytest.mark.parametrize("head", ["", PATCHED], ids=["plain", "patched"])
def test_green_threads_end_in_time_when_nobody_answers(head: str, tmp_path: Path) -> None:
    pytest.importorskip("gevent")
    products.write_catalogue(tmp_path)
    program = tmp_path / "program.py"
    program.write_text(head + GREEN.replace("telemetry.flush(20)", "telemetry.flush(0.1)"))
    with moody(silent) as server:
        done = products.run(program, KETTLE_TELEMETRY_ENDPOINT=server.url, KETTLE_TELEMETRY_SPOOL="1")
        assert (done.returncode, done.stdout) == (0, "False {}\n"), done.stderr
        assert "Traceback" not in done.stderr
