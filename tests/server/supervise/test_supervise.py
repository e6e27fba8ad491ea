"""`serve` keeps its children alive, ends cleanly, and loses nothing that it acknowledged."""

from __future__ import annotations

import errno
import http.client
import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from windrow_server.inbox import Inbox
from windrow_server.supervise import Child

from tests.support.catalogue import envelope, event, write_catalogue
from tests.support.http import post, request
from tests.support.server import RunningServer, children, running_server, start_server, store_of


def wait_for(what: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_its_children_with_exit_code_0(tmp_path: Path, number: int) -> None:
    with running_server(tmp_path) as server:
        wait_for(lambda: len(children(server)) == 2)
        pids = children(server).values()
        began = time.monotonic()
        assert server.stop(number) == 0
        assert time.monotonic() - began < 10
        assert not any(alive(pid) for pid in pids)
        assert "Traceback" not in "".join(server.output)


def test_the_first_start_prints_a_token_and_the_second_does_not(tmp_path: Path) -> None:
    file = write_catalogue(tmp_path)
    first = start_server(tmp_path / "data", [file], env={"WINDROW_ADMIN_TOKEN": ""})
    first.stop()
    second = start_server(tmp_path / "data", env={"WINDROW_ADMIN_TOKEN": ""})
    second.stop()
    assert "Admin token: wa_" in "".join(first.output)
    assert "Admin token" not in "".join(second.output)
    assert "products   hay" in "".join(second.output)


def test_a_preset_token_opens_the_insights_without_the_spaces_around_it(tmp_path: Path) -> None:
    with running_server(tmp_path, WINDROW_ADMIN_TOKEN=" sixteen-letters. ") as server:
        page = insights(server, "sixteen-letters.")
    assert f"HAY_TELEMETRY_ENDPOINT={server.url} " in page


def test_a_child_that_cannot_be_started_is_tried_again() -> None:
    lines: list[str] = []
    failures = [OSError(errno.EMFILE, "Too many open files")]

    def arguments() -> list[str]:
        if failures:
            raise failures.pop()
        return ["platform"]

    child = Child("test", arguments, {}, lines.append)
    child.start()
    try:
        wait_for(lambda: bool(lines))
    finally:
        child.stop()


def insights(server: RunningServer, token: str) -> str:
    """The insights page, as the holder of `token` sees it."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    session = request("POST", server.url + "/login", urlencode({"token": token}).encode(), form)
    cookie = session.headers["set-cookie"].partition(";")[0]
    return request("GET", server.url + "/", headers={"Cookie": cookie}).body.decode()


def test_children_that_die_are_started_again_and_those_of_a_killed_server_end(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        wait_for(lambda: len(children(server)) == 2)
        before = children(server)
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        wait_for(
            lambda: len(children(server)) == 2 and not set(children(server).values()) & set(before.values())
        )
        wait_for(lambda: request("GET", server.url + "/readyz").status == 200)
        orphans = children(server)
        server.kill()
        wait_for(lambda: not any(alive(pid) for pid in orphans.values()))


def test_batches_are_taken_while_the_store_is_away(tmp_path: Path) -> None:
    file = write_catalogue(tmp_path)
    store = "http://name:SECRET@127.0.0.1:9/windrow"
    server = start_server(tmp_path / "data", [file], arguments=["--store", store])
    try:
        wait_for(lambda: "The store at 127.0.0.1:9 does not answer" in "".join(server.output))
        assert "check --store" in "".join(server.output)
        assert "SECRET" not in "".join(server.output)
        assert post(server.url + "/v1/batch", envelope([event()])).status == 200
        assert request("GET", server.url + "/readyz").status == 503
        assert request("GET", server.url + "/").status == 503
    finally:
        assert server.stop() == 0
    inbox = Inbox(tmp_path / "data")
    assert inbox.pending() == 1
    inbox.close()


class Load:
    """Clients that send batches with retries, and remember the ids of the events that were acknowledged."""

    def __init__(self, url: str, clients: int = 3) -> None:
        self.url = url
        self.sent: set[str] = set()
        self.acknowledged: list[str] = []
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        while not self._ending.is_set():
            ids = [str(uuid.uuid4()) for _ in range(5)]
            self.sent.update(ids)
            body = envelope([event(id=identity) for identity in ids])
            while not self._ending.is_set():
                try:
                    answer = post(self.url + "/v1/batch", body)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.05)
                    continue
                if answer.status == 200:
                    self.acknowledged.extend(ids)
                    break
                time.sleep(0.05)

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()


def kill_and_count(tmp_path: Path, kills: int) -> None:
    data, file, chance = tmp_path / "data", write_catalogue(tmp_path), random.Random(2)
    server = start_server(data, [file])
    port = int(server.url.rsplit(":", 1)[1])
    load = Load(server.url)
    try:
        for number in range(kills):
            # Some kills come while the store still starts, some in the middle of a transfer.
            time.sleep(chance.uniform(0.1, 3.0))
            if number % 3 == 2:
                for pid in children(server).values():
                    os.kill(pid, signal.SIGKILL)
                time.sleep(chance.uniform(0, 0.5))
            server.kill()
            server = start_server(data, port=port)
    finally:
        load.stop()
    try:
        server.wait_ready()
        inbox = Inbox(data)
        wait_for(lambda: inbox.pending() == 0, 150)
        inbox.close()
        ids = stored_ids(server)
    finally:
        assert server.stop() == 0
    assert len(load.acknowledged) > kills
    assert len(ids) == len(set(ids))
    assert set(load.acknowledged) <= set(ids) <= load.sent


def stored_ids(server: RunningServer) -> list[str]:
    """Every event's id in the store, through the loader's own URL."""
    store = store_of(server)
    return [str(row["event_id"]) for row in store.query("select event_id from windrow.events final", {})]


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_batch_that_was_acknowledged_survives_kills_and_is_counted_once(tmp_path: Path) -> None:
    kill_and_count(tmp_path, 5)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    kill_and_count(tmp_path, 100)
