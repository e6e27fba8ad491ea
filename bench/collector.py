"""The collector, durable, on one core, 50 events a request, against nginx answering 204 to the same requests.

The web process on core 0, wrk on core 1, keep-alive, 32 connections; a 200 stands for an fsync. Loader and store run
meanwhile, wherever they find room.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.report import Result
from tests.support.catalogue import envelope, event, write_catalogue
from tests.support.server import running_server

EVENTS = 50
SECONDS = 5
BUDGET = 150_000
_PORT = 7798
_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log /dev/null crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000; client_body_buffer_size 1m;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port}; location / {{ return 204; }} }}
}}
"""


class Measured(NamedTuple):
    """Requests a second of the collector and of nginx; None where nginx or wrk is missing."""

    collector: float | None
    nginx: float | None

    @property
    def events(self) -> float | None:
        """Durable events a second."""
        return None if self.collector is None else self.collector * EVENTS

    @property
    def ratio(self) -> float | None:
        """The collector's requests to nginx's."""
        return None if self.collector is None or self.nginx is None else self.collector / self.nginx


def measure() -> Measured:
    """Measure both in one run, by turns; the better of two rounds each."""
    if shutil.which("wrk") is None or shutil.which("taskset") is None:
        print("collector: wrk or taskset is missing (sudo apt-get install wrk); skipped")
        return Measured(None, None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "batch.lua"
        script.write_text(
            "local file = io.open(os.getenv('WINDROW_BENCH_BODY'), 'rb')\n"
            "wrk.method = 'POST'; wrk.body = file:read('*a'); file:close()\n"
            "wrk.headers['Content-Type'] = 'application/json'\n"
        )
        body = folder / "body.json"
        body.write_bytes(envelope([event() for _ in range(EVENTS)]))
        ours, theirs = [], []
        with running_server(folder, [write_catalogue(folder)]) as server, _nginx(folder) as peer:
            pid = str(server.process.pid)
            subprocess.run(["taskset", "-acp", "0", pid], check=True, capture_output=True)
            for _ in range(2):
                ours.append(_wrk(server.url + "/v1/batch", script, body))
                if peer:
                    theirs.append(_wrk(peer + "/v1/batch", script, body))
        return Measured(max(ours), max(theirs) if theirs else None)


@contextmanager
def _nginx(folder: Path) -> Iterator[str | None]:
    binary = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if binary is None:
        print("collector: nginx is missing (sudo apt-get install nginx); its row is skipped")
        yield None
        return
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=_PORT))
    process = subprocess.Popen(["taskset", "-c", "0", binary, "-p", str(folder), "-c", str(config)])
    try:
        time.sleep(0.5)
        yield f"http://127.0.0.1:{_PORT}"
    finally:
        process.terminate()
        process.wait()


def _wrk(url: str, script: Path, body: Path) -> float:
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c32", f"-d{SECONDS}s", "-s", str(script), url]
    done = subprocess.run(
        command,
        env={"WINDROW_BENCH_BODY": str(body), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    if "Non-2xx" in done.stdout:
        raise RuntimeError(f"not all requests were accepted:\n{done.stdout}")
    found = re.search(r"Requests/sec:\s*([0-9.]+)", done.stdout)
    if found is None:
        raise RuntimeError(f"wrk failed:\n{done.stdout}{done.stderr}")
    return float(found.group(1))


def run() -> list[Result]:
    """Requests and events a second; the floor of 150,000 events is the control of the second row."""
    measured = measure()
    if measured.collector is None:
        return []
    results = []
    if measured.nginx:
        results.append(
            Result("collector, durable, 50 events", measured.collector, "nginx 204", measured.nginx, "req/s")
        )
    events = measured.collector * EVENTS
    results.append(
        Result("collector, durable, events", events, "floor", 150_000, "events/s", 1.0, at_least=True)
    )
    return results
