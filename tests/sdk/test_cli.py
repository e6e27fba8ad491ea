"""The command `windrow`, run as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.products import write_catalogue


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
