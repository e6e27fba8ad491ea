"""Every web framework, in the servers that it is run with: what is sent, and how it ends."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import serving
from tests.support.http import Answer, post, request
from tests.support.listener import Listener, listening, silent
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

VIEW = {"name": "page_view", "properties": {"route": "/teas/:id"}}
GUNICORN = "gunicorn --no-control-socket --bind 127.0.0.1:{port} --workers 2"


class Server(NamedTuple):
    example: str
    command: str
    ends_by: signal.Signals = signal.SIGTERM
    ready: str = ""  # what each of two workers logs when a signal can reach it


SERVERS = {
    "FastAPI under uvicorn": Server("starlette", "uvicorn app:app --port {port}"),
    "FastAPI in uvicorn's workers": Server("starlette", "uvicorn app:app --port {port} --workers 2"),
    "FastAPI in gunicorn's ASGI workers": Server(
        "starlette", f"{GUNICORN} -k asgi app:app", ready="ASGI server listening"
    ),
    "FastAPI in gunicorn's uvicorn workers": Server(
        "starlette",
        f"{GUNICORN} --preload -k uvicorn.workers.UvicornWorker app:app",
        ready="startup complete",
    ),
    "Litestar under uvicorn": Server("litestar", "uvicorn app:app --port {port}"),
    "Flask's own server": Server("flask", "flask --app app run --port {port}", signal.SIGINT),
    "Flask under gunicorn": Server("flask", f"{GUNICORN} --preload app:create_app()", ready="Booting worker"),
    "WSGI under gunicorn": Server("wsgi", f"{GUNICORN} --preload app:app", ready="Booting worker"),
    "Django's own server": Server("django", "manage.py runserver --noreload {port}", signal.SIGINT),
    "Django under gunicorn": Server("django", f"{GUNICORN} --preload kettle.wsgi", ready="Booting worker"),
    "Django under uvicorn": Server("django", "uvicorn kettle.asgi:application --port {port}"),
}


@contextmanager
def running(server: Server, folder: Path, endpoint: str, **variables: str) -> Iterator[serving.Running]:
    example = serving.copy_example(folder, server.example)
    env = serving.environment(folder, endpoint, **variables)
    if server.example == "django":
        serving.run("manage.py migrate", example, {**env, "KETTLE_TELEMETRY_DISABLED": "1"})
    with serving.serving(server.command, example, env) as process:
        if server.ready:
            eventually(lambda: process.log.read_text().count(server.ready) == 2)
        yield process


def report(url: str, **headers: str) -> Answer:
    return post(f"{url}/telemetry/events", json.dumps({"events": [VIEW]}).encode(), **headers)


def tracked(collector: Listener) -> Counter[str]:
    return Counter(event["name"] for event in collector.events if event["name"] != "boiled")


@pytest.mark.parametrize("name", SERVERS)
def test_what_was_tracked_arrives_once_and_before_the_server_ends(name: str, tmp_path: Path) -> None:
    with listening() as collector:
        with running(SERVERS[name], tmp_path, collector.url) as server:
            config = request("GET", f"{server.url}/telemetry/config").json
            assert config["enabled"]
            assert config["events"] == {"page_view": ["route"]}
            assert report(server.url, sec_fetch_site="cross-site").status == 403
            assert report(server.url).json == {"enabled": True, "accepted": 1}
            assert request("GET", f"{server.url}/telemetry/nothing").status == 404
            for _ in range(6):
                server.make_tea(sort="black")
            server.end(SERVERS[name].ends_by)
        assert tracked(collector) == {"tea_made": 6, "page_view": 1}, server.log.read_text()
        made = [event["properties"] for event in collector.events if event["name"] == "tea_made"]
        assert made == [{"sort": "black", "cups": "4-9"}] * 6
        assert len({event["id"] for event in collector.events}) == len(collector.events)
        assert len({body["instance_id"] for body in collector.bodies}) == 1


@pytest.mark.parametrize("name", SERVERS)
def test_a_collector_that_does_not_answer_holds_no_server_up(name: str, tmp_path: Path) -> None:
    with silent() as address, running(SERVERS[name], tmp_path, address) as server:
        for _ in range(6):
            server.make_tea()
        begun = time.monotonic()
        server.end(SERVERS[name].ends_by)
        took = time.monotonic() - begun
        assert took < 5, server.log.read_text()


@pytest.mark.parametrize("name", ["FastAPI under uvicorn", "Flask under gunicorn", "Django under gunicorn"])
def test_switched_off_nothing_is_sent_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    with listening() as collector:
        with running(SERVERS[name], tmp_path, collector.url, DO_NOT_TRACK="1") as server:
            assert request("GET", f"{server.url}/telemetry/config").json == {"enabled": False}
            assert report(server.url).json == {"enabled": False, "accepted": 0}
            server.make_tea()
            server.end()
        assert collector.bodies == []
    assert not (tmp_path / "state").exists()
