"""A store process for as long as a block of code runs: for the simulator, and for tests."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from windrow_server.store.client import StoreError


@contextmanager
def spawned(folder: Path) -> Iterator[str]:
    """The URL of a store over `folder`. Raises `StoreError` when it cannot be started."""
    token = secrets.token_urlsafe(32)
    process = subprocess.Popen(
        [sys.executable, "-m", "windrow_server.store.process", "--data", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "WINDROW_STORE_TOKEN": token},
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        if not first:
            raise StoreError(f"The store process over {folder} did not start.")
        yield f"http://default:{token}@127.0.0.1:{json.loads(first)['port']}/windrow"
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
