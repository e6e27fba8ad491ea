"""The golden cases of the operator's commands, which every language runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from windrow._notice import agreed
from windrow.catalogue import load
from windrow.operator import COMMANDS, Operator
from windrow.operator._commands import CATALOGUE, STATE
from windrow.state import MemoryState

CASES = Path(__file__).parents[2] / "spec" / "cases" / "commands"
FILES = sorted(file for file in CASES.glob("*.json") if file.name != "telemetry.json")


def cases() -> list[Any]:
    return [
        pytest.param(file.stem, case, id=f"{file.stem}: {case['name']}")
        for file in FILES
        for case in json.loads(file.read_text())
    ]


def test_the_specification_names_every_command_and_option() -> None:
    text = (CASES.parents[1] / "commands.md").read_text("utf-8")
    named = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert {command.name for command in COMMANDS} <= named
    options = {option.name for command in COMMANDS for option in command.options}
    assert {*options, CATALOGUE.name, STATE.name} == set(re.findall(r"`(--[a-z]+)", text))


def spelled(rows: dict[str, str]) -> dict[str, str]:
    """The rows with what a notice covers in the place of `{all}`, and of `{all but shelf}`."""
    catalogue = load(CASES / "telemetry.json")
    others = {name: event for name, event in catalogue.events.items() if name != "shelf"}
    covers = {"{all}": catalogue, "{all but shelf}": catalogue._replace(events=others)}
    found = dict(rows)
    for mark, part in covers.items():
        if mark in found.get("notice", ""):
            found["notice"] = found["notice"].replace(mark, agreed(part).split(" ")[1])
    return found


def state_of(rows: dict[str, str] | None) -> MemoryState | None:
    if rows is None:
        return None
    state = MemoryState()
    state.kind = "database"
    for key, value in spelled(rows).items():
        state.swap(key, None, value)
    return state


@pytest.mark.parametrize(("command", "case"), cases())
def test_a_command_answers_what_the_case_expects(command: str, case: dict[str, Any]) -> None:
    given = case["given"]
    state = state_of(given["rows"])
    operator = Operator(
        CASES / "telemetry.json", state=state, environ=given["environ"], clock=lambda: float(given["now"])
    )
    answer = getattr(operator, command)(**given.get("options", {}))
    assert answer == case["expect"]["answer"]
    if "rows" in case["expect"]:
        assert state is not None
        assert dict(state.items("")) == spelled(case["expect"]["rows"])
