"""The guides on tools are followed as a maintainer would: files saved, commands typed, output compared."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.test_tutorial import SAVED, commands, run

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
STEP = re.compile(r"[Ss]ave (?:it )?as `[^`]+`:\n\n```\w+\n.*?```|```console\n.*?```", re.DOTALL)


def follow(page: str, folder: Path) -> int:
    """Do what the page says in its order; how many commands were typed."""
    typed = 0
    for step in STEP.findall((GUIDES / page).read_text("utf-8")):
        for name, content in SAVED.findall(step):
            (folder / name).write_text(content)
        for command, expected in commands(step):
            run(command, expected, folder)
            typed += 1
    return typed


def test_the_guide_on_true_documents_shows_what_happens(tmp_path: Path) -> None:
    assert follow("docs-are-true.md", tmp_path) >= 9
    notes = (tmp_path / "notes.md").read_text()
    assert notes.startswith("**Newly collected**\n\n- ")


def test_the_guide_on_typed_functions_shows_what_happens(tmp_path: Path) -> None:
    assert follow("typed-functions.md", tmp_path) >= 5
    done = subprocess.run(
        ["npx", "tsc", "--strict", "--noEmit", "--target", "es2022", str(tmp_path / "kettle.ts")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("hook", re.findall(r"- id: (\S+)", (ROOT / ".pre-commit-hooks.yaml").read_text()))
def test_the_guide_names_every_hook(hook: str) -> None:
    assert f"- id: {hook}" in (GUIDES / "docs-are-true.md").read_text("utf-8")
