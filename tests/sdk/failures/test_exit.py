"""A process ends as it would have ended, whatever is at the other end; what could not be sent is sent later, once."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import products
from tests.support.hostile import (
    Mood,
    Moody,
    answering,
    dripping,
    healthy,
    moody,
    nobody_listens,
    silent,
    silent_resolver,
    unique,
)
from tests.support.processes import mounted, needs_mounts

THOUSAND = """
import sys, time
for cups in range(1000):
    telemetry.track("tea_made", {"sort": "green", "cups": cups})
print("the product's own output")
print(time.time(), flush=True)
sys.exit(3)
"""
NEXT = """
import time
telemetry.track("tea_made", {"sort": "black"})
ends = time.monotonic() + 20
while not telemetry.flush(2) and time.monotonic() < ends:
    time.sleep(0.1)
"""
SLEEPING_RESOLVER = """
import socket, time
socket.getaddrinfo = lambda *_, **__: time.sleep(60)
"""
EXIT_BOUND = 0.6  # seconds: the promise of half a second, and the interpreter's own end
RUNS = 2


def end(program: Path, *before: str, **variables: str) -> float:
    """Seconds to the end of a program that must end as it would have ended without telemetry."""
    done = products.run(program, *before, **variables)
    ended = time.time()
    first, moment = done.stdout.splitlines()
    assert (done.returncode, first) == (3, "the product's own output")
    assert "Traceback" not in done.stderr
    assert "rror" not in done.stderr
    return ended - float(moment)


def ends_in_time(program: Path, *before: str, **variables: str) -> None:
    assert min(end(program, *before, **variables) for _ in range(RUNS)) < EXIT_BOUND


def all_arrive_once(folder: Path, server: Moody, *before: str, **variables: str) -> None:
    """The next start of the product delivers what the runs before could not."""
    program = folder / "next.py"
    program.write_text((folder / "program.py").read_text().partition("\n\n")[0] + "\n" + NEXT)
    done = products.run(program, *before, **variables)
    assert done.returncode == 0, done.stderr
    green = [event for event in server.events if event["properties"]["sort"] == "green"]
    assert len(green) == len(unique(green)) == RUNS * 1000


def settings(url: str) -> dict[str, str]:
    return {
        "KETTLE_TELEMETRY_ENDPOINT": url,
        "KETTLE_TELEMETRY_SPOOL": "1",
        "KETTLE_TELEMETRY_FLUSH": "0.2",
    }


def thousand(folder: Path) -> Path:
    return products.script(folder, "\n" + THOUSAND)


HOSTILE = [
    silent,
    dripping,
    answering(500),
    answering(302, "Location: http://127.0.0.1:9/"),
    answering(429, "Retry-After: 1"),
]


@pytest.mark.parametrize("mood", HOSTILE, ids=lambda mood: str(mood.__name__))
def test_a_collector_that_takes_nothing_changes_nothing_and_gets_all_later(
    mood: Mood, tmp_path: Path
) -> None:
    with moody(mood) as server:
        ends_in_time(thousand(tmp_path), **settings(server.url))
        server.over.set()
        server.mood = healthy
        all_arrive_once(tmp_path, server, **settings(server.url))


def test_a_collector_that_is_not_there_gets_all_once_it_is(tmp_path: Path) -> None:
    with nobody_listens() as port:
        ends_in_time(thousand(tmp_path), **settings(f"http://127.0.0.1:{port}"))
    with moody(port=port) as server:
        all_arrive_once(tmp_path, server, **settings(server.url))


def test_a_collector_that_finds_all_too_large_loses_it_for_all_and_costs_no_time(tmp_path: Path) -> None:
    with moody(answering(413)) as server:
        ends_in_time(thousand(tmp_path), **settings(server.url))


def test_a_handshake_that_never_ends_costs_no_time_and_no_event(tmp_path: Path) -> None:
    with moody(silent) as server:
        ends_in_time(thousand(tmp_path), **settings(server.url.replace("http:", "https:")))
    assert len(unique(in_the_spool(tmp_path))) == RUNS * 1000


def in_the_spool(folder: Path) -> list[dict[str, Any]]:
    files = (folder / "state" / "spool").iterdir()
    return [event for file in files for event in json.loads(file.read_bytes())["events"]]


def test_a_dead_proxy_costs_no_time_and_no_event(tmp_path: Path) -> None:
    with moody(silent) as proxy, moody(silent) as server:
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"), proxy.url)
        ends_in_time(thousand(tmp_path), **settings(server.url), **proxies)
        server.mood = healthy
        all_arrive_once(tmp_path, server, **settings(server.url))


def test_a_resolver_that_sleeps_costs_no_time_and_no_event(tmp_path: Path) -> None:
    program = thousand(tmp_path)
    program.write_text(SLEEPING_RESOLVER + program.read_text())
    ends_in_time(program, **settings("http://telemetry.kettle.example"))
    assert len(unique(in_the_spool(tmp_path))) == RUNS * 1000


@contextmanager
def named(folder: Path, *, nameserver: str = "", hosts: str = "") -> Iterator[tuple[str, ...]]:
    """What stands before a command that resolves names so."""
    (folder / "resolv.conf").write_text(f"nameserver {nameserver}\noptions timeout:30 attempts:5\n")
    (folder / "hosts").write_text(hosts)
    yield mounted(
        f"mount --bind {folder}/resolv.conf /etc/resolv.conf", f"mount --bind {folder}/hosts /etc/hosts"
    )


@needs_mounts
def test_a_name_server_that_never_answers_costs_no_time_and_no_event(tmp_path: Path) -> None:
    with ExitStack() as stack, moody() as server:
        url = f"http://telemetry.kettle.example:{server.port}"
        resolver = stack.enter_context(silent_resolver())
        before = stack.enter_context(named(tmp_path, nameserver=resolver))
        ends_in_time(thousand(tmp_path), *before, **settings(url))
        assert server.asked == 0
        before = stack.enter_context(
            named(tmp_path, nameserver=resolver, hosts="127.0.0.1 telemetry.kettle.example\n")
        )
        all_arrive_once(tmp_path, server, *before, **settings(url))


def test_what_waits_when_a_process_is_killed_is_taken_over_by_another(tmp_path: Path) -> None:
    program = products.script(
        tmp_path,
        """
        import os, signal
        for _ in range(600):
            telemetry.track("tea_made", {"sort": "green"})
        telemetry.flush(2)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    with moody(answering(503)) as server:
        assert products.run(program, **settings(server.url)).returncode == -9
        server.mood = healthy
        for file in (tmp_path / "state" / "spool").iterdir():
            os.utime(file, (1_700_000_000, 1_700_000_000))
        (tmp_path / "program.py").write_text(products.script(tmp_path, "\n").read_text())
        program = tmp_path / "next.py"
        program.write_text((tmp_path / "program.py").read_text() + NEXT)
        assert products.run(program, **settings(server.url)).returncode == 0
        assert len(unique(server.events)) == len(server.events) == 601


