"""`make demo`: a collector with a year of a simulated fleet, and a small Hay beside it that sends to it."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO

from windrow._gate import CI, TEST_RUNNERS

ROOT = Path(__file__).parents[1]
DATA = ROOT / ".demo"
CATALOGUE = ROOT / "hay" / "telemetry.toml"
COLLECTOR_PORT, HAY_PORT = 7717, 7718
SWITCHES = ("DO_NOT_TRACK", "HAY_TELEMETRY_DISABLED", "HAY_TELEMETRY_DEBUG", *CI, *TEST_RUNNERS)
BIN = Path(sys.executable).parent


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or sent SIGTERM."""


def main() -> int:
    """Run the demo until it is told to end, or, with the word `reset`, forget its data; the exit code."""
    lock = _lock()
    if lock is None:
        print("The demo is running. End it with Ctrl-C, then try again.", file=sys.stderr)
        return 1
    with lock:
        return _reset() if sys.argv[1:] == ["reset"] else _demo()


def _demo() -> int:
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    running: list[subprocess.Popen[bytes]] = []
    try:
        if taken := [port for port in (COLLECTOR_PORT, HAY_PORT) if _taken(port)]:
            print(
                f"Port {taken[0]} is in use by another program. End it, then try again.",
                file=sys.stderr,
            )
            return 1
        return _run(running)
    except Stopped:
        return 0
    finally:
        _end(running)


def _run(running: list[subprocess.Popen[bytes]]) -> int:
    _simulate()
    print("Starting the collector and Hay …", flush=True)
    token = _token()
    until = (DATA / "until").read_text("utf-8")
    base = f"http://127.0.0.1:{COLLECTOR_PORT}"
    running.append(
        _start(
            [BIN / "windrow-server", "serve", "--data", DATA / "collector", "--catalogue", CATALOGUE],
            {"WINDROW_ADMIN_TOKEN": token},
        )
    )
    if not _answers(f"{base}/readyz", running):
        return 1
    running.append(
        _start(
            [sys.executable, "-m", "hay", "--port", str(HAY_PORT), "--data", DATA / "hay"],
            {
                "HAY_TELEMETRY_ENDPOINT": base,
                "HAY_TELEMETRY_DIR": str(DATA / "hay" / "telemetry"),
                "HAY_TELEMETRY_FLUSH": "1",
                "HAY_TELEMETRY_GRACE": "0",
            },
        )
    )
    if not _answers(f"http://127.0.0.1:{HAY_PORT}/", running):
        return 1
    _tell(base, token, until)
    while all(process.poll() is None for process in running):
        time.sleep(0.2)
    print("A part of the demo has ended by itself; see above. `make demo` starts it again.", file=sys.stderr)
    return 1


def _lock() -> IO[str] | None:
    """Hold the demo's folder for this process, until it ends in whatever way; None: another one holds it."""
    DATA.mkdir(exist_ok=True)
    file = (DATA / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _reset() -> int:
    shutil.rmtree(DATA)
    print("The demo's data is gone.")
    return 0


def _simulate() -> None:
    """Fill the collector's data once; an interrupted attempt leaves nothing behind."""
    if (DATA / "collector").exists():
        return
    attempt = DATA / "attempt"
    shutil.rmtree(attempt, ignore_errors=True)
    today = datetime.now(UTC).date().isoformat()
    command: list[str | Path] = [
        BIN / "windrow-server",
        "simulate",
        "--data",
        attempt,
        "--catalogue",
        CATALOGUE,
        "--until",
        today,
    ]
    done = subprocess.run(command, env=_environment({}), check=False, start_new_session=False)
    if done.returncode:
        shutil.rmtree(attempt, ignore_errors=True)
        raise SystemExit("The fleet could not be simulated; see above.")
    (DATA / "until").write_text(today, "utf-8")
    attempt.rename(DATA / "collector")


def _token() -> str:
    """The admin token, kept with the demo's data so that a second start has the same one."""
    file = DATA / "admin-token"
    if not file.exists():
        file.write_text(secrets.token_urlsafe(16), "utf-8")
        file.chmod(0o600)
    return file.read_text("utf-8")


def _tell(base: str, token: str, until: str) -> None:
    ignored = [name for name in SWITCHES if name in os.environ]
    print(f"""
  Insights        {base}/
  admin token     {token}
  Hay             http://127.0.0.1:{HAY_PORT}/

  The fleet is simulated, a year of it until {until}. The small Hay is one real instance more: create an
  agent, install a plugin, start a conversation, and reload the insights. What it counts in a day is sent
  by the button on its page Telemetry.

  Data            .demo/ (make demo-reset forgets it)
  Stop            Ctrl-C
""")
    if ignored:
        print(
            f"  {', '.join(ignored)} of your shell is set, and does not hold for the demo: nothing leaves 127.0.0.1.\n"
        )
    sys.stdout.flush()


def _environment(more: dict[str, str]) -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if k not in SWITCHES}, **more}


def _start(command: list[str | Path], more: dict[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this script alone, which ends its children in order.
    return subprocess.Popen(
        list(map(str, command)), env=_environment(more), stdout=subprocess.DEVNULL, start_new_session=True
    )


def _answers(url: str, running: list[subprocess.Popen[bytes]]) -> bool:
    """Wait until a page answers, or its process has ended, or a minute has passed."""
    for _ in range(600):
        if running[-1].poll() is not None:
            return False
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 -- our own, on loopback
                if reply.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    print(f"{url} does not answer.", file=sys.stderr)
    return False


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for process in reversed(running):
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
