"""How the measured programs are started: in a bare environment, in the peers' venv, on cores of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from bench.support.product import write_catalogue

_ROOT = Path(__file__).parents[2]
_PEERS = _ROOT / ".venv-bench" / "bin" / "python"
CALLER, OTHER = 0, 1  # cores


def have_peers() -> bool:
    """Whether the peers' SDKs are installed; says so where they are not."""
    if _PEERS.exists():
        return True
    print("the peers are missing (`make bench` installs them); their rows are skipped", file=sys.stderr)
    return False


def python(*arguments: str, core: int | None = None) -> list[str]:
    """The command of a Python program; pinned to a core where there is `taskset`."""
    binary = str(_PEERS) if _PEERS.exists() else sys.executable
    pin = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
    return [*pin, binary, *arguments]


def environment(folder: Path, url: str = "", **variables: str) -> dict[str, str]:
    """No proxy, no CI, no switch but those given: only what a program needs, and Windrow's settings."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "PYTHONPATH": f"{_ROOT}:{_ROOT / 'sdk' / 'src'}",
        "BENCH_TELEMETRY_DIR": str(folder / "state"),
        "BENCH_TELEMETRY_ENDPOINT": url,
        "BENCH_TELEMETRY_GRACE": "0",
        **variables,
    }


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder with the catalogue, for the programs to run in."""
    with tempfile.TemporaryDirectory() as name:
        write_catalogue(Path(name))
        yield Path(name)


class RunningSink:
    """The sink in a process of its own, on the other core."""

    def __init__(self, url: str) -> None:
        self.url = url

    def events(self) -> int:
        """How many events have come since the last time of asking."""
        with urlopen(self.url, timeout=60) as reply:
            return int(reply.read())


@contextmanager
def sink() -> Iterator[RunningSink]:
    """A healthy sink on loopback."""
    process = subprocess.Popen(
        python("-m", "bench.support.sink", core=OTHER), stdout=subprocess.PIPE, text=True, cwd=_ROOT
    )
    assert process.stdout
    try:
        yield RunningSink(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Caller:
    """`bench.support.caller` at work."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def ask(self, how: str, calls: int) -> Any:
        """What it answers to one line."""
        assert self._process.stdin
        assert self._process.stdout
        print(how, calls, file=self._process.stdin, flush=True)
        if not (answer := self._process.stdout.readline()):
            raise RuntimeError(f"{how} {calls}: no answer\n{self._log.read_text()}")
        return json.loads(answer)


@contextmanager
def caller(subject: str, folder: Path, url: str) -> Iterator[Caller]:
    """A program with one SDK, its flusher on the same core as its calls."""
    own = Path(tempfile.mkdtemp(dir=folder))
    write_catalogue(own)
    with (
        (own / "stderr").open("w") as log,
        subprocess.Popen(
            python("-m", "bench.support.caller", subject, url, core=CALLER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=own,
            env=environment(own, url),
        ) as process,
    ):
        yield Caller(process, own / "stderr")
        assert process.stdin
        process.stdin.close()
        if process.wait(60):
            raise RuntimeError(f"{subject} failed: {(own / 'stderr').read_text()}")
