"""Wherever the product runs, it starts: where nothing can be remembered, the instance is one that does not last."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support import products
from tests.support.hostile import Moody, moody
from tests.support.processes import as_nobody, common_python, mounted, needs_mounts, needs_root, open_folder

TELLS = """
import json, logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
telemetry.track("tea_made", {"sort": "green"})
telemetry.count("boiled")
telemetry.flush(5)
telemetry.track("tea_made", {"sort": "black"})
telemetry.flush(5)
status = telemetry.status()
telemetry.close()
print(json.dumps([status.enabled, status.lever, status.value, status.place, status.instance_kind]))
"""
NOTICE = "Kettle sends telemetry"


def told(folder: Path, server: Moody, *before: str, python: str = "", **variables: str) -> list[Any]:
    """What `status()` says; the product must run as ever, and say nothing but the notice."""
    program = products.script(folder, TELLS)
    options: dict[str, Any] = {"python": python} if python else {}
    done = products.run(program, *before, KETTLE_TELEMETRY_ENDPOINT=server.url, **options, **variables)
    assert done.returncode == 0, done.stderr
    assert not done.stderr or (done.stderr.startswith(NOTICE) and len(done.stderr.splitlines()) <= 5)
    *logged, last = done.stdout.splitlines()
    assert len(logged) <= 1, logged
    answer: list[Any] = json.loads(last)
    return answer


@needs_mounts
def test_on_a_read_only_disk_an_instance_does_not_last(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    before = mounted(f"mount -t tmpfs -o ro none {tmp_path}/disk")
    with moody() as server:
        answer = told(tmp_path, server, *before, KETTLE_TELEMETRY_DIR=f"{tmp_path}/disk/state")
        assert answer == [True, "default", "", "", "ephemeral"]
        assert len(server.events) == 2


@needs_mounts
def test_a_state_that_becomes_read_only_turns_telemetry_off(tmp_path: Path) -> None:
    with moody() as server:
        assert told(tmp_path, server)[0] is True
        sent = server.asked
        before = mounted(
            f"mount --bind {tmp_path}/state {tmp_path}/state", f"mount -o remount,ro,bind {tmp_path}/state"
        )
        answer = told(tmp_path, server, *before)
        assert answer[:4] == [False, "state", "not writable", str(tmp_path / "state")]
        assert server.asked == sent


@needs_mounts
def test_on_a_full_disk_an_instance_does_not_last(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    before = mounted(
        f"mount -t tmpfs -o size=64k none {tmp_path}/disk",
        f"(cat /dev/zero > {tmp_path}/disk/full 2>/dev/null || true)",
    )
    with moody() as server:
        answer = told(tmp_path, server, *before, KETTLE_TELEMETRY_DIR=f"{tmp_path}/disk/state")
        assert (answer[0], answer[4]) == (True, "ephemeral")


FILLS = """
import json, os
telemetry.track("tea_made", {"sort": "green"})
assert telemetry.flush(5)
before = sorted(os.listdir("disk/state"))
try:
    with open("disk/full", "wb", buffering=0) as file:
        while True:
            file.write(bytes(256))
except OSError:
    pass
for _ in range(600):
    telemetry.track("tea_made", {"sort": "black"})
telemetry.count("boiled", 7)
full = [telemetry.flush(3), telemetry.status().enabled, sorted(os.listdir("disk/state"))]
os.unlink("disk/full")
emptied = telemetry.flush(5)
from windrow._ledger import open_ledger
written = [entry["batch_id"] for entry in open_ledger(telemetry.state).entries()]
print(json.dumps([before, *full, emptied, telemetry.status().dropped, written]))
telemetry.close()
"""


@needs_mounts
def test_a_disk_that_fills_up_and_is_emptied_costs_no_event(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    before = mounted(f"mount -t tmpfs -o size=256k none {tmp_path}/disk")
    with moody() as server:
        folder = {"KETTLE_TELEMETRY_DIR": f"{tmp_path}/disk/state", "KETTLE_TELEMETRY_SPOOL": "1"}
        done = products.run(
            products.script(tmp_path, FILLS), *before, KETTLE_TELEMETRY_ENDPOINT=server.url, **folder
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith(NOTICE)
        first, flushed, enabled, full, emptied, dropped, written = json.loads(done.stdout)
        assert (flushed, enabled, emptied, dropped) == (False, True, True, {})
        assert set(full) <= {*first, "spool"}
        assert len({event["id"] for event in server.events}) == len(server.events) == 601
        assert {envelope["batch_id"] for envelope in server.taken} <= set(written)


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "/dev/null"}, {"HOME": "/proc/nowhere"}])
def test_without_a_home_an_instance_does_not_last(home: dict[str, str], tmp_path: Path) -> None:
    program = products.script(tmp_path, TELLS)
    with moody() as server:
        unset = (
            "env",
            "-u",
            "KETTLE_TELEMETRY_DIR",
            "-u",
            "XDG_STATE_HOME",
            "-u",
            "HOME",
            "-u",
            "USERPROFILE",
        )
        named = [f"{name}={value}" for name, value in home.items()]
        done = products.run(program, *unset, *named, KETTLE_TELEMETRY_ENDPOINT=server.url)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == [True, "default", "", "", "ephemeral"]
        assert len(server.events) == 2


@needs_root
@pytest.mark.parametrize("deep", ["", "below/that"])
def test_nothing_is_made_in_the_home_of_somebody_else(deep: str) -> None:
    with open_folder() as folder, moody() as server:
        home = folder / "home"
        (home / deep).mkdir(parents=True)
        for path in (home, home / deep):
            os.chown(path, 12345, 12345)
        program = products.script(folder, TELLS)
        done = products.run(
            program,
            *("env", "-u", "KETTLE_TELEMETRY_DIR", "-u", "XDG_STATE_HOME"),
            HOME=str(home / deep),
            KETTLE_TELEMETRY_ENDPOINT=server.url,
            PYTHONDONTWRITEBYTECODE="1",
        )
        assert json.loads(done.stdout.splitlines()[-1])[4] == "ephemeral", done.stderr
        assert sorted(home.rglob("*")) == ([home / "below", home / "below" / "that"] if deep else [])


@needs_root
@pytest.mark.skipif(not common_python(), reason="no Python 3.11 that every account may run")
def test_a_folder_without_the_right_to_write_is_no_place_to_last(tmp_path: Path) -> None:
    with open_folder() as folder, moody() as server:
        (folder / "closed").mkdir(mode=0o755)
        answer = told(
            folder,
            server,
            *as_nobody(),
            python=common_python() or "",
            PYTHONPATH=str(folder / "sources"),
            PYTHONDONTWRITEBYTECODE="1",
            KETTLE_TELEMETRY_DIR=str(folder / "closed" / "state"),
        )
        assert answer == [True, "default", "", "", "ephemeral"]
        assert list((folder / "closed").iterdir()) == []