FLUSHES = """
telemetry.track("tea_made")
print([telemetry.flush(5) for _ in range({times})])
"""


def test_a_flush_cuts_short_the_pause_that_an_earlier_process_has_left(tmp_path: Path) -> None:
    with moody(answering(503)) as server:
        patient = {**settings(server.url), "KETTLE_TELEMETRY_FLUSH": "600"}
        done = products.run(products.script(tmp_path, FLUSHES.format(times=3)), **patient)
        assert done.stdout == "[False, False, False]\n"
        server.mood = healthy
        done = products.run(products.script(tmp_path, FLUSHES.format(times=1)), **patient)
        assert done.stdout == "[True]\n"
        assert len(unique(server.events)) == len(server.events) == 2


@pytest.mark.parametrize("mood", [silent, answering(503)], ids=lambda mood: str(mood.__name__))
def test_a_process_that_is_started_again_and_again_does_not_try_each_time(mood: Mood, tmp_path: Path) -> None:
    program = products.script(tmp_path, 'telemetry.track("tea_made")\n')
    with moody(mood) as server:
        patient = {**settings(server.url), "KETTLE_TELEMETRY_FLUSH": "600"}
        for _ in range(5):
            assert products.run(program, **patient).returncode == 0
        assert server.asked <= 2


def test_a_lock_that_another_process_holds_at_the_end_costs_no_time_and_no_event(tmp_path: Path) -> None:
    program = products.script(tmp_path, 'telemetry.track("tea_made", {"sort": "black"})\ntelemetry.flush()\n')
    program.write_text(program.read_text() + '\nopen("state/state.lock", "x").close()\n' + THOUSAND)
    with moody() as server:
        assert end(program, **settings(server.url)) < EXIT_BOUND + 0.5
        (tmp_path / "state" / "state.lock").unlink()
        products.script(tmp_path, "\n")
        (tmp_path / "next.py").write_text((tmp_path / "program.py").read_text() + NEXT)
        assert products.run(tmp_path / "next.py", **settings(server.url)).returncode == 0
        assert len(unique(server.events)) == len(server.events) == 1002
