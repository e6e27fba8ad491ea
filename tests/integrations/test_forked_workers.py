"""A product that is loaded before its workers are forked: each of them tells its own, and together they are one."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support import serving
from tests.support.listener import listening
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

GUNICORN = (
    "gunicorn --no-control-socket --workers 2 --preload --access-logfile - --access-logformat served-by-%(p)s"
)
PRELOADED = """
from app import app, telemetry

telemetry.track("tea_made", {"sort": "black"})  # in the parent, before it forks
"""
SEND_DAILY = """
from app import telemetry

assert telemetry.send_daily(30)
"""


def served_by(log: Path) -> set[str]:
    return set(re.findall(r"served-by-\S+", log.read_text()))


def pour_in_both(server: serving.Running) -> int:
    """Ask until both workers have answered; how often."""
    asked = 0

    def both() -> bool:
        nonlocal asked
        server.make_tea()
        asked += 1
        return len(served_by(server.log)) == 2

    eventually(both)
    return asked


def test_what_each_worker_tells_arrives_and_nothing_twice(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "wsgi")
    (example / "preloaded.py").write_text(PRELOADED)
    (example / "send_daily.py").write_text(SEND_DAILY)
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        command = GUNICORN + " --bind 127.0.0.1:{port} preloaded:app"
        with serving.serving(command, example, env) as server:
            asked = pour_in_both(server)
            while asked < 10:
                server.make_tea()
                asked += 1
            server.end()
        made = [event for event in collector.events if event["name"] == "tea_made"]
        assert Counter(event["properties"]["sort"] for event in made) == {"green": asked, "black": 1}
        assert len({event["id"] for event in made}) == asked + 1
        assert len({body["instance_id"] for body in collector.bodies}) == 1

        serving.run("send_daily.py", example, env)
        boiled = [event["properties"] for event in collector.events if event["name"] == "boiled"]
        assert [list(properties.values()) for properties in boiled] == [["10-99"]]
