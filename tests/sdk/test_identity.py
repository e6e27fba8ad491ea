"""What proves an instance, and how its ids turn over."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow._identity import Identity
from windrow.envelope import instance_of, read_token
from windrow.sinks import Memory
from windrow.state import MemoryState

from tests.support import products

NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z
DAY = 86_400


@pytest.mark.parametrize("monthly", [False, True])
def test_the_erase_token_proves_the_id_and_the_read_token_does_not_give_it(monthly: bool) -> None:
    identity = Identity(bytes(range(32)), monthly=monthly)
    token = identity.erase_token("2026-11-24")
    assert instance_of(read_token(token)) == identity.at("2026-11-24")
    assert instance_of(token) != identity.at("2026-11-24")
    assert uuid.UUID(identity.at("2026-11-24")).version == 8


def test_an_id_lasts_or_turns_over_with_the_month() -> None:
    lasting, monthly = Identity(bytes(32)), Identity(bytes(32), monthly=True)
    days = ("2026-11-01", "2026-11-30", "2026-12-01", "2027-11-01")
    assert len({lasting.at(day) for day in days}) == 1
    assert len({monthly.at(day) for day in days}) == 3
    assert lasting.at(days[0]) not in {monthly.at(day) for day in days}


def test_nothing_else_stays_the_same_from_month_to_month() -> None:
    monthly, lasting = Identity(bytes(32), monthly=True), Identity(bytes(32))
    december = NOON + 20 * DAY
    assert monthly.digest("x", NOON) != monthly.digest("x", december)
    assert monthly.place("2026-11-24") != monthly.place("2026-12-14")
    assert lasting.digest("x", NOON) == lasting.digest("x", december)
    assert lasting.place("2026-11-24") == lasting.place("2026-12-14")


def rotating(folder: Path, state: MemoryState, sink: Memory, now: list[float]) -> Telemetry:
    path = products.write_catalogue(folder)
    path.write_text(path.read_text().replace('name = "kettle"', 'name = "kettle"\nrotate = "monthly"'))
    given: dict[str, Any] = {"state": state, "sink": sink, "environ": products.ENVIRON}
    return Telemetry(path, clock=lambda: now[0], **given)


def test_events_of_two_months_leave_under_two_ids_and_in_two_batches(tmp_path: Path) -> None:
    state, sink, now = MemoryState(), Memory(), [NOON]
    with rotating(tmp_path, state, sink, now) as telemetry:
        telemetry.count("boiled")
        assert telemetry.flush()
        now[0] = NOON + 6 * DAY + 12 * 3600 - 1  # the last second of November
        telemetry.track("tea_made", {"sort": "green"})
        now[0] += 2
        telemetry.track("tea_made", {"sort": "black"})
        assert telemetry.flush()
    ids = {batch["instance_id"]: {event["time"][:7] for event in batch["events"]} for batch in sink.envelopes}
    assert sorted(map(sorted, ids.values())) == [["2026-11"], ["2026-12"]]
    assert state.get("months") == "2026-11 2026-12"
    # A number that went on would join the two.
    assert [batch["sequence"] for batch in sink.envelopes if "2026-12" in ids[batch["instance_id"]]] == [0]


def test_a_batch_has_a_number_that_only_a_copied_state_repeats(tmp_path: Path) -> None:
    sink, copied = Memory(), Memory()
    state = MemoryState()
    path = products.write_catalogue(tmp_path)

    def send(state: MemoryState, sink: Memory) -> None:
        with Telemetry(path, state=state, sink=sink, environ=products.ENVIRON) as telemetry:
            telemetry.track("tea_made")
            assert telemetry.flush()

    send(state, sink)
    clone = MemoryState()
    for key, value in state.items(""):
        clone.swap(key, None, value)
    send(state, sink)
    send(clone, copied)
    assert [batch["sequence"] for batch in sink.envelopes] == [0, 1]
    assert [batch["sequence"] for batch in copied.envelopes] == [1]
    assert copied.envelopes[0]["instance_id"] == sink.envelopes[1]["instance_id"]
    assert copied.envelopes[0]["batch_id"] != sink.envelopes[1]["batch_id"]
