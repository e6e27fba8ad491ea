"""An operator, a product, and the real collector: seen, forgotten, and begun anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import products
from tests.support.commands import answered, operate, send
from tests.support.server import running_server
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SENT = """
telemetry.track("tea_made", {"sort": "green", "cups": 3, "blend": "my own"})
telemetry.count("boiled", 5)
telemetry.send_daily(10)
telemetry.close(10)
"""


def held(folder: Path, **where: str) -> list[tuple[str, list[str]]]:
    """What the collector shows: each id, and the names of the events that it holds under it."""
    found = answered(folder, "show", "--held", **where)
    return [
        (one["instance_id"], sorted(event["name"] for event in one["events"]))
        for one in found.get("instances", [])
    ]


def test_what_is_sent_is_shown_by_the_collector_until_it_is_forgotten(tmp_path: Path) -> None:
    catalogue = products.write_catalogue(tmp_path)
    with running_server(tmp_path, [catalogue]) as server:
        where = {"KETTLE_TELEMETRY_ENDPOINT": server.url}
        send(tmp_path, server.url, SENT)
        instance = answered(tmp_path, "status")["instance_id"]
        eventually(lambda: held(tmp_path, **where) == [(instance, ["boiled", "tea_made"])], within=60)
        words = operate(tmp_path, "show", "--held", **where).stdout
        assert "sort=green cups=1-9" in words
        # A copy of the state from before, with which the old id can still be asked for.
        before = tmp_path / "before"
        shutil.copytree(tmp_path / "state", before)

        found = answered(tmp_path, "forget", "--yes", **where)
        assert (found["forgotten"], found["wiped"]) == ([instance], True)
        assert held(tmp_path, **where) == []
        assert held(tmp_path, KETTLE_TELEMETRY_DIR=str(before), **where) == [(instance, [])]

        send(tmp_path, server.url, SENT)
        assert held(tmp_path, **where) == []
        assert operate(tmp_path, "on").returncode == 0
        send(tmp_path, server.url, SENT)
        new = answered(tmp_path, "status")["instance_id"]
        assert new != instance
        eventually(lambda: held(tmp_path, **where) == [(new, ["boiled", "tea_made"])], within=60)
        assert held(tmp_path, KETTLE_TELEMETRY_DIR=str(before), **where) == [(instance, [])]
