"""The page on sinks is followed as a maintainer would: its package is built, installed and used by name."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

from windrow import sinks

from tests.support import products

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "sinks.md"
SAVED = re.compile(r"[Ss]ave (?:it )?as `([^`]+)`:\n\n```\w+\n(.*?)```", re.DOTALL)

PRODUCT = """
from windrow import Telemetry
from windrow.sinks import make

with Telemetry("telemetry.toml", app_version="1.2.3", sink=make("table", "sqlite://batches.db")) as telemetry:
    for _ in range(2):
        telemetry.track("tea_made", {"sort": "green"})
    telemetry.flush(10)
"""


def test_the_sink_of_the_page_is_built_installed_and_used_by_its_name(tmp_path: Path) -> None:
    for name, content in SAVED.findall(PAGE.read_text("utf-8")):
        (tmp_path / name).write_text(content)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "."]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    (tmp_path / "table_sink.py").unlink()  # what is used is what was installed

    products.write_catalogue(tmp_path)
    state = {"KETTLE_TELEMETRY_DIR": str(tmp_path / "state"), "KETTLE_TELEMETRY_GRACE": "0"}
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(wheel), **state}
    subprocess.run([sys.executable, "-c", PRODUCT], cwd=tmp_path, env=variables, check=True, timeout=60)

    with sqlite3.connect(tmp_path / "batches.db") as database:
        bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM batches")]
    database.close()
    events = [event for body in bodies for event in body["events"] if event["name"] == "tea_made"]
    assert [event["properties"] for event in events] == [{"sort": "green"}] * 2


def test_a_sink_takes_twenty_lines_at_most() -> None:
    code = dict(SAVED.findall(PAGE.read_text("utf-8")))["table_sink.py"]
    assert len([line for line in code.splitlines() if line.strip()]) <= 20


def test_the_page_names_every_sink_that_there_is() -> None:
    text = PAGE.read_text("utf-8")
    made = set(sinks.__all__) - {"Outcome", "Sink", "make"}
    assert set(re.findall(r"^\| `(\w+)\(", text, re.MULTILINE)) == made
