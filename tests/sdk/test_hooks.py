"""The hooks for pre-commit: what it would install, and what it would run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from windrow.catalogue import load
from windrow.tools.docs import TEMPLATE, telemetry_md
from windrow.tools.generate import LANGUAGES

ROOT = Path(__file__).parents[2]
FIELD = re.compile(r"^(?:- |  )(\w+): (.*?)(?: #.*)?$", re.MULTILINE)
HOOKS = {
    hook["id"]: hook
    for block in (ROOT / ".pre-commit-hooks.yaml").read_text().split("\n\n")
    if (hook := dict(FIELD.findall(block)))
}


def build(folder: Path, target: Path) -> ZipFile:
    # Without isolation: the build backend is here, and a test asks no package index.
    options = ("--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", str(target))
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(folder)], check=True, timeout=100)
    (wheel,) = target.glob("*.whl")
    return ZipFile(wheel)


def test_the_root_installs_as_nothing_and_the_sdk_as_the_command(tmp_path: Path) -> None:
    with build(ROOT, tmp_path / "root") as root:
        assert all(name.startswith("windrow_workspace-") for name in root.namelist())
        metadata = next(name for name in root.namelist() if name.endswith("/METADATA"))
        assert b"Requires-Dist" not in root.read(metadata)
    with build(ROOT / "sdk", tmp_path / "sdk") as sdk:
        points = next(name for name in sdk.namelist() if name.endswith("/entry_points.txt"))
        assert b"windrow = windrow.cli:main" in sdk.read(points)
        assert b"windrow = windrow.pytest_plugin" in sdk.read(points)


def test_every_hook_installs_the_sdk_and_says_what_it_is_for() -> None:
    assert set(HOOKS) == {"windrow-check", "windrow-docs", "windrow-scan", "windrow-generate"}
    for hook in HOOKS.values():
        assert hook["language"] == "python"
        assert hook["additional_dependencies"] == "[./sdk]"
        assert hook["description"].endswith(".")


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_a_hook_passes_in_a_product_whose_files_are_true_and_fails_in_another(
    name: str, tmp_path: Path
) -> None:
    catalogue = tmp_path / "telemetry.toml"
    catalogue.write_text(TEMPLATE)
    (tmp_path / "TELEMETRY.md").write_text(telemetry_md(load(catalogue)))
    (tmp_path / "events.py").write_text(LANGUAGES["python"](load(catalogue)))
    (tmp_path / "product.py").write_text('telemetry.track("plugin_installed", {"type": "channel"})\n')
    arguments = HOOKS[name].get("args", "[python, telemetry.toml, -o, events.py]").strip("[]").split(", ")
    command = [*HOOKS[name]["entry"].split(), *arguments]

    def run() -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
        )

    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    broken = TEMPLATE.replace("plugin_installed", "plugin_added")
    catalogue.write_text(broken if name != "windrow-check" else "")
    assert run().returncode == 1
