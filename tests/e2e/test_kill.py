"""kill -9 of the whole server under load: what was acknowledged is counted, and counted once."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import pytest
from windrow_server.inbox import Inbox
from windrow_server.loader import drain
from windrow_server.meta import Meta
from windrow_server.store import Store
from windrow_server.store.spawn import spawned

from tests.support.catalogue import envelope, event, write_catalogue
from tests.support.http import request
from tests.support.server import start_server
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def children(data: Path) -> list[str]:
    """The store and loader processes over a folder; they end with their input, a moment after the parent."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(data) in line and "windrow_server." in line]


def test_everything_acknowledged_is_in_the_store_once_after_three_kills(tmp_path: Path) -> None:
    catalogue, data = write_catalogue(tmp_path), tmp_path / "data"
    acknowledged: set[str] = set()
    for _ in range(3):
        server = start_server(data, [catalogue])
        for _ in range(40):
            made = [event(id=str(uuid.uuid4())) for _ in range(5)]
            body = envelope(made)
            for _ in range(2):  # a reply that was lost makes an SDK send again
                if request("POST", f"{server.url}/v1/batch", body).status == 200:
                    acknowledged |= {item["id"] for item in made}
        server.kill()  # and started again at once, while its children are still ending
    with spawned(data / "store") as url:
        store = Store.connect(url)
        store.migrate()
        inbox, meta = Inbox(data), Meta(data / "meta.sqlite")
        drain(inbox, store, meta.collector_name())
        assert inbox.pending() == 0
        rows = store.query("select toString(event_id) as id, count() as n from events final group by id")
        store.close()
        inbox.close()
        meta.close()
    eventually(lambda: not children(data), within=60)
    assert len(acknowledged) == 600
    assert {row["id"]: row["n"] for row in rows} == dict.fromkeys(acknowledged, 1)
