"""Off means off: shown in real processes, from inside (an audit hook) and from outside (strace)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support import products

USE_IT = """
telemetry.track("tea_made", {"sort": "green"})
telemetry.count("boiled")
telemetry.snapshot("shelf")(lambda: {"sorts": 3})
telemetry.flush(1)
print(telemetry.status().lever)
telemetry.close()
"""

WATCHED = """
import sys, threading
seen = []
def watch(name, arguments):
    if name.startswith(("socket.", "_thread.start", "os.mkdir", "os.rename", "subprocess", "os.fork")):
        seen.append(name)
    if name == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append(arguments[0])
    if name == "open" and arguments[1] is None and arguments[2] & 3:
        seen.append(arguments[0])
sys.addaudithook(watch)
"""
LEVERS = [
    {"KETTLE_TELEMETRY_DISABLED": "1"},
    {"KETTLE_TELEMETRY_DISABLED": "TRUE"},
    {"KETTLE_TELEMETRY_DISABLED": "perhaps"},
    {"DO_NOT_TRACK": "1"},
]


@pytest.mark.parametrize("lever", LEVERS, ids=str)
def test_a_process_that_is_switched_off_opens_no_socket_no_thread_and_no_file(
    lever: dict[str, str], tmp_path: Path
) -> None:
    program = products.script(tmp_path, USE_IT + "print(seen, threading.active_count())\n")
    program.write_text(WATCHED + program.read_text())
    done = products.run(program, **lever)
    assert done.stdout.splitlines() == [next(iter(lever)), "[] 1"]
    assert done.stderr == ""
    assert not (tmp_path / "state").exists()


def test_the_audit_hook_would_have_seen_it(tmp_path: Path) -> None:
    program = products.script(tmp_path, USE_IT + "print(len(seen) > 3)\n")
    program.write_text(WATCHED + program.read_text())
    done = products.run(program, KETTLE_TELEMETRY_ENDPOINT="http://127.0.0.1:9")
    assert done.stdout.splitlines()[-1] == "True"


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (apt-get install strace)")
def test_the_kernel_sees_no_socket_no_thread_and_no_file_written(tmp_path: Path) -> None:
    program = products.script(tmp_path, USE_IT)
    log = tmp_path / "strace.log"
    trace = (
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=network,clone,clone3,fork,vfork,openat,creat,mkdir,rename",
        "-o",
        str(log),
    )
    done = products.run(program, *trace, KETTLE_TELEMETRY_DISABLED="1", PYTHONDONTWRITEBYTECODE="1")
    if done.returncode and "ptrace" in done.stderr.lower():
        pytest.skip("this machine forbids strace")
    assert done.returncode == 0, done.stderr
    calls = log.read_text()
    assert "telemetry.toml" in calls, "strace saw nothing at all"
    forbidden = re.findall(
        r"^.*(?:socket|connect|clone3?|v?fork|creat|mkdir|rename)\(.*$", calls, re.MULTILINE
    )
    written = re.findall(r"^.*openat\(.*O_(?:WRONLY|RDWR|CREAT).*$", calls, re.MULTILINE)
    assert forbidden == []
    assert [line for line in written if "/dev/null" not in line] == []


@pytest.mark.parametrize(
    "config", ["{'telemetry': False}", "lambda: {'telemetry': 'no'}", "lambda: 1 / 0", "lambda: None"]
)
def test_the_configuration_of_the_product_switches_it_off(config: str, tmp_path: Path) -> None:
    program = products.script(tmp_path, USE_IT)
    program.write_text(program.read_text().replace('app_version="1.2.3"', f"config={config}"))
    done = products.run(program)
    assert done.stdout == "config\n"
    assert not (tmp_path / "state").exists()
