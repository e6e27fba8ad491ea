"""A small product for the tests of the SDK: its catalogue, and how to run a script that uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from windrow._gate import CI, TEST_RUNNERS

#: Nothing but this: no grace after the notice. For products that are made inside of a test.
ENVIRON = {"KETTLE_TELEMETRY_GRACE": "0"}
CATALOGUE = """
[product]
name = "kettle"
title = "Kettle"
key = "wk_kettle_tests"
endpoint = "https://telemetry.kettle.example"
contact = "privacy@kettle.example"

[context.app_version]
type = "version"
why = "Which releases still need fixes."

[events.tea_made]
description = "A pot of tea was made."
why = "Which sorts to stock."

[events.tea_made.properties.sort]
type = "choice"
values = ["green", "black"]
description = "The sort."

[events.tea_made.properties.cups]
type = "range"
buckets = ["0", "1-9", "10+"]
description = "How many."

[events.tea_made.properties.blend]
type = "digest"
description = "Which blend, by a key that stays here."

[events.boiled]
kind = "counter"
buckets = ["0", "1-9", "10-99", "100+"]
description = "How often water was boiled."
why = "How much it is used."

[events.shelf]
kind = "snapshot"
description = "What is on the shelf."
why = "What to stock."

[events.shelf.properties.sorts]
type = "range"
buckets = ["0", "1-9", "10+"]
description = "How many sorts."

[events.page_view]
description = "A page was shown."
why = "Which pages matter."
from = "dashboard"

[events.page_view.properties.route]
type = "route"
values = ["/", "/teas/:id"]
description = "The template."
"""


def write_catalogue(folder: Path) -> Path:
    """The catalogue as a file."""
    path = folder / "telemetry.toml"
    path.write_text(CATALOGUE)
    return path


def script(folder: Path, code: str) -> Path:
    """A program of the product; `telemetry` is there already."""
    write_catalogue(folder)
    path = folder / "program.py"
    head = 'from windrow import Telemetry\ntelemetry = Telemetry("telemetry.toml", app_version="1.2.3")\n'
    path.write_text(head + textwrap.dedent(code))
    return path


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """An environment without any switch but those given; the state is in `folder`, and there is no grace."""
    return {**without_switches(), **ENVIRON, "KETTLE_TELEMETRY_DIR": str(folder / "state"), **variables}


def without_switches() -> dict[str, str]:
    """The environment of this process without what decides on telemetry: it is that of a test, and perhaps of a CI.

    Without `PYTHONUNBUFFERED` too, which hides what Python's buffers do at the end of a process.
    """
    switches = {"DO_NOT_TRACK", "PYTHONUNBUFFERED", *CI, *TEST_RUNNERS}
    return {k: v for k, v in os.environ.items() if "TELEMETRY" not in k and k not in switches}


def run(
    path: Path, *before: str, python: str = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [*before, python, str(path)],
        cwd=path.parent,
        env=environment(path.parent, **variables),
        capture_output=True,
        text=True,
        timeout=60,
    )
