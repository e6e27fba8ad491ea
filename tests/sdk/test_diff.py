"""`windrow diff`: what a release newly collects, in words for its notes."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from windrow.catalogue import load, loads
from windrow.catalogue._atoms import atoms
from windrow.tools.diff import differences, markdown

from tests.support.products import CATALOGUE

HAY = Path(__file__).parents[2] / "hay" / "telemetry.toml"
CHANGES = {
    "keep_days": ("contact =", "keep_days = 500\ncontact ="),
    "kept_shorter": ("contact =", "keep_days = 100\ncontact ="),
    "hour": ("contact =", 'time_precision = "hour"\ncontact ='),
    "rotate": ("contact =", 'rotate = "monthly"\ncontact ='),
    "grace": ("contact =", "grace_minutes = 60\ncontact ="),
    "endpoint": ("https://telemetry.kettle.example", "https://other.example"),
    "sink": ("contact =", 'sink = "posthog"\ncontact ='),
    "value": ('"green", "black"]', '"green", "black", "white"]'),
    "fewer": ('"green", "black"]', '"black"]'),
    "swapped": ('"green", "black"]', '"white", "black"]'),
    "finer": ('"10-99", "100+"]', '"10-49", "50-99", "100+"]'),
    "coarser": ('"10-99", "100+"]', '"10+"]'),
    "type": ('type = "digest"', 'type = "flag"'),
    "kind": ('kind = "snapshot"', 'kind = "event"'),
    "source": ('from = "dashboard"', 'from = "server"'),
    "prose": ("What to stock.", "To know what to stock."),
    "fact": ("[events.boiled]", '[context.os]\ntype = "choice"\nvalues = ["linux"]\n[events.boiled]'),
    "no_fact": ('[context.app_version]\ntype = "version"\nwhy = "Which releases still need fixes."\n', ""),
    "event": ("[events.boiled]", '[events.cooled]\ndescription = "It cooled."\n[events.boiled]'),
    "property": ("[events.boiled]", '[events.tea_made.properties.hot]\ntype = "flag"\n[events.boiled]'),
}


def changed(*names: str) -> str:
    text = CATALOGUE
    for name in names:
        old, new = CHANGES[name]
        assert old in text
        text = text.replace(old, new)
    return text


def said(*names: str, back: bool = False) -> str:
    old, new = CATALOGUE, changed(*names)
    return markdown(differences(loads(new), loads(old)) if back else differences(loads(old), loads(new)))


def diff(folder: Path, old: str, new: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "old.toml").write_text(old)
    (folder / "new.json").write_bytes(loads(new).to_json())
    return subprocess.run(
        [sys.executable, "-m", "windrow.cli", "diff", "old.toml", "new.json", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_new_event_is_told_with_all_that_it_sends() -> None:
    assert said("event") == (
        "**Newly collected**\n\n- The event `cooled`: It cooled. Sent: nothing but that it happened."
    )
    assert said("event", back=True) == "**No longer collected**\n\n- The event `cooled`. It cooled."


@pytest.mark.parametrize(
    ("change", "heading", "words"),
    [
        ("keep_days", "Newly", "kept for 500 days, and were for 400"),
        ("kept_shorter", "No longer", "kept for 100 days"),
        ("hour", "Newly", "the hour is sent, and was the day"),
        ("rotate", "No longer", "changes each month"),
        ("grace", "Changed", "for 60 minutes after the notice, and nothing did for 10"),
        ("endpoint", "Changed", "go to https://other.example, and went to https://telemetry.kettle.example"),
        ("sink", "Newly collected", "`posthog`, and went to one of the kind `collector`"),
        ("value", "Newly", "`sort` of `tea_made` can also be `white`."),
        ("fewer", "No longer", "can no longer be `green`."),
        ("swapped", "Newly", "can also be `white`, and can no longer be `green`."),
        ("finer", "Newly", "`50-99`"),
        ("coarser", "No longer", "`10+`, and was one of"),
        ("type", "Newly", "is `true` or `false`, and was HMAC"),
        ("kind", "Newly", "as a plain event, and was as a snapshot"),
        ("source", "Newly", "comes from the server, and came from the dashboard"),
        ("fact", "Newly", "The fact `os`"),
        ("no_fact", "No longer", "The fact `app_version`"),
        ("property", "Newly", "`hot` of `tea_made`"),
    ],
)
def test_each_difference_stands_under_its_heading(change: str, heading: str, words: str) -> None:
    text = said(change)
    assert text.startswith(f"**{heading}")
    assert text.count("\n- ") == 1
    assert words in text


def pairs() -> list[tuple[str, ...]]:
    """All changes alone and in pairs, but for those that change the same place."""
    return [
        names
        for names in (*itertools.combinations(CHANGES, 1), *itertools.combinations(CHANGES, 2))
        if not any(one != two and CHANGES[one][0] in CHANGES[two][0] for one in names for two in names)
    ]


@pytest.mark.parametrize("names", pairs(), ids="-".join)
@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
def test_something_is_newly_collected_exactly_when_a_new_statement_is_made(
    names: tuple[str, ...], back: bool
) -> None:
    old, new = loads(CATALOGUE), loads(changed(*names))
    if back:
        old, new = new, old
    found = differences(old, new)
    assert any(change.sort == "new" for change in found) is bool(atoms(new) - atoms(old))
    assert found or names == ("prose",)


def test_nothing_but_prose_is_no_difference() -> None:
    assert said("prose") == "Nothing has changed in what is collected."


def test_the_exit_code_tells_whether_more_is_collected_when_asked(tmp_path: Path) -> None:
    more = changed("value")
    assert diff(tmp_path, CATALOGUE, more).returncode == 0
    assert diff(tmp_path, CATALOGUE, more, "--exit-code").returncode == 1
    assert diff(tmp_path, more, CATALOGUE, "--exit-code").returncode == 0
    assert diff(tmp_path, CATALOGUE, CATALOGUE, "--exit-code").returncode == 0


def test_programs_read_the_same_as_json(tmp_path: Path) -> None:
    report = json.loads(diff(tmp_path, CATALOGUE, changed("value", "grace"), "--json").stdout)
    assert report["collects_more"] is True
    assert report["new_statements"] == ["events.tea_made.sort:choice:white"]
    assert [change["sort"] for change in report["changes"]] == ["changed", "new"]
    assert report["changes"][1]["place"] == "events.tea_made.properties.sort"


def test_a_list_of_names_out_of_the_source_may_grow_without_collecting_more(tmp_path: Path) -> None:
    catalogue = load(HAY)
    text = catalogue.to_json().decode()
    grown = loads(text.replace('"0003_conversations"', '"0003_conversations","0004_more"'), source="x.json")
    (change,) = differences(catalogue, grown)
    assert change.sort == "changed"
    assert change.text == "`name` of `migration_run` can also be `0004_more`."
