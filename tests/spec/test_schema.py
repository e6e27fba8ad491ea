"""The JSON Schema and the loader agree on what a catalogue is."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from windrow.catalogue import TYPES, load, loads
from windrow.errors import CatalogueError
from windrow.tools.docs import TEMPLATE

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "spec" / "catalogue.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)

SPOILT: dict[str, Any] = {
    "an unknown table": lambda c: c.update(extra={}),
    "no product": lambda c: c.pop("product"),
    "a name in capitals": lambda c: c["product"].update(name="Hay"),
    "an unknown key of the product": lambda c: c["product"].update(secret="x"),
    "an unknown sink": lambda c: c["product"].update(sink="kafka"),
    "a number for a text": lambda c: c["product"].update(title=5),
    "no events": lambda c: c.update(events={}),
    "an unknown type": lambda c: c["context"]["app_version"].update(type="text"),
    "values where none belong": lambda c: c["context"]["app_version"].update(values=["a"]),
    "a reserved value": lambda c: c["events"]["plugin_installed"]["properties"]["type"].update(
        values=["other"]
    ),
    "a choice without values": lambda c: c["events"]["plugin_installed"]["properties"]["type"].pop("values"),
    "a counter without buckets": lambda c: c["events"]["conversation_created"].pop("buckets"),
    "buckets of an event": lambda c: c["events"]["plugin_installed"].update(buckets=["0", "1+"]),
    "a label that is none": lambda c: c["events"]["conversation_created"].update(buckets=["few", "many"]),
    "a digest about the instance": lambda c: c["context"]["app_version"].update(type="digest"),
    "a fact that every batch has": lambda c: c["context"].update(sdk={"type": "flag"}),
    "a property that every batch has": lambda c: c["events"]["plugin_installed"]["properties"].update(
        instance_kind={"type": "flag"}
    ),
    "a value that breaks a table": lambda c: c["events"]["plugin_installed"]["properties"]["type"].update(
        values=["a|b"]
    ),
    "a password in the address": lambda c: c["product"].update(endpoint="https://me:word@example.com"),
    "a query in the address": lambda c: c["product"].update(endpoint="https://example.com?a=b"),
    "an unknown source": lambda c: c["events"]["plugin_installed"].update({"from": "moon"}),
}


def template() -> dict[str, Any]:
    return tomllib.loads(TEMPLATE)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_has_every_property_type_of_the_code() -> None:
    declared = {variant["properties"]["type"]["const"] for variant in SCHEMA["$defs"]["property"]["oneOf"]}
    assert declared == set(TYPES)


@pytest.mark.parametrize("path", ["hay/telemetry.toml"])
def test_catalogues_of_the_repository_pass_both(path: str) -> None:
    VALIDATOR.validate(tomllib.loads((ROOT / path).read_text()))
    VALIDATOR.validate(json.loads(load(ROOT / path).to_json()))


def test_the_catalogue_to_start_from_passes_both() -> None:
    VALIDATOR.validate(template())
    loads(TEMPLATE)


@pytest.mark.parametrize("mistake", SPOILT)
def test_what_the_schema_refuses_the_loader_refuses_too(mistake: str) -> None:
    spoilt = copy.deepcopy(template())
    SPOILT[mistake](spoilt)
    assert not VALIDATOR.is_valid(spoilt)
    with pytest.raises(CatalogueError):
        loads(json.dumps(spoilt), source="telemetry.json")
