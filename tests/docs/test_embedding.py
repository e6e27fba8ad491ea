"""The guide to embedding: what it has the reader save is run, and answers as `windrow` does."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.support import products
from tests.support.commands import answered, operate, send
from tests.support.keeper import keeping

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "embed-the-commands.md"
SAVED = dict(re.findall(r"Save as `([^`]+)`:\n\n```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL))
THREE = ("hay_argparse.py", "hay_click.py", "hay_typer.py")
SENT = 'telemetry.track("tea_made", {"sort": "green"})\ntelemetry.count("boiled")\ntelemetry.close(10)'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    products.write_catalogue(tmp_path)
    for name, code in SAVED.items():
        (tmp_path / name).write_text(code)
    return tmp_path


def command(name: str) -> tuple[str, ...]:
    return (sys.executable, name, "telemetry")


def test_the_guide_has_a_file_for_each_kind() -> None:
    assert set(SAVED) == {*THREE, "hay_live.py"}


@pytest.mark.parametrize("name", THREE)
def test_embedded_commands_say_what_windrow_says(folder: Path, name: str) -> None:
    with keeping() as keeper:
        send(folder, keeper.url, SENT)
        where = {"KETTLE_TELEMETRY_ENDPOINT": keeper.url}
        for arguments in (
            "status",
            "status --json",
            "preview",
            "show --last 1",
            "show --raw",
            "show --held",
            "view",
        ):
            ours = operate(folder, *arguments.split(), **where)
            theirs = operate(folder, *arguments.split(), command=command(name), **where)
            assert theirs.stdout == ours.stdout.replace("windrow ", "hay telemetry "), arguments
            assert (theirs.returncode, theirs.stderr) == (0, "")
        done = operate(folder, "forget", "--yes", command=command(name), **where)
        assert done.returncode == 0, done.stderr
        assert not keeper.held
        assert "hay telemetry on" in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", THREE)
def test_embedded_commands_have_the_exit_codes_of_windrow(folder: Path, name: str) -> None:
    mine = command(name)
    assert operate(folder, "off", command=mine).returncode == 0
    assert answered(folder, "status")["lever"] == "operator"
    assert operate(folder, "show", "--since", "yesterday", command=mine).returncode == 2
    assert operate(folder, "show", "--last", "0", command=mine).returncode == 2
    assert operate(folder, "reset", command=mine).returncode == 2
    assert operate(folder, "nonsense", command=mine).returncode == 2
    (folder / "state" / "state.json").write_text("{")
    done = operate(folder, "off", command=mine)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)


@pytest.mark.parametrize("name", THREE)
def test_the_help_of_embedded_commands_names_each(folder: Path, name: str) -> None:
    said = operate(folder, "--help", command=command(name)).stdout
    for word in ("status", "off", "on", "preview", "show", "view", "forget", "reset"):
        assert re.search(rf"\b{word}\b", said), word
    assert "--held" in operate(folder, "show", "--help", command=command(name)).stdout


def test_with_its_own_telemetry_the_product_knows_its_configuration_and_its_process(folder: Path) -> None:
    found = json.loads(operate(folder, "status", "--json", command=command("hay_live.py")).stdout)
    says = {row["lever"]: row["says"] for row in found["levers"]}
    assert says["config"] == "passes"
    assert found["process"] == {"queued": 0, "sent": 0, "dropped": {}, "note": ""}
    assert (
        json.loads(operate(folder, "preview", "--json", command=command("hay_live.py")).stdout)["from"]
        == "process"
    )
    assert not (folder / "state").exists()


def test_the_lines_for_a_page_of_settings_run(folder: Path) -> None:
    last = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[-1]
    (folder / "page.py").write_text(last)
    done = operate(folder, command=(sys.executable, "page.py"))
    assert done.stdout == "True default\n"
