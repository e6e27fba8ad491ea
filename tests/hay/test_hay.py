"""The reference Hay in a real process: what it sends, and what stays at home."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from windrow.catalogue import load

from tests.support import products
from tests.support.listener import Listener, listening
from tests.support.waiting import eventually

CATALOGUE = Path(__file__).parents[2] / "hay" / "telemetry.toml"


@contextmanager
def running(folder: Path, collector: Listener) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    kept = {**products.without_switches(), "HAY_TELEMETRY_GRACE": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "hay", "--port", str(port), "--data", str(folder)],
        env={
            **kept,
            "HAY_TELEMETRY_ENDPOINT": collector.url,
            "HAY_TELEMETRY_DIR": str(folder / "telemetry"),
            "HAY_TELEMETRY_FLUSH": "0.1",
        },
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: answers(url))
        yield url
    finally:
        process.terminate()
        assert process.wait(20) in (0, -signal.SIGTERM)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/settings/telemetry", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def post(url: str, **form: str) -> None:
    with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=20) as reply:
        assert reply.status == 200


def use(url: str) -> None:
    post(f"{url}/agents", name="canary-agent", instructions="canary-instructions")
    post(f"{url}/agents/1/delete")
    post(f"{url}/plugins", name="canary-plugin", type="channel")
    post(f"{url}/plugins/1/remove")
    post(f"{url}/conversations", title="canary-title", channel="web")
    post(f"{url}/settings/telemetry/send")


def test_every_event_of_the_server_is_sent_and_no_text_of_the_operator(tmp_path: Path) -> None:
    with listening() as collector:
        with running(tmp_path, collector) as url:
            use(url)
            declared = {event.name for event in load(CATALOGUE).events.values() if event.source == "server"}
            eventually(lambda: declared <= {event["name"] for event in collector.events})
        assert "canary" not in json.dumps(collector.bodies)
        names = {e["properties"]["name"] for e in collector.events if e["name"] == "migration_run"}
        assert names == {"0001_agents", "0002_plugins", "0003_conversations"}


def test_a_second_start_runs_no_migration_and_is_the_same_instance(tmp_path: Path) -> None:
    with listening() as collector:
        for _ in range(2):
            before = started(collector)
            with running(tmp_path, collector):
                eventually(partial(started_since, collector, before))
        assert len({body["instance_id"] for body in collector.bodies}) == 1
        assert [event["name"] for event in collector.events].count("migration_run") == 3


def started_since(collector: Listener, before: int) -> bool:
    return started(collector) > before


def started(collector: Listener) -> int:
    return [event["name"] for event in collector.events].count("server_started")


def test_a_number_that_no_row_can_have_is_not_found(tmp_path: Path) -> None:
    number = "9" * 23
    with listening() as collector, running(tmp_path, collector) as url:
        for path, form in (
            (f"/agents/{number}", None),
            (f"/agents/{number}/delete", b""),
            (f"/agents/-{number}/delete", b""),
            (f"/plugins/{number}/remove", b""),
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}{path}", form, timeout=20)
            refused.value.close()
            assert refused.value.code == 404


def test_its_own_configuration_switches_it_off(tmp_path: Path) -> None:
    (tmp_path / "hay.toml").write_text("telemetry = false\n")
    with listening() as collector:
        with running(tmp_path, collector) as url:
            use(url)
            with urllib.request.urlopen(f"{url}/telemetry/config", timeout=5) as reply:
                assert json.load(reply) == {"enabled": False}
        assert collector.bodies == []
    assert not (tmp_path / "telemetry").exists()
