"""The golden cases, which every language runs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow.catalogue import loads
from windrow.catalogue.coarsen import INVALID, coarsener
from windrow.reasons import REASONS
from windrow.sinks import Memory

SPEC = Path(__file__).parents[2] / "spec"
FILES = sorted((SPEC / "cases").glob("*.json"))
HEAD = {"name": "spec", "key": "wk_spec", "endpoint": "https://telemetry.example.org"}


def read(value: Any) -> Any:
    """A value of a case; `{"$float": …}` is a number that JSON cannot write."""
    if isinstance(value, dict) and set(value) == {"$float"}:
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[value["$float"]]
    if isinstance(value, dict):
        return {key: read(inner) for key, inner in value.items()}
    return value


def cases(*, events: bool) -> list[Any]:
    found = []
    for file in FILES:
        for case in json.loads(file.read_text()):
            if ("event" in case["given"]) is events:
                found.append(pytest.param(case, id=f"{file.stem}: {case['name']}"))
    return found


def catalogue_of(event: dict[str, Any]) -> Any:
    return loads(json.dumps({"product": HEAD, "events": {"thing": event}}), source="telemetry.json")


def test_there_are_at_least_sixty_cases_with_names_of_their_own() -> None:
    names = [parameter.id for parameter in cases(events=False) + cases(events=True)]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", cases(events=False))
def test_a_value_becomes_what_the_case_expects(case: dict[str, Any]) -> None:
    declared = catalogue_of({"properties": {"value": case["given"]["property"]}})
    check = coarsener(declared.events["thing"].properties["value"])
    sent = check(read(case["given"]["value"]))
    expected = case["expect"]
    if "drop" in expected:
        assert sent is INVALID
        assert REASONS[expected["drop"]].scope == "property"
    else:
        assert sent == expected["value"]
        assert type(sent) is type(expected["value"])
        assert check(sent) == sent, "what is coarse must stay as it is"


@pytest.mark.parametrize("case", cases(events=True))
def test_an_event_becomes_what_the_case_expects(case: dict[str, Any]) -> None:
    sink = Memory()
    with Telemetry(
        catalogue_of(case["given"]["event"]), sink=sink, environ={"SPEC_TELEMETRY_GRACE": "0"}
    ) as telemetry:
        telemetry.track("thing", read(case["given"]["properties"]))
        assert telemetry.flush()
    assert [event["properties"] for event in sink.events] == [case["expect"]["properties"]]
    assert sink.envelopes[0]["dropped"] == case["expect"]["dropped"]


def test_the_list_of_drop_reasons_is_the_one_in_the_code() -> None:
    assert json.loads((SPEC / "drop-reasons.json").read_text()) == [r._asdict() for r in REASONS.values()]
