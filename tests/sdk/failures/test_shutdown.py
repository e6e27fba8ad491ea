"""Whatever happens while an interpreter ends, on every Python: nobody notices."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import products
from tests.support.hostile import Mood, healthy, moody, nobody_listens, silent, unique
from tests.support.processes import SOURCES, finish, pythons, start

NOTICE_LINES = 5

ODD_MOMENTS = """
import atexit, sys, threading, time, weakref

class Kept:
    def __del__(self):
        telemetry.track("tea_made", {"sort": "green"})
        telemetry.count("boiled")

def late(what):
    telemetry.track("tea_made", {"sort": "black"})
    telemetry.count("boiled")
    telemetry.flush(0.05)
    telemetry.is_enabled()
    telemetry.status()

atexit.register(late, "registered before the first event")
telemetry.track("tea_made")
atexit.register(late, "registered after it")
telemetry.snapshot("shelf")(lambda: {"sorts": 3})
kept, seen, module = Kept(), Kept(), sys
weakref.finalize(seen, late, "finalize")
watched = weakref.ref(seen, late)
del seen
module.kept_to_the_last = Kept()

def for_ever():
    while True:
        telemetry.track("tea_made")
        time.sleep(0.001)

threading.Thread(target=for_ever, daemon=True).start()
print("fine")
"""


def quiet(done: subprocess.CompletedProcess[str], *, code: int = 0, out: str = "fine\n") -> None:
    assert (done.returncode, done.stdout) == (code, out), done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) <= NOTICE_LINES, lines


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("mood", [healthy, silent], ids=lambda mood: str(mood.__name__))
def test_an_event_at_an_odd_moment_of_the_end_is_heard_by_nobody(
    python: str, mood: Mood, tmp_path: Path
) -> None:
    program = products.script(tmp_path, ODD_MOMENTS)
    with moody(mood) as server:
        quiet(products.run(program, python=python, **settings(server.url)))


def settings(url: str) -> dict[str, str]:
    return {"KETTLE_TELEMETRY_ENDPOINT": url, "PYTHONPATH": str(SOURCES)}


FIRST_AT_THE_END = """
import atexit
atexit.register(lambda: [telemetry.track("tea_made", {"sort": "green"}), telemetry.count("boiled")])
print("fine")
"""


@pytest.mark.parametrize("python", pythons())
def test_a_first_event_at_the_end_starts_no_thread_that_cannot_be_started(
    python: str, tmp_path: Path
) -> None:
    program = products.script(tmp_path, FIRST_AT_THE_END)
    with moody() as server:
        quiet(products.run(program, python=python, **settings(server.url)))


CLOSED = """
telemetry.track("tea_made")
telemetry.close()
for _ in range(3):
    telemetry.track("tea_made"), telemetry.count("boiled"), telemetry.flush(), telemetry.close()
telemetry.snapshot("shelf")(dict)
print("fine")
"""


@pytest.mark.parametrize("python", pythons())
def test_all_calls_after_close_do_nothing(python: str, tmp_path: Path) -> None:
    with moody() as server:
        quiet(products.run(products.script(tmp_path, CLOSED), python=python, **settings(server.url)))
        assert len(server.events) == 1


INTERRUPTED = """
import sys, time
try:
    print("ready", flush=True)
    while True:
        telemetry.track("tea_made", {"sort": "green"})
        time.sleep(0.0005)
except KeyboardInterrupt:
    print("interrupted")
    sys.exit(7)
"""


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("mood", [healthy, silent], ids=lambda mood: str(mood.__name__))
def test_an_interrupt_is_the_products_own(python: str, mood: Mood, tmp_path: Path) -> None:
    with moody(mood) as server:
        process = start(products.script(tmp_path, INTERRUPTED), python=python, **settings(server.url))
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0, 0.3))
        process.send_signal(signal.SIGINT)
        quiet(finish(process), code=7, out="interrupted\n")


AT_THE_END = """
import os, signal, sys, threading, time
telemetry.track("tea_made")
def press():
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press, daemon=True).start()
print("fine", flush=True)
"""


@pytest.mark.parametrize("python", pythons())
def test_an_impatient_interrupt_while_the_last_events_are_sent_shows_no_traceback(
    python: str, tmp_path: Path
) -> None:
    with moody(silent) as server:
        quiet(products.run(products.script(tmp_path, AT_THE_END), python=python, **settings(server.url)))


IN_HANDLERS = """
import signal, sys, time
def handler(number, frame):
    telemetry.track("tea_made", {"sort": "black"})
    telemetry.count("boiled")
    telemetry.track("undeclared")
    telemetry.flush(0.001)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.002)
ends = time.monotonic() + 1
while time.monotonic() < ends:
    telemetry.track("tea_made", {"sort": "green"})
    telemetry.count("boiled")
    telemetry.track("undeclared")
signal.setitimer(signal.ITIMER_REAL, 0)
print("fine")
"""


@pytest.mark.parametrize("python", pythons())
def test_a_signal_handler_may_track_in_the_middle_of_a_track(python: str, tmp_path: Path) -> None:
    with moody() as server:
        quiet(products.run(products.script(tmp_path, IN_HANDLERS), python=python, **settings(server.url)))
        assert any(event["properties"].get("sort") == "black" for event in server.events)


BUSY = """
import time
print("ready", flush=True)
while True:
    telemetry.track("tea_made", {"sort": "green"})
    telemetry.count("boiled")
    time.sleep(0.0005)
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
def test_a_signal_at_a_random_moment_ends_the_product_as_it_would_have(
    end: signal.Signals, tmp_path: Path
) -> None:
    rounds(tmp_path, lambda _: end, 4)


@pytest.mark.long
def test_a_hundred_kills_at_random_moments_leave_a_state_that_the_next_start_uses(tmp_path: Path) -> None:
    rounds(tmp_path, lambda _: random.choice((signal.SIGTERM, signal.SIGKILL)), 100)


def rounds(folder: Path, choose: Callable[[int], signal.Signals], times: int) -> None:
    program = products.script(folder, BUSY)
    with moody() as server:
        variables = {
            **settings(server.url),
            "KETTLE_TELEMETRY_FLUSH": "0.05",
            "KETTLE_TELEMETRY_SPOOL": "1",
        }
        for number in range(times):
            process = start(program, **variables)
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            time.sleep(random.uniform(0, 0.4))
            end = choose(number)
            process.send_signal(end)
            quiet(finish(process), code=-end, out="")
        after = products.script(folder, 'telemetry.track("page_view")\nprint(telemetry.flush(25))\n')
        done = products.run(after, **variables)
        assert done.stdout == "True\n", done.stderr
        assert len({envelope["instance_id"] for envelope in server.taken}) == 1
        assert len(unique(server.events)) == len(server.events)


@pytest.mark.parametrize("python", pythons())
def test_a_product_that_raises_shows_its_own_traceback_and_no_other(python: str, tmp_path: Path) -> None:
    program = products.script(tmp_path, 'telemetry.track("tea_made")\nraise LookupError("of the product")\n')
    with nobody_listens() as port:
        done = products.run(program, python=python, **settings(f"http://127.0.0.1:{port}"))
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert "\nLookupError: of the product\n" in done.stderr
