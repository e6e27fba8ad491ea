"""The examples of the guides, copied to a folder and run as real servers and commands."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import products
from tests.support.http import request
from tests.support.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def copy_example(folder: Path, name: str) -> Path:
    """A copy of the examples in `folder`; where the one named is."""
    shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "examples" / name


def environment(folder: Path, endpoint: str, **variables: str) -> dict[str, str]:
    """What an example is run with: it sends to `endpoint`, when it ends, and remembers in `folder`."""
    return {
        **products.without_switches(),
        **products.ENVIRON,
        "KETTLE_TELEMETRY_ENDPOINT": endpoint,
        "KETTLE_TELEMETRY_DIR": str(folder / "state"),
        "KETTLE_TELEMETRY_FLUSH": "60",
        **variables,
    }


def run(command: str, cwd: Path, env: dict[str, str]) -> str:
    """Run a Python command (`alembic upgrade head`) to its end; what it printed."""
    done = subprocess.run(_argv(command), cwd=cwd, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Running:
    """A process of an example. `url`: where it serves."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    def make_tea(self, sort: str = "green", cups: int = 5) -> None:
        """Ask it for a pot."""
        answer = request("POST", f"{self.url}/tea?sort={sort}&cups={cups}")
        assert answer.status in (200, 201), self.log.read_text()

    def end(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Tell it to end, and wait until it has."""
        self.process.send_signal(by)
        self.process.wait(30)


@contextmanager
def started(command: str, cwd: Path, env: dict[str, str]) -> Iterator[Running]:
    """A Python command (`celery -A tasks worker`) that runs until it is told to end."""
    log = cwd / "process.log"
    with log.open("wb") as output:
        with _interruptible():
            process = subprocess.Popen(_argv(command), cwd=cwd, env=env, stdout=output, stderr=output)
        try:
            yield Running(process, log)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(30)


@contextmanager
def serving(command: str, cwd: Path, env: dict[str, str]) -> Iterator[Running]:
    """A server, once it answers; `{port}` in the command is where."""
    port = _free_port()
    with started(command.format(port=port), cwd, env) as server:
        server.url = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(server))
        yield server


def _free_port() -> int:
    # Below those that a system gives to outgoing connections: one of them could take it before the server does.
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


@contextmanager
def _interruptible() -> Iterator[None]:
    # A shell starts what runs in its background with SIGINT ignored, and so would be what that starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _argv(command: str) -> list[str]:
    module, *arguments = command.split()
    return [sys.executable, *([] if module.endswith(".py") else ["-m"]), module, *arguments]


def _answers(server: Running) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        return request("GET", f"{server.url}/telemetry/config", timeout=5).status == 200
    except OSError:
        return False
