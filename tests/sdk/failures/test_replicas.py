"""Containers, replicas and clones: how many instances a collector counts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from windrow.state import FileState

from tests.support import products
from tests.support.hostile import Moody, moody
from tests.support.processes import finish, kill, start

USES = """
import time
telemetry.snapshot("shelf")(lambda: {"sorts": 3})
telemetry.count("boiled", 20)
telemetry.track("tea_made", {"sort": "green"})
print(telemetry.flush(9))
"""
#: A replica whose clock is read from a file, and that lives until its input ends.
REPLICA = """
import sys
telemetry.snapshot("shelf")(lambda: {"sorts": 3})
for line in sys.stdin:
    telemetry.count("boiled", 20)
    print(telemetry.flush(9), flush=True)
"""
CLOCK = "clock=lambda: float(open('clock').read())"
MORNING = 1_800_000_000 // 86_400 * 86_400 + 60


def settings(server: Moody, folder: Path) -> dict[str, str]:
    return {"KETTLE_TELEMETRY_ENDPOINT": server.url, "KETTLE_TELEMETRY_DIR": str(folder)}


def ids(server: Moody) -> set[str]:
    return {envelope["instance_id"] for envelope in server.taken}


def test_a_container_that_is_made_anew_ten_times_with_its_state_kept_is_one_instance(tmp_path: Path) -> None:
    with moody() as server:
        for number in range(10):
            container = tmp_path / f"container{number}"
            container.mkdir()
            program = products.script(container, USES)
            assert products.run(program, **settings(server, tmp_path / "volume")).stdout == "True\n"
        assert len(ids(server)) == 1
        assert [event["name"] for event in server.events].count("shelf") == 1
        assert sorted(envelope["sequence"] for envelope in server.taken) == list(range(10))


def test_without_a_state_in_common_two_are_two(tmp_path: Path) -> None:
    with moody() as server:
        program = products.script(tmp_path, USES)
        for folder in ("one", "two"):
            assert products.run(program, **settings(server, tmp_path / folder)).stdout == "True\n"
        assert len(ids(server)) == 2


def test_a_clone_has_the_same_id_and_its_numbers_give_it_away(tmp_path: Path) -> None:
    with moody() as server:
        program = products.script(tmp_path, USES)
        assert products.run(program, **settings(server, tmp_path / "one")).stdout == "True\n"
        shutil.copytree(tmp_path / "one", tmp_path / "two")
        for folder in ("one", "two"):
            assert products.run(program, **settings(server, tmp_path / folder)).stdout == "True\n"
        assert len(ids(server)) == 1
        original, clone = server.taken[1:]
        assert original["sequence"] == clone["sequence"] == 1
        assert original["batch_id"] != clone["batch_id"]


def test_in_a_ci_nothing_is_counted(tmp_path: Path) -> None:
    with moody() as server:
        program = products.script(tmp_path, USES)
        for variable in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD"):
            done = products.run(program, **settings(server, tmp_path / "state"), **{variable: "true"})
            assert (done.returncode, done.stderr) == (0, "")
        assert server.asked == 0
    assert not (tmp_path / "state").exists()


def test_five_replicas_send_what_is_daily_once_a_day_also_when_one_dies(tmp_path: Path) -> None:
    clock, state = tmp_path / "clock", FileState(str(tmp_path / "state"))
    clock.write_text(str(MORNING))
    program = products.script(tmp_path, REPLICA)
    program.write_text(program.read_text().replace('"1.2.3"', f'"1.2.3", {CLOCK}'))
    with moody() as server:
        variables = {**settings(server, tmp_path / "state"), "KETTLE_TELEMETRY_FLUSH": "600"}
        replicas = [start(program, **variables) for _ in range(5)]

        def all_flush() -> None:
            for replica in replicas:
                assert replica.stdin
                assert replica.stdout
                replica.stdin.write("\n")
                replica.stdin.flush()
                assert replica.stdout.readline() == "True\n"

        all_flush()
        assert daily(server) == [("shelf", "2027-01-15", None)]
        # On the next day one of them dies while it has the lease; the others wait until it is over.
        state.swap("lease:daily", None, f"{'00' * 8} {MORNING + 2 * 86_400 - 70 + 60}")
        clock.write_text(str(MORNING + 2 * 86_400 - 70))
        victim = replicas.pop()
        kill(victim)
        victim.communicate()
        all_flush()
        assert daily(server) == [("shelf", "2027-01-15", None)]
        clock.write_text(str(MORNING + 2 * 86_400))
        all_flush()
        all_flush()
        assert sorted(daily(server)[1:]) == [
            ("boiled", "2027-01-15", "100+"),
            ("boiled", "2027-01-16", "10-99"),
            ("shelf", "2027-01-17", None),
        ]
        assert len(ids(server)) == 1
        for replica in replicas:
            assert finish(replica).returncode == 0


def daily(server: Moody) -> list[tuple[str, str, str | None]]:
    return [(event["name"], event["time"], event["properties"].get("count")) for event in server.events]


def test_who_dies_between_the_send_and_its_note_makes_no_second_event(tmp_path: Path) -> None:
    dies = """
        import os
        from windrow._counters import Daily
        Daily.delivered = lambda *_: os.kill(os.getpid(), 9)
        telemetry.count("boiled", 20)
        telemetry.snapshot("shelf")(lambda: {"sorts": 3})
        telemetry.send_daily(9)
        """
    with moody() as server:
        variables = settings(server, tmp_path / "state")
        assert products.run(products.script(tmp_path, dies), **variables).returncode == -9
        again = products.script(tmp_path, USES.replace("flush", "send_daily"))
        state = FileState(str(tmp_path / "state"))
        state.swap("lease:daily", state.get("lease:daily"), None)  # a minute later
        assert products.run(again, **variables).stdout == "True\n"
        found: dict[str, set[str]] = {}
        for event in server.events:
            found.setdefault(event["name"], set()).add(json.dumps([event["id"], event["time"]]))
        assert {name: len(each) for name, each in found.items()} == {"boiled": 1, "shelf": 1, "tea_made": 1}
