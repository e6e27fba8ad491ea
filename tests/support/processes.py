"""Real processes of the product: started, ended, on other Pythons, in mount namespaces, under other accounts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import products

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
SOURCES = Path(__file__).parents[2] / "sdk" / "src"
NOBODY = 65534


def start(
    program: Path, *before: str, python: str = sys.executable, **variables: str
) -> subprocess.Popen[str]:
    """Start a program of the product in its folder; its output is read by `communicate()`."""
    return subprocess.Popen(
        [*before, python, str(program)],
        cwd=program.parent,
        env=products.environment(program.parent, **variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Wait for its end."""
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def kill(process: subprocess.Popen[Any]) -> None:
    """As the kernel does it: at once, and without a word to the process."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def replaced(program: Path, old: str, new: str) -> Path:
    """The program with a piece of its text changed."""
    text = program.read_text()
    assert old in text
    program.write_text(text.replace(old, new))
    return program


def with_options(program: Path, options: str) -> Path:
    """The program, whose `Telemetry` is given these options too."""
    return replaced(program, 'app_version="1.2.3"', f'app_version="1.2.3", {options}')


@cache
def can_mount() -> bool:
    """Whether this process may have mounts of its own."""
    if not IS_ROOT or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


needs_mounts = pytest.mark.skipif(not can_mount(), reason="needs root and `unshare --mount`")
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root, to act as two accounts")
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


def mounted(*commands: str) -> tuple[str, ...]:
    """What stands before a command that is to see these mounts, which nobody else sees."""
    return ("unshare", "--mount", "sh", "-c", " && ".join((*commands, 'exec "$@"')), "sh")


def as_nobody() -> tuple[str, ...]:
    """What stands before a command that is to run under another account, without any right of root."""
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@cache
def common_python() -> str | None:
    """A Python that every account may run, and that is new enough."""
    for path in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if _version(path) >= (3, 11) and all(_is_open(above) for above in _above(path)):
            return path
    return None


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every account may enter and write in, with a copy of the SDK."""
    with tempfile.TemporaryDirectory(prefix="windrow-open-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        shutil.copytree(SOURCES / "windrow", folder / "sources" / "windrow")
        for path in (folder / "sources").rglob("*"):
            path.chmod(0o755)
        yield folder


def pythons() -> list[Any]:
    """A parameter for each Python from 3.11 on; those that this machine lacks are skipped."""
    found = {version: path for path in _installed() if (version := _version(path)) >= (3, 11)}
    return [
        pytest.param(
            found.get((3, minor), ""),
            id=f"3.{minor}",
            marks=[] if (3, minor) in found else pytest.mark.skip(f"no Python 3.{minor} here"),
        )
        for minor in range(11, 15)
    ]


def _installed() -> list[str]:
    places = (Path("/usr/bin"), Path("/usr/local/bin"))
    found = [str(path) for place in places for path in place.glob("python3.[0-9][0-9]")]
    versions = Path.home() / ".pyenv" / "versions"
    return [*found, *map(str, versions.glob("3.*/bin/python")), sys.executable]


@cache
def _version(path: str) -> tuple[int, int]:
    asked = "import sys; print(*sys.version_info[:2])"
    try:
        said = subprocess.run([path, "-c", asked], capture_output=True, text=True, timeout=20).stdout.split()
    except OSError:
        return (0, 0)
    return (int(said[0]), int(said[1])) if len(said) == 2 else (0, 0)


def _above(path: str) -> list[Path]:
    real = Path(path).resolve()
    return [real, *list(real.parents)]


def _is_open(path: Path) -> bool:
    return path.stat().st_mode & 0o005 == 0o005
