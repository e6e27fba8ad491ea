"""A real `windrow-server serve` for tests, with its real store."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from windrow_server.store import Store

from tests.support.catalogue import write_catalogue
from tests.support.waiting import eventually

COMMAND = (sys.executable, "-c", "from windrow_server.cli import main; main()")
TOKEN = "wa_the-token-of-the-tests"
STORE, LOADER = "windrow_server.store.process", "windrow_server.loader"


@dataclass
class RunningServer:
    """A server that runs: `url` without a slash at its end; `output` is all that it has written so far."""

    url: str
    admin_token: str
    data: Path
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)

    def wait_ready(self, seconds: float = 60) -> None:
        """Wait until inbox and store answer."""
        deadline = time.monotonic() + seconds
        while not _answers(self.url + "/readyz"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the server did not become ready:\n" + "".join(self.output))
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(20)


def start_server(
    data: Path,
    catalogues: Sequence[Path] = (),
    *,
    port: int = 0,
    arguments: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> RunningServer:
    """Start a server that the caller ends; it takes batches when this returns."""
    command = [*COMMAND, "serve", "--data", str(data), "--port", str(port), *arguments]
    for file in catalogues:
        command += ["--catalogue", str(file)]
    environment = {**os.environ, "WINDROW_ADMIN_TOKEN": TOKEN, **(env or {})}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    output: list[str] = []
    url = ""
    for line in process.stdout:
        output.append(line)
        if found := re.search(r"listens on (\S+)", line):
            url = found.group(1)
        if line.startswith("Ctrl-C"):
            break
    else:
        raise AssertionError(f"the server ended with {process.wait()}:\n" + "".join(output))
    server = RunningServer(url, environment["WINDROW_ADMIN_TOKEN"], data, process, output)
    threading.Thread(target=_gather, args=(process, output), daemon=True).start()
    return server


@contextmanager
def running_server(
    tmp_path: Path, catalogues: Sequence[Path] = (), *, ready: bool = True, **env: str
) -> Iterator[RunningServer]:
    """Run a server over `tmp_path / "data"`; without `catalogues`, with the one of the tests.

    With `ready`, its store answers when the block begins. Further keywords are environment variables.
    """
    files = list(catalogues) or [write_catalogue(tmp_path)]
    server = start_server(tmp_path / "data", files, env=env)
    try:
        if ready:
            server.wait_ready()
        yield server
    finally:
        server.stop()


def _gather(process: subprocess.Popen[str], output: list[str]) -> None:
    assert process.stdout is not None
    with process.stdout:
        output.extend(process.stdout)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def children(server: RunningServer) -> dict[str, int]:
    """Process ids of the server's children by what they run."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(server.process.pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = {}
    for line in listed.splitlines():
        pid, arguments = line.split(None, 1)
        for part in (STORE, LOADER):
            if part in arguments:
                found[part] = int(pid)
    return found


def store_of(server: RunningServer) -> Store:
    """The store of a running server, through the loader's own URL; the caller closes it."""
    pid = eventually(lambda: children(server).get(LOADER))
    parts = Path(f"/proc/{pid}/environ").read_text().split("\0")
    environment = dict(part.split("=", 1) for part in parts if "=" in part)
    return Store.connect(environment["WINDROW_STORE_URL"])
