"""The operator's commands, run as people run them, beside a product that is real."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from windrow.operator import Operator
from windrow.state import FileState

from tests.support import products

TEA = 'telemetry.track("tea_made", {"sort": "green", "cups": 3})'
#: Something of each kind, sent to the end.
SENT = f'{TEA}\ntelemetry.count("boiled", 5)\ntelemetry.send_daily(10)\ntelemetry.close(10)'
#: An environment that says nothing, on a machine without files of an administrator.
PLAIN = {"WINDROW_ETC": "/nowhere"}
COMMAND = (sys.executable, "-m", "windrow.cli")


def operate(
    folder: Path, *arguments: str, command: Sequence[str] = COMMAND, typed: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """One command in the folder of the product, with its state in `folder / "state"`."""
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=environment(folder, **variables),
        input=typed,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def answered(folder: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """What a command answers as JSON, whatever its exit code."""
    done = operate(folder, *arguments, "--json", **variables)
    assert not done.stderr, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """That of the product, on a machine without files of an administrator."""
    # The spool is on whatever stands below the tests, be it a container.
    fixed = {
        "WINDROW_ETC": str(folder / "etc"),
        "KETTLE_TELEMETRY_SPOOL": "1",
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "80",
    }
    return {**products.environment(folder), **fixed, **variables}


def send(folder: Path, endpoint: str, code: str, **variables: str) -> None:
    """Run the product once, to its end."""
    done = products.run(
        products.script(folder, code),
        **{**environment(folder), "KETTLE_TELEMETRY_ENDPOINT": endpoint, **variables},
    )
    assert done.returncode == 0, done.stderr


def state_of(folder: Path) -> FileState:
    """The state of the product."""
    return FileState(str(folder / "state"))


def rows_of(folder: Path) -> dict[str, str]:
    """Its rows."""
    return dict(state_of(folder).items(""))


def in_process(folder: Path, **variables: str) -> Operator:
    """An operator of the product, without a process of its own."""
    chosen = {"KETTLE_TELEMETRY_DIR": str(folder / "state"), "WINDROW_ETC": str(folder / "etc")}
    return Operator(folder / "telemetry.toml", environ={**chosen, **variables})
