"""A process ends when it wants to, whatever the network does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import products
from tests.support.listener import listening, refusing, silent

THOUSAND = """
import time
for cups in range(1000):
    telemetry.track("tea_made", {"sort": "green", "cups": cups})
print(time.time(), flush=True)
"""
EXIT_BOUND = 0.6  # seconds: the promise of half a second, and the interpreter's own end


def seconds_to_end(program: Path, **variables: str) -> float:
    done = products.run(program, **variables)
    ended = time.time()
    assert done.returncode == 0, done.stderr
    return ended - float(done.stdout)


def test_a_healthy_collector_gets_all_thousand(tmp_path: Path) -> None:
    program = products.script(tmp_path, THOUSAND)
    with listening() as collector:
        done = products.run(program, KETTLE_TELEMETRY_ENDPOINT=collector.url)
        assert done.returncode == 0, done.stderr
        assert len({event["id"] for event in collector.events}) == 1000


@pytest.mark.parametrize("collector", [refusing, silent])
def test_a_dead_collector_costs_half_a_second_at_most(collector: object, tmp_path: Path) -> None:
    program = products.script(tmp_path, THOUSAND)
    with collector() as url:  # type: ignore[operator]
        assert min(seconds_to_end(program, KETTLE_TELEMETRY_ENDPOINT=url) for _ in range(2)) < EXIT_BOUND


def test_pipes_close_with_the_process(tmp_path: Path) -> None:
    program = products.script(tmp_path, THOUSAND)
    with silent() as url:
        process = subprocess.Popen(
            [sys.executable, str(program)],
            cwd=tmp_path,
            env=products.environment(tmp_path, KETTLE_TELEMETRY_ENDPOINT=url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.communicate(timeout=20)[0]
        assert process.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_sends_its_own_events_and_none_of_its_parents(tmp_path: Path) -> None:
    program = products.script(
        tmp_path,
        """
        import os
        telemetry.track("tea_made", {"sort": "green"})
        child = os.fork()
        telemetry.track("tea_made", {"sort": "black"})
        if child:
            os.waitpid(child, 0)
        """,
    )
    with listening() as collector:
        assert products.run(program, KETTLE_TELEMETRY_ENDPOINT=collector.url).returncode == 0
        sorts = sorted(event["properties"]["sort"] for event in collector.events)
        assert sorts == ["black", "black", "green"]
