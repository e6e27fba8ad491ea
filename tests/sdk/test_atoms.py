"""When a release collects more than the one before, and when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from windrow.catalogue import load, loads
from windrow.catalogue._atoms import atoms, atoms_of_context, atoms_of_event

OLD = """
[product]
name = "kettle"
key = "wk_kettle"
endpoint = "https://telemetry.kettle.example"
keep_days = 365
[context.app_version]
type = "version"
[events.boiled]
kind = "counter"
buckets = ["0", "1-9", "10-99", "100+"]
[events.tea_made]
description = "Tea."
[events.tea_made.properties.sort]
type = "choice"
values = ["green", "black"]
[events.tea_made.properties.cups]
type = "count"
max = 100
[events.tea_made.properties.recipe]
type = "name"
values = ["earl"]
"""
HAY = Path(__file__).parents[2] / "hay" / "telemetry.toml"


def new(old: str, put: str) -> frozenset[str]:
    assert old in OLD
    return atoms(loads(OLD.replace(old, put))) - atoms(loads(OLD))


@pytest.mark.parametrize(
    ("old", "put", "statement"),
    [
        ("keep_days = 365", 'keep_days = 365\ntime_precision = "hour"', "time:hour"),
        ("keep_days = 365", "keep_days = 366", "keep:366"),
        ("keep_days = 365", "keep_days = 400", "keep:400"),
        ('"black"]', '"black", "white"]', "events.tea_made.sort:choice:white"),
        ("max = 100", "max = 101", "events.tea_made.cups:count:101"),
        ('"100+"]', '"100-999", "1000+"]', "events.boiled.count:range:1000"),
        ('"10-99", ', '"10-49", "50-99", ', "events.boiled.count:range:50"),
        ('description = "Tea."', 'from = "dashboard"', "events.tea_made:from:dashboard"),
        ("[events.boiled]", '[context.os]\ntype = "flag"\n[events.boiled]', "context.os:flag"),
        ('type = "count"\nmax = 100', 'type = "digest"', "events.tea_made.cups:digest"),
    ],
)
def test_what_reveals_more_is_a_new_statement(old: str, put: str, statement: str) -> None:
    assert new(old, put) == {statement}


@pytest.mark.parametrize(
    ("old", "put"),
    [
        ("keep_days = 365", "keep_days = 90"),
        ("keep_days = 365", 'keep_days = 365\nrotate = "monthly"'),
        ("keep_days = 365", "keep_days = 365\ngrace_minutes = 60"),
        ("https://telemetry.kettle.example", "https://other.example"),
        ('"green", "black"', '"black"'),
        ('"black"]', '"black"]\nwhy = "To stock."'),
        ("max = 100", "max = 10"),
        ('"10-99", "100+"]', '"10+"]'),
        ('"1-9", "10-99", ', '"1-99", '),
        ('values = ["earl"]', 'values = ["earl", "oolong"]'),
        ('[context.app_version]\ntype = "version"\n', ""),
    ],
)
def test_what_reveals_less_or_the_same_is_none(old: str, put: str) -> None:
    assert new(old, put) == frozenset()


def test_an_id_that_lasts_is_more_than_one_of_a_month() -> None:
    monthly = OLD.replace("keep_days", 'rotate = "monthly"\nkeep_days')
    assert atoms(loads(OLD)) - atoms(loads(monthly)) == {"rotate:never"}


def test_the_statements_of_a_catalogue_are_those_of_its_parts_and_of_its_product() -> None:
    catalogue = load(HAY)
    parts = [atoms_of_event(event) for event in catalogue.events.values()]
    parts += [atoms_of_context(fact) for fact in catalogue.context.values()]
    whole = frozenset().union(*parts)
    assert {atom.partition(":")[0] for atom in atoms(catalogue) - whole} == {"time", "keep", "rotate", "to"}
    assert "events.plugin_installed.type:choice:channel" in whole
    assert len(atoms(catalogue)) < 200


def test_both_forms_of_a_catalogue_make_the_same_statements() -> None:
    catalogue = load(HAY)
    assert atoms(loads(catalogue.to_json(), source="telemetry.json")) == atoms(catalogue)
