"""Every lever: what it says, what is named, and that it fails closed. The table is one for code, docs and languages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow._gate import CI, LEVERS, TEST_RUNNERS, decide, remembered
from windrow._settings import NO, YES
from windrow.catalogue import load
from windrow.sinks import Memory
from windrow.state import FileState, MemoryState

from tests.support import products

ROOT = Path(__file__).parents[2]
SPELLINGS = ["1", "true", "TRUE", "yes", "on", "y", "t", " On ", "garbage", "2", "-"]


@pytest.fixture
def product(tmp_path: Path) -> Any:
    return load(products.write_catalogue(tmp_path)).product


def test_the_table_for_other_languages_is_the_one_in_the_code() -> None:
    table = json.loads((ROOT / "spec" / "levers.json").read_text("utf-8"))
    assert [(lever["name"], lever["meaning"]) for lever in table["levers"]] == list(LEVERS)
    assert (table["ci"], table["test_runners"]) == (list(CI), list(TEST_RUNNERS))
    assert (frozenset(table["yes"]), frozenset(table["no"])) == (YES, NO)


@pytest.mark.parametrize("name", [*CI, *TEST_RUNNERS])
def test_under_every_ci_and_test_runner_nothing_is_sent(product: Any, name: str) -> None:
    decision = decide(product, {name: "1"}, None)
    assert (decision.enabled, decision.place) == (False, "environment")
    assert decision.lever == ("ci" if name in CI else "test_runner")
    assert decision.value == f"{name}=1"


@pytest.mark.parametrize("no", ["", "0", "false", "FALSE", "no", "off"])
def test_a_ci_that_says_no_is_none(product: Any, no: str) -> None:
    assert decide(product, {"CI": no}, None).enabled


@pytest.mark.parametrize(
    "command",
    [["-m", "unittest", "-q"], ["-m", "pytest", "-q", "-p", "no:cacheprovider"]],
    ids=["unittest", "pytest"],
)
def test_a_test_runner_is_seen_without_any_variable(command: list[str], tmp_path: Path) -> None:
    products.write_catalogue(tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import os, unittest\nfrom windrow import Telemetry\n"
        "for name in ('PYTEST_VERSION', 'PYTEST_CURRENT_TEST'): os.environ.pop(name, None)\n"
        "class T(unittest.TestCase):\n    def test(self):\n"
        "        os.environ.pop('PYTEST_CURRENT_TEST', None)\n"
        "        status = Telemetry('telemetry.toml').status()\n"
        "        self.assertEqual((status.lever, status.place), ('test_runner', 'this process'))\n"
    )
    done = subprocess.run(
        [sys.executable, *command, "test_it.py"],
        cwd=tmp_path,
        env=products.environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Machine:
    """A folder in place of /etc/windrow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"WINDROW_ETC": str(folder)}

    def says(self, content: bytes, name: str = "kettle.conf") -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    folder = tmp_path / "etc"
    folder.mkdir()
    return Machine(folder)


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"telemetry = off",
            b"telemetry=0\n",
            b"# ours\n\ntelemetry = false # all of it\n",
            b'telemetry = "no"',
        ),
        *(
            b"",
            b"telemetry",
            b"telemetry =",
            b"telemetry = perhaps",
            b"off",
            b"\xff\xfe",
            b"telemetry = on\nmore",
        ),
        *(b"telemetry = on\n" + b"# x\n" * 2000 + b"telemetry = off\n", b"TELEMETRY = on"),
    ],
)
def test_a_file_of_the_machine_that_says_no_or_cannot_be_understood_switches_it_off(
    product: Any, machine: Machine, content: bytes
) -> None:
    path = machine.says(content)
    decision = decide(product, machine.environ, None)
    assert (decision.enabled, decision.lever, decision.place) == (False, "machine", str(path))


@pytest.mark.parametrize("content", [b"telemetry = on\n", b"# yes\ntelemetry = 1", b"telemetry='true'"])
def test_a_file_of_the_machine_that_says_yes_leaves_it_on(
    product: Any, machine: Machine, content: bytes
) -> None:
    machine.says(content)
    assert decide(product, machine.environ, None).enabled


def test_the_file_for_all_products_holds_too(product: Any, machine: Machine) -> None:
    machine.says(b"telemetry = on")
    path = machine.says(b"telemetry = off", "all.conf")
    assert decide(product, machine.environ, None).place == str(path)
    assert decide(product, {"WINDROW_ETC": str(machine.folder / "nowhere")}, None).enabled


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_account_switches_it_off(product: Any, machine: Machine) -> None:
    os.chown(machine.says(b"telemetry = on"), 12345, 12345)
    decision = decide(product, machine.environ, None)
    assert (decision.lever, decision.value) == ("machine", "belongs to another account")


def test_a_folder_in_the_files_place_switches_it_off(product: Any, machine: Machine) -> None:
    (machine.folder / "kettle.conf").mkdir()
    assert decide(product, machine.environ, None).lever == "machine"


@pytest.mark.parametrize(
    ("row", "lever"),
    [
        *((f"off {n}", "operator") for n in (1, 1795521600)),
        *((garbage, "operator") for garbage in ("", "off", "perhaps", "ON 5", "\x00", "o")),
        *(("on 5", None), ("on", None)),
    ],
)
def test_the_operators_choice_is_kept_and_anything_odd_is_a_no(row: str, lever: str | None) -> None:
    state = MemoryState()
    state.swap("consent", None, row)
    decision = remembered(state, 1_795_521_600)
    assert (decision.lever if decision else None) == lever


@pytest.mark.parametrize(
    ("row", "stops"),
    [
        ("1795521700", True),
        ("1795521500", False),
        ("9" * 15, False),
        ("soon", True),
        ("", True),
        ("-1", True),
    ],
)
def test_the_collectors_stop_ends_and_one_from_a_wrong_clock_does_not_hold(row: str, stops: bool) -> None:
    state = MemoryState()
    state.swap("stop", None, row)
    decision = remembered(state, 1_795_521_600)
    assert (decision is not None and decision.lever == "collector") is stops


def test_a_no_in_the_file_is_known_before_anything_starts(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    FileState(str(folder)).swap("consent", None, "off 5")
    before, threads = (folder / "state.json").read_bytes(), threading.active_count()
    telemetry = Telemetry(
        products.write_catalogue(tmp_path), sink=Memory(), environ={"KETTLE_TELEMETRY_DIR": str(folder)}
    )
    telemetry.track("tea_made")
    telemetry.count("boiled")
    status = telemetry.status()
    assert (status.enabled, status.lever, status.value) == (False, "operator", "off")
    assert status.place == str(folder)
    assert threading.active_count() == threads
    assert [path.name for path in folder.iterdir()] == ["state.json"]
    assert (folder / "state.json").read_bytes() == before


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_status_says_which_lever_which_value_and_where(tmp_path: Path, spelling: str) -> None:
    environ = {"KETTLE_TELEMETRY_DISABLED": spelling}
    status = Telemetry(products.write_catalogue(tmp_path), environ=environ).status()
    assert (status.lever, status.value, status.place) == (
        "KETTLE_TELEMETRY_DISABLED",
        spelling,
        "environment",
    )
