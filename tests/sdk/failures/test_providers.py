"""A snapshot function of the product that fails, hangs or does odd things loses only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import products
from tests.support.hostile import moody
from tests.support.processes import SOURCES, pythons, replaced

SHOPS = """
[events.till]
kind = "snapshot"
description = "What is in the till."
why = "Which currencies to offer."

[events.till.properties.notes]
type = "range"
buckets = ["0", "1-9", "10+"]
description = "How many notes."

[events.door]
kind = "snapshot"
description = "The door."
why = "Whether it is open."

[events.door.properties.open]
type = "flag"
description = "Whether it is open."
"""
USES = """
import sys, threading, time
import windrow._asker
windrow._asker.ASK_SECONDS = 0.5
asked = []

@telemetry.snapshot("shelf")
def odd():
    asked.append(1)
    ODD

@telemetry.snapshot("till")
def till():
    return {"notes": 3}

@telemetry.snapshot("door")
def door():
    return {"open": True}

telemetry.track("tea_made", {"sort": "green"})
telemetry.count("boiled")
"""
ODD = {
    "raises": "raise RuntimeError('no shelf')",
    "exits": "sys.exit(5)",
    "is interrupted": "raise KeyboardInterrupt",
    "is done generating": "raise GeneratorExit",
    "hangs": "time.sleep(600)",
    "spins": "\n    while True: pass",
    "gives what hangs": "return iter(lambda: time.sleep(600), 1)",
    "gives nothing": "return None",
    "gives a number": "return 5",
    "gives itself": "return odd",
    "closes telemetry": "\n    telemetry.close()\n    return 5",
    "flushes": "\n    telemetry.flush(0.2)\n    return 5",
    "asks itself": "return odd()",
    "grows for ever": "\n    x = []\n    x.append(x)\n    return x",
}


def program_of(folder: Path, odd: str) -> Path:
    program = products.script(folder, "\n" + USES)
    with (folder / "telemetry.toml").open("a") as file:
        file.write(SHOPS)
    return replaced(program, "ODD", odd)


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_a_function_that_fails_in_any_way_loses_only_itself(odd: str, tmp_path: Path) -> None:
    program = program_of(tmp_path, odd)
    with program.open("a") as file:
        file.write("telemetry.flush(5)\ntelemetry.flush(1)\ntelemetry.send_daily(3)\n")
        file.write("print(telemetry.status().dropped.get('snapshot_failed', 0) > 0, len(asked) < 2000)\n")
    with moody() as server:
        done = products.run(program, KETTLE_TELEMETRY_ENDPOINT=server.url)
        assert (done.returncode, done.stdout) == (0, "True True\n"), done.stderr
        assert "Traceback" not in done.stderr
        names = {event["name"] for event in server.events}
    # Whoever closes telemetry in the middle has what was asked before, and no more.
    assert names >= ({"tea_made"} if "close" in odd else {"tea_made", "till", "door"})
    assert "shelf" not in names


def test_a_function_that_hangs_is_asked_once_a_day(tmp_path: Path) -> None:
    program = program_of(tmp_path, ODD["hangs"])
    with program.open("a") as file:
        file.write("for _ in range(4): telemetry.flush(3), telemetry.send_daily(3)\n")
        file.write("print(len(asked), telemetry.flush(3), threading.active_count())\n")
    with moody() as server:
        done = products.run(program, KETTLE_TELEMETRY_ENDPOINT=server.url)
        assert done.stdout == "1 True 3\n", done.stderr


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("odd", ["hangs", "spins"])
def test_at_the_exit_a_function_that_hangs_costs_no_time_and_no_event(
    odd: str, python: str, tmp_path: Path
) -> None:
    program = program_of(tmp_path, ODD[odd])
    program.write_text(program.read_text().replace("ASK_SECONDS = 0.5", "ASK_SECONDS = 10"))
    with program.open("a") as file:
        file.write("print('fine')\n")
    with moody() as server:
        variables = {
            "KETTLE_TELEMETRY_ENDPOINT": server.url,
            "KETTLE_TELEMETRY_SPOOL": "1",
            "PYTHONPATH": str(SOURCES),
        }
        done = products.run(program, python=python, **variables)
        assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr
        after = products.script(tmp_path, 'telemetry.track("page_view")\nprint(telemetry.flush(9))\n')
        assert products.run(after, **variables).stdout == "True\n"
        assert "tea_made" in {event["name"] for event in server.events}


def test_at_the_exit_a_function_that_answers_is_asked_on_every_python(tmp_path: Path) -> None:
    for parameter in pythons():
        if not (python := str(parameter.values[0])):
            continue
        folder = tmp_path / Path(python).parent.parent.name
        folder.mkdir(exist_ok=True)
        program = products.script(folder, 'telemetry.snapshot("shelf")(lambda: {"sorts": 3})\n')
        with moody() as server:
            variables = {"KETTLE_TELEMETRY_ENDPOINT": server.url, "PYTHONPATH": str(SOURCES)}
            assert products.run(program, python=python, **variables).returncode == 0
            assert [event["properties"] for event in server.events] == [{"sorts": "1-9"}]
