"""The tutorial is run as a reader would run it: files saved, commands typed, output compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.support import products
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
SAVED = re.compile(r"[Ss]ave (?:it )?as `([^`]+)`:\n\n```\w+\n(.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.e2e


def environment() -> dict[str, str]:
    inherited = products.without_switches()
    return {**inherited, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of the page, with the lines that its output must contain."""
    for block in CONSOLE.findall(text):
        for typed in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *expected = typed.strip().split("\n")
            yield command, expected


@contextmanager
def in_the_background(command: str, folder: Path) -> Iterator[None]:
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command.removesuffix('&')}"],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(lambda: answers("http://127.0.0.1:7727/readyz"), within=60)
            yield
        finally:
            process.terminate()
            assert process.wait(20) == 0, (folder / "server.log").read_text()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False


def run(command: str, expected: list[str], folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, f"{command}\n{output}"
    compact = output.replace(" ", "")
    for line in expected:
        assert line.replace(" ", "") in compact, f"{command} did not print {line!r}:\n{output}"


def test_a_reader_who_follows_the_tutorial_sees_what_it_says(tmp_path: Path) -> None:
    text = TUTORIAL.read_text()
    for name, content in SAVED.findall(text):
        (tmp_path / name).write_text(content)
    typed = list(commands(text))
    assert len(typed) >= 7

    servers = [command for command, _ in typed if command.endswith("&")]
    assert len(servers) == 1
    with in_the_background(servers[0], tmp_path):
        for command, expected in typed:
            if command not in servers:
                run(command, expected, tmp_path)

    assert (tmp_path / "TELEMETRY.md").read_text().startswith("# ")
