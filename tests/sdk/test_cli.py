"""The command `windrow`, run as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from windrow import __version__
from windrow.catalogue import Catalogue, loads
from windrow.tools.docs import example, telemetry_md

from tests.support.products import CATALOGUE, write_catalogue

FULL = Path("/dev/full")


def windrow(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "windrow.cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_catalogue_to_start_from_is_sound_without_advice_and_is_not_overwritten(tmp_path: Path) -> None:
    assert windrow(tmp_path, "init").returncode == 0
    assert windrow(tmp_path, "check", "telemetry.toml", "--strict").returncode == 0
    again = windrow(tmp_path, "init")
    assert again.returncode == 1
    assert "stays as it is" in again.stderr


def test_a_bad_catalogue_is_refused_with_places_and_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "telemetry.toml").write_text('[product]\nname = "X"\n')
    done = windrow(tmp_path, "check", "telemetry.toml")
    assert done.returncode == 1
    assert "telemetry.toml:2 [product.name]" in done.stderr
    assert "mistakes." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_catalogue_is_built_to_its_canonical_form(tmp_path: Path) -> None:
    write_catalogue(tmp_path)
    assert windrow(tmp_path, "build", "telemetry.toml").returncode == 0
    assert json.loads((tmp_path / "telemetry.json").read_text())["product"]["name"] == "kettle"
    assert windrow(tmp_path, "check", "telemetry.json").returncode == 0


@pytest.mark.parametrize("sink", ["collector", "posthog"])
def test_the_page_for_operators_names_all_that_leaves_and_every_switch(sink: str, tmp_path: Path) -> None:
    path = write_catalogue(tmp_path)
    path.write_text(path.read_text().replace("contact =", f'sink = "{sink}"\ncontact ='))
    assert windrow(tmp_path, "docs", "telemetry.toml").returncode == 0
    page = (tmp_path / "TELEMETRY.md").read_text()
    for word in ("tea_made", "boiled", "shelf", "page_view", "KETTLE_TELEMETRY_DISABLED", "DO_NOT_TRACK"):
        assert word in page
    assert ("/batch/" if sink == "posthog" else "/v1/batch") in page
    assert "anonym" not in page.lower()


def test_a_page_that_is_not_up_to_date_fails_the_check(tmp_path: Path) -> None:
    path = write_catalogue(tmp_path)
    assert windrow(tmp_path, "docs", "telemetry.toml", "--check").returncode == 1
    windrow(tmp_path, "docs", "telemetry.toml")
    assert windrow(tmp_path, "docs", "telemetry.toml", "--check").returncode == 0
    path.write_text(path.read_text().replace('"black"', '"black", "white"'))
    stale = windrow(tmp_path, "docs", "telemetry.toml", "--check")
    assert stale.returncode == 1
    assert "windrow docs telemetry.toml" in stale.stderr


def test_a_page_that_is_not_text_is_not_up_to_date(tmp_path: Path) -> None:
    write_catalogue(tmp_path)
    (tmp_path / "TELEMETRY.md").write_bytes(b"\xff\xfe")
    done = windrow(tmp_path, "docs", "telemetry.toml", "--check")
    assert done.returncode == 1
    assert done.stderr == "TELEMETRY.md is not up to date. Write it: windrow docs telemetry.toml\n"


def test_half_a_character_is_said_in_words(tmp_path: Path) -> None:
    write_catalogue(tmp_path)
    windrow(tmp_path, "build", "telemetry.toml")
    built = tmp_path / "telemetry.json"
    built.write_text(built.read_text().replace("A pot of tea", "A \\ud800 pot"))
    done = windrow(tmp_path, "docs", "telemetry.json")
    assert done.returncode == 1
    assert "half a character" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_command_it_says_which_there_are(tmp_path: Path) -> None:
    done = windrow(tmp_path)
    assert done.returncode == 2
    assert all(command in done.stderr for command in ("init", "check", "build", "docs"))
    assert "argument command" in windrow(tmp_path, "chek").stderr


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_catalogue(tmp_path)
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "windrow.cli", "check", "telemetry.toml"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, "windrow: standard output: No space left on device\n")
    page = windrow(tmp_path, "docs", "telemetry.toml", "-o", str(FULL))
    assert page.stderr == "windrow: /dev/full: No space left on device\n"


@pytest.mark.parametrize("precision", ["day", "hour"])
def test_the_page_is_true_about_times(precision: str) -> None:
    page = telemetry_md(changed("contact =", f'time_precision = "{precision}"\ncontact ='))
    assert ("- No time finer than the hour." in page) is (precision == "hour")
    assert ("- No time of day, only the day." in page) is (precision == "day")
    assert ("the collector can see all the same; it keeps the hour of it." in page) is (precision == "day")


def test_an_id_that_changes_each_month_is_not_said_to_last() -> None:
    assert "Since it lasts, what is sent" in telemetry_md(changed("contact =", "contact ="))
    page = telemetry_md(changed("contact =", 'rotate = "monthly"\ncontact ='))
    assert "Since it lasts a month, what is sent" in page


@pytest.mark.parametrize("sink", ["collector", "posthog"])
def test_the_page_explains_every_field_on_the_wire(sink: str) -> None:
    catalogue = changed("contact =", f'sink = "{sink}"\ncontact =')
    page = telemetry_md(catalogue)
    fields = set(keys_of(example(catalogue)))
    assert len(fields) > 12
    assert [field for field in fields if f"| `{field}` |" not in page] == []
    assert f"windrow-python/{__version__}" in page or sink == "posthog"


def test_prose_does_not_break_the_tables_of_the_page() -> None:
    page = telemetry_md(changed('description = "The sort."', 'description = """The\n\nsort | kind."""'))
    assert "| `sort` | The sort \\| kind. | one of `green`, `black`, else `other` |" in page


def changed(old: str, new: str) -> Catalogue:
    assert old in CATALOGUE
    return loads(CATALOGUE.replace(old, new))


def keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)
