"""Two copies of one state are found out by their numbers, and one that sends again is not."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from windrow_server.questions import ask

from tests.support.catalogue import KEY, posthog, posthog_event
from tests.support.http import post
from tests.support.operators import Operator
from tests.support.server import RunningServer, running_server, store_of
from tests.support.waiting import eventually


def suspected(server: RunningServer, numbered: int) -> int:
    """How many are suspected once all is stored; `numbered` instances must have numbered their batches."""
    marker = Operator(server.url)
    marker.send(sequence=0)  # what came before it is stored when it is
    store = store_of(server)
    today = datetime.now(UTC).date()
    found = "select count() as n from windrow.batches where instance_id = {id:UUID}"
    eventually(lambda: store.query(found, {"id": marker.instance})[0]["n"])
    (row,) = ask(store, "suspected_clones", product="hay", since=today, until=today + timedelta(days=1)).rows
    store.close()
    assert row["numbered"] == numbered
    return int(row["suspected"])


def test_a_copy_that_counts_on_from_the_same_number_is_suspected(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        original = Operator(server.url)
        first = original.batch(sequence=0)
        for body in (
            first,
            original.batch(sequence=1),
            first,
            first,
        ):  # an answer was lost: the same bytes again
            assert post(server.url + "/v1/batch", body).json == {"accepted": 1, "refused": {}}
        assert suspected(server, 2) == 0
        original.send(sequence=1)  # another batch: from the copied disk
        assert suspected(server, 3) == 1
        original.send(sequence=2)
        original.send(sequence=2)
        assert suspected(server, 4) == 1
        assert original.forget().status == 200
        store = store_of(server)
        held = "select count() as n from windrow.batches where instance_id = {id:UUID}"
        eventually(lambda: store.query(held, {"id": original.instance}) == [{"n": 0}])
        store.close()
        assert suspected(server, 4) == 0


def test_what_has_no_number_or_keeps_no_state_is_not_suspected(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        silent, fleeting = Operator(server.url), Operator(server.url)
        for _ in range(2):
            silent.send(batch_id=str(uuid.uuid4()))
            fleeting.send(instance_kind="ephemeral", sequence=0)
            assert post(server.url + "/batch/", posthog([posthog_event()], api_key=KEY)).status == 200
        assert suspected(server, 1) == 0
