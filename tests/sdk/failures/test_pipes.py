"""Whoever runs the product and reads what it writes sees the end when the product ends, and nothing of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import products
from tests.support.hostile import moody, silent

WRITES = """
import os, subprocess, sys
for cups in range(600):
    telemetry.track("tea_made", {"sort": "green", "cups": cups})
sys.stdout.write("half a line, ")
sys.stdout.flush()
subprocess.run([sys.executable, "-c", "print('a child', end='')"], close_fds=False)
os.write(1, b"\\xff\\x00 raw\\n")
print(os.getpid(), file=open("pid", "w"))
"""


def test_a_reader_sees_the_end_when_the_product_ends_and_no_process_is_left(tmp_path: Path) -> None:
    program = products.script(tmp_path, WRITES)
    with moody(silent) as server:
        variables = products.environment(tmp_path, KETTLE_TELEMETRY_ENDPOINT=server.url)
        command = [sys.executable, str(program)]
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, timeout=20)
    assert done.returncode == 0
    own = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(own, 0)
    assert not [process for process in Path("/proc").glob("[0-9]*") if str(program) in command_of(process)]


def command_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


def test_standard_output_is_the_same_byte_for_byte_with_telemetry_on_and_off(tmp_path: Path) -> None:
    program = products.script(tmp_path, WRITES)
    with moody(silent) as server:
        outputs = {
            subprocess.run(
                [sys.executable, str(program)],
                cwd=tmp_path,
                env=products.environment(tmp_path, KETTLE_TELEMETRY_ENDPOINT=server.url, **variables),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=20,
            ).stdout
            for variables in ({}, {"KETTLE_TELEMETRY_DISABLED": "1"}, {"KETTLE_TELEMETRY_DEBUG": "1"})
        }
    assert outputs == {b"half a line, a child\xff\x00 raw\n"}


@pytest.mark.parametrize("reader", ["true", "head -c 1"])
def test_a_reader_that_goes_away_early_changes_nothing(reader: str, tmp_path: Path) -> None:
    program = products.script(tmp_path, WRITES)
    line = f"{sys.executable} {program} 2>/dev/null | {reader} >/dev/null; echo ${{PIPESTATUS[0]}}"
    with moody(silent) as server:
        codes = {
            subprocess.run(
                ["bash", "-c", line],
                cwd=tmp_path,
                env=products.environment(tmp_path, KETTLE_TELEMETRY_ENDPOINT=server.url, **variables),
                capture_output=True,
                text=True,
                timeout=20,
            ).stdout
            for variables in ({}, {"KETTLE_TELEMETRY_DISABLED": "1"})
        }
    assert len(codes) == 1
