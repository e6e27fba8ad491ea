"""What waits for a sink: kept across restarts, bounded, tried less and less often; one dead sink holds up no other."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry, _outbox
from windrow._spool import Spool, wipe_spool
from windrow.sinks import Collector, Memory, Outcome
from windrow.state import FileState, MemoryState

from tests.support import products
from tests.support.listener import listening, refusing
from tests.support.waiting import eventually


class Answering(Memory):
    """Answers with these outcomes in turn, then delivers; `bodies` has all that it was given."""

    def __init__(self, *outcomes: Outcome, where: str = "memory") -> None:
        super().__init__()
        self.outcomes = list(outcomes)
        self.where = where
        self.bodies: list[bytes] = []

    def send(self, body: bytes, timeout: float) -> Outcome:
        self.bodies.append(body)
        return self.outcomes.pop(0) if self.outcomes else super().send(body, timeout)


LATER = Outcome("later", "503")
Make = Callable[..., Telemetry]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    path = products.write_catalogue(tmp_path)

    def made(**options: Any) -> Telemetry:
        environ = {**products.ENVIRON, "KETTLE_TELEMETRY_DIR": str(tmp_path / "state")}
        return Telemetry(path, **{"environ": environ, **options})

    return made


def spooled(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "state" / "spool").glob("*"))


def test_what_a_dead_collector_did_not_take_the_next_process_delivers_byte_for_byte(
    make: Make, tmp_path: Path
) -> None:
    with refusing() as address, make(sink=Collector(address)) as telemetry:
        telemetry.track("tea_made", {"sort": "green"})
        assert not telemetry.flush()
    (waiting,) = spooled(tmp_path)
    assert ".free." in waiting.name
    kept = json.loads(waiting.read_bytes())
    sink = Answering(where=f"{address}/v1/batch")
    with make(sink=sink) as telemetry:
        telemetry.track("tea_made", {"sort": "black"})
        assert telemetry.flush()
    assert sink.envelopes[0] == kept
    assert [event["properties"]["sort"] for event in sink.events] == ["green", "black"]
    assert spooled(tmp_path) == []


def test_what_lay_on_the_disk_is_checked_before_it_leaves(make: Make, tmp_path: Path) -> None:
    with refusing() as address, make(sink=Collector(address)) as telemetry:
        telemetry.track("tea_made", {"sort": "green"})
        assert not telemetry.flush()
    (waiting,) = spooled(tmp_path)
    planted = json.loads(waiting.read_bytes())
    (tea,) = planted["events"]
    tea["properties"] |= {"cups": "grandmother's secret", "path": "/etc/passwd"}
    planted["events"] += [{**tea, "name": "leak"}, {**tea, "time": "2026-11-24T13:14:15Z"}]
    waiting.write_text(json.dumps({**planted, "host": "kitchen", "context": {"host": "kitchen"}}))
    sink = Answering(where=f"{address}/v1/batch")
    with make(sink=sink) as telemetry:
        telemetry.track("tea_made", {"sort": "black"})
        assert telemetry.flush()
    assert [event["properties"] for event in sink.events] == [{"sort": "green"}, {"sort": "black"}]
    assert "kitchen" not in json.dumps(sink.envelopes)


def test_two_processes_never_take_the_same_batch(tmp_path: Path) -> None:
    one, other = Spool(str(tmp_path), "ab"), Spool(str(tmp_path), "ab")
    for number in range(20):
        one.put(f"{number:011d}-x", b"data")
        one.release(f"{number:011d}-x")
    taken = [name for pair in zip(one.adopt(), other.adopt(), strict=False) for name, _ in pair]
    assert len(set(taken)) == len(taken)
    assert len(one.adopt()) + len(other.adopt()) == 0


def test_what_a_living_process_waits_for_is_not_taken_and_a_dead_ones_is(tmp_path: Path) -> None:
    one, other = Spool(str(tmp_path), "ab"), Spool(str(tmp_path), "ab")
    now = int(time.time())
    one.put(f"{now:011d}-x", b"data")
    assert other.adopt() == []
    (file,) = (tmp_path / "spool").iterdir()
    os.utime(file, (now - 1000, now - 1000))
    assert other.adopt() == [(f"{now:011d}-x", b"data")]
    assert not one.owns(f"{now:011d}-x")


def test_what_no_sink_asks_for_any_more_goes_after_a_week(tmp_path: Path) -> None:
    gone = Spool(str(tmp_path), "gone")
    gone.put(f"{int(time.time()) - 8 * 86_400:011d}-old", b"data")
    gone.put(f"{int(time.time()):011d}-new", b"data")
    Spool(str(tmp_path), "ab").adopt()
    assert [path.name.split("-")[1].split(".")[0] for path in (tmp_path / "spool").iterdir()] == ["new"]


def test_a_spool_of_the_products_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    for name in ("order-17.eml", "1600000000-invoice.pdf", "notes", "01600000000-a.b"):
        (tmp_path / "spool" / name).write_text("the product's")
    Spool(str(tmp_path), "ab").adopt()
    wipe_spool(str(tmp_path))
    assert len(list((tmp_path / "spool").iterdir())) == 4


def test_a_pipe_in_the_spool_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    os.mkfifo(tmp_path / "spool" / f"{int(time.time()):011d}-x.free.ab")
    assert Spool(str(tmp_path), "ab").adopt() == []


def test_a_damaged_file_costs_only_itself(make: Make, tmp_path: Path) -> None:
    with make(sink=Answering(LATER)) as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
    (waiting,) = spooled(tmp_path)
    waiting.with_name(waiting.name.replace(waiting.name[:11], f"{1:011d}")).write_bytes(b'{"half')
    sink = Memory()
    with make(sink=sink) as telemetry:
        telemetry.track("tea_made")
        assert telemetry.flush()
    assert len(sink.events) == 2
    assert spooled(tmp_path) == []


def test_the_spool_is_bounded_and_the_oldest_goes_first(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_outbox, "SPOOL_BYTES", 5000)
    with make(sink=Answering(*[LATER] * 50)) as telemetry:
        for _ in range(20):
            telemetry.track("tea_made", {"sort": "green"})
            telemetry.flush()
        dropped = telemetry.status().dropped
    assert sum(path.stat().st_size for path in spooled(tmp_path)) <= 5000
    assert dropped["gave_up"] >= 8


def test_a_batch_older_than_a_week_is_given_up_and_counted(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make(sink=Answering(LATER, LATER)) as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
        monkeypatch.setattr(_outbox, "SPOOL_SECONDS", -1)
        telemetry.flush()
        assert telemetry.status().dropped == {"gave_up": 1}


def test_where_nothing_lasts_nothing_is_kept_on_disk_unless_it_is_asked_for(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windrow.state._file._IN_CONTAINER", ("/",))
    environ = {**products.ENVIRON, "KETTLE_TELEMETRY_DIR": str(tmp_path / "state")}
    for switch, kept in (("", 0), ("0", 0), ("1", 1)):
        with make(sink=Answering(LATER), environ={**environ, "KETTLE_TELEMETRY_SPOOL": switch}) as telemetry:
            telemetry.track("tea_made")
            telemetry.flush()
            assert telemetry.status().instance_kind == "ephemeral"
        assert len(spooled(tmp_path)) == kept


def test_the_back_off_is_remembered_and_ends_with_the_first_good_send(make: Make) -> None:
    state = MemoryState()
    tries = []
    for _ in range(3):
        with make(sink=Answering(*[LATER] * 5, where="there"), state=state) as telemetry:
            telemetry.track("tea_made")
            telemetry.flush()
        tries += [int(value.split(" ")[0]) for _, value in state.items("backoff:")]
    assert tries == sorted(tries)
    assert tries[-1] > 3
    with make(sink=Answering(where="there"), state=state) as telemetry:
        telemetry.track("tea_made")
        assert telemetry.flush()
    assert state.items("backoff:") == []


def test_a_known_outage_does_not_delay_the_exit(make: Make) -> None:
    sink = Answering(LATER, LATER)
    with make(sink=sink) as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
        telemetry.track("tea_made")
    assert len(sink.bodies) == 1, "the second batch waits on disk"


def test_a_dead_sink_holds_up_no_other(make: Make) -> None:
    dead, alive = Answering(*[LATER] * 9, where="dead"), Answering(where="alive")
    with make(sink=[dead, alive]) as telemetry:
        for sort in ("green", "black"):
            telemetry.track("tea_made", {"sort": sort})
            assert not telemetry.flush()
        assert [event["properties"]["sort"] for event in alive.events] == ["green", "black"]
        assert telemetry.status().where == "dead and alive"
        dead.outcomes.clear()
        assert telemetry.flush()
    assert dead.envelopes == alive.envelopes
    assert telemetry.status().sent == 2


def test_what_one_of_two_sinks_refuses_is_not_lost(make: Make) -> None:
    refusing_sink, alive = Answering(Outcome("refused", "401"), where="no"), Answering(where="yes")
    with make(sink=[refusing_sink, alive]) as telemetry:
        telemetry.track("tea_made")
        assert telemetry.flush()
        assert telemetry.status().dropped == {}
    assert len(alive.events) == 1


def test_the_ledger_says_for_each_sink_and_try_how_it_ended(make: Make, tmp_path: Path) -> None:
    state = MemoryState()
    one, two = Answering(LATER, where="one"), Answering(where="two")
    with make(sink=[one, two], state=state) as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
        telemetry.flush()
    from windrow._ledger import open_ledger

    entries = {entry["to"]: entry for entry in open_ledger(state).entries()}
    assert entries["one"]["outcomes"] == ["later 503", "delivered"]
    assert entries["two"]["outcomes"] == ["delivered"]
    assert entries["one"]["body"].encode() == one.bodies[0] == one.bodies[1]


def test_opting_out_while_it_runs_wipes_queue_counters_and_spool_and_keeps_ledger_and_secret(
    make: Make, tmp_path: Path
) -> None:
    sink = Answering(LATER)
    with make(sink=sink) as telemetry:
        telemetry.track("tea_made")
        telemetry.count("boiled", 5)
        telemetry.flush()
        assert spooled(tmp_path)
        telemetry.track("tea_made")
        state = FileState(str(tmp_path / "state"))
        state.swap("consent", None, f"off {int(time.time())}")
        assert not telemetry.flush()
        assert telemetry.status().lever == "operator"
    assert len(sink.bodies) == 1, "no farewell"
    assert spooled(tmp_path) == []
    assert state.items("counter:") == []
    assert state.get("secret")
    assert "wiped" in (tmp_path / "state" / "ledger.jsonl").read_text()


def test_a_state_that_was_wiped_meanwhile_is_a_new_instance_and_gets_nothing_of_the_old_one(
    make: Make, tmp_path: Path
) -> None:
    sink, shown = Memory(), list[str]()
    with make(sink=sink, notice=shown.append) as telemetry:
        telemetry.track("tea_made", {"sort": "green"})
        assert telemetry.flush()
        telemetry.track("tea_made", {"sort": "black"})
        (tmp_path / "state" / "state.json").unlink()
        assert not telemetry.flush()
        telemetry.track("tea_made", {"sort": "green"})
        assert telemetry.flush()
    ids = [batch["instance_id"] for batch in sink.envelopes]
    assert len(set(ids)) == len(ids) == 2
    assert [event["properties"]["sort"] for event in sink.events] == ["green", "green"]
    assert len(shown) == 2


@pytest.mark.parametrize("days", [1, 30])
def test_the_collectors_stop_ends_it_at_once_and_holds_for_the_next_process(make: Make, days: int) -> None:
    state, sink = MemoryState(), Answering(Outcome("delivered", "200", wishes={"stop": days * 86_400.0}))
    with make(sink=sink, state=state) as telemetry:
        for _ in range(501):
            telemetry.track("tea_made")
        telemetry.flush()
        assert telemetry.status().lever == "collector"
    assert len(sink.bodies) == 1
    with make(sink=sink, state=state) as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
    assert len(sink.bodies) == 1


def test_a_wished_pause_holds_for_flush_and_for_the_next_process(make: Make) -> None:
    state, sink = MemoryState(), Answering(Outcome("later", "503", 3600.0), where="there")
    for _ in range(2):
        with make(sink=sink, state=state) as telemetry:
            telemetry.track("tea_made")
            telemetry.flush()
            telemetry.flush()
        assert len(sink.bodies) == 1


def test_a_pause_that_comes_with_a_good_answer_holds_for_the_next_process(make: Make) -> None:
    paused = Outcome("delivered", "200", wishes={"pause": 3600.0})
    state, sink = MemoryState(), Answering(paused, where="there")
    for _ in range(2):
        with make(sink=sink, state=state) as telemetry:
            telemetry.track("tea_made")
            telemetry.flush()
            telemetry.flush()
        assert len(sink.bodies) == 1


@pytest.mark.parametrize(("share", "sent"), [(0.0, False), (1.0, True)])
def test_of_a_sample_only_a_share_sends(make: Make, share: float, sent: bool) -> None:
    state, sink = MemoryState(), Answering(Outcome("delivered", "200", wishes={"sample": share}))
    with make(sink=sink, state=state) as telemetry:
        telemetry.track("tea_made")
        assert telemetry.flush()
        telemetry.track("tea_made")
        assert telemetry.flush()
        assert telemetry.status().dropped == ({} if sent else {"sampled_out": 1})
    assert len(sink.bodies) == 1 + sent


def test_an_outage_is_one_line_below_all_that_is_shown(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), make(sink=Answering(*[LATER] * 5)) as telemetry:
        for _ in range(4):
            telemetry.track("tea_made")
            telemetry.flush()
    assert [record.levelname for record in caplog.records if record.name == "windrow"] == ["DEBUG"]


def test_the_preview_is_what_is_sent_and_takes_nothing(make: Make) -> None:
    sink = Memory()
    with make(sink=sink, app_version="1.2.3") as telemetry:
        telemetry.snapshot("shelf")(lambda: {"sorts": 3})
        telemetry.track("tea_made", {"sort": "green", "cups": 5, "blend": "secret"})
        assert telemetry.flush()
        telemetry.track("tea_made", {"sort": "black", "blend": "secret"})
        telemetry.track("nothing")
        (shown,) = telemetry.preview()
        assert telemetry.preview(), "nothing was taken"
        assert telemetry.flush()
    expected, sent = json.loads(shown), sink.envelopes[1]
    for batch in (expected, sent):
        batch.pop("batch_id")
        for event in batch["events"]:
            event.pop("id")
    assert expected == sent
    assert b"secret" not in shown


def test_a_preview_before_anything_was_sent_makes_nothing(make: Make, tmp_path: Path) -> None:
    with make(sink=Memory(), environ={"KETTLE_TELEMETRY_DIR": str(tmp_path / "state")}) as telemetry:
        assert telemetry.preview() == []
        telemetry.track("tea_made")
        assert len(json.loads(telemetry.preview()[0])["events"]) == 1


def test_over_a_collector_that_comes_back_everything_arrives_once(make: Make, tmp_path: Path) -> None:
    with listening() as collector:
        collector.replies = [(503, {})] * 3
        with make(sink=Collector(collector.url)) as telemetry:
            for _ in range(1200):
                telemetry.track("tea_made")
            eventually(telemetry.flush)
        ids = [event["id"] for event in collector.events]
        assert len(ids) == len(set(ids)) == 1200
