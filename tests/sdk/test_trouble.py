"""Trouble costs what it touches, is counted, and is over when it is over."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from windrow import CatalogueWarning, Telemetry
from windrow._append import append_line
from windrow.errors import StateUnreachable
from windrow.sinks import Memory, Outcome
from windrow.state import FileState, MemoryState

from tests.support import products

NOON = 1_800_000_000.0 // 86_400 * 86_400 + 43_200


class Answering(Memory):
    """A side that gives these answers in turn, and then takes all."""

    def __init__(self, *answers: Outcome) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked = 0

    def send(self, body: bytes, timeout: float) -> Outcome:
        self.asked += 1
        if self.answers:
            return self.answers.pop(0)
        return super().send(body, timeout)


def counting(asked: list[int]) -> Callable[[], dict[str, object]]:
    def shelf() -> dict[str, object]:
        asked.append(1)
        return {"sorts": 3}

    return shelf


def kettle(folder: Path, **options: Any) -> Telemetry:
    options.setdefault("state", MemoryState())
    options.setdefault("environ", products.ENVIRON)
    options.setdefault("sink", Memory())
    return Telemetry(products.write_catalogue(folder), **options)


@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # from Python 3.12 on: that is the point
def test_a_child_that_was_forked_while_the_lock_was_held_goes_on(tmp_path: Path) -> None:
    telemetry = kettle(tmp_path)
    ended = threading.Event()

    def refuse() -> None:
        while not ended.is_set():
            telemetry.track("undeclared")

    thread = threading.Thread(target=refuse)
    thread.start()
    children = []
    for _ in range(30):
        child = os.fork()
        if child == 0:
            telemetry.track("undeclared")
            os._exit(7)
        children.append(child)
    ended.set()
    thread.join()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [7] * 30


def test_a_process_that_comes_late_adds_to_the_day_that_was_sent(tmp_path: Path) -> None:
    state, sink, now = MemoryState(), Memory(), [NOON]
    first, late = (kettle(tmp_path, state=state, sink=sink, clock=lambda: now[0]) for _ in range(2))
    first.count("boiled", 150)
    late.count("boiled", 3)
    now[0] += 86_400
    first.close()
    late.close()
    again = kettle(tmp_path, state=state, sink=sink, clock=lambda: now[0])
    again.count("boiled")
    again.close()
    counts = [event["properties"]["count"] for event in sink.events if event["name"] == "boiled"]
    assert set(counts) == {"100+"}
    assert dict(state.items("counter:"))["counter:boiled:2027-01-15"] == "153"


def test_a_week_after_it_was_sent_a_counter_is_forgotten(tmp_path: Path) -> None:
    state, sink, now = MemoryState(), Memory(), [NOON]
    for days in (9, 1, 0):
        with kettle(tmp_path, state=state, sink=sink, clock=lambda: now[0]) as telemetry:
            telemetry.count("boiled")
        now[0] += days * 86_400
    assert [key for key, _ in state.items("counter:")] == [
        "counter:boiled:2027-01-24",
        "counter:boiled:2027-01-25",
    ]


def test_more_counts_than_any_queue_holds_are_all_counted(tmp_path: Path) -> None:
    state = MemoryState()
    with kettle(tmp_path, state=state) as telemetry:
        for _ in range(20_000):
            telemetry.count("boiled")
        assert telemetry.flush()
        assert telemetry.status().dropped == {}
    assert [value for _, value in state.items("counter:")] == ["20000"]


def test_a_count_beyond_all_bounds_costs_only_itself(tmp_path: Path) -> None:
    sink = Memory()
    with kettle(tmp_path, sink=sink) as telemetry:
        telemetry.count("boiled", 10**5000)
        telemetry.count("boiled", -1)
        telemetry.track("tea_made")
        assert telemetry.flush()
        assert telemetry.status().dropped == {"invalid_value": 2}
    assert [event["name"] for event in sink.events] == ["tea_made"]


@pytest.mark.parametrize("row", [{"counter:boiled:2026-01-01": "many"}, {"format": "2"}, {"secret": "xyz"}])
def test_a_damaged_state_turns_telemetry_off_and_says_so(row: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    state = FileState(str(folder))
    for key, value in row.items():
        state.swap(key, None, value)
    sink = Memory()
    telemetry = kettle(
        tmp_path,
        state=None,
        sink=sink,
        environ={**products.ENVIRON, "KETTLE_TELEMETRY_DIR": str(folder), "KETTLE_TELEMETRY_FLUSH": "1"},
    )
    telemetry.count("boiled")
    assert telemetry.flush() is False or not telemetry.status().enabled
    assert telemetry.status().lever == "state"
    assert sink.envelopes == []
    telemetry.close()


def test_a_lease_that_nobody_can_read_is_nobodys(tmp_path: Path) -> None:
    state, sink = MemoryState(), Memory()
    state.swap("lease:daily", None, "nonsense")
    with kettle(tmp_path, state=state, sink=sink) as telemetry:
        telemetry.snapshot("shelf")(lambda: {"sorts": 3})
        assert telemetry.flush()
    assert [event["name"] for event in sink.events] == ["shelf"]


def test_a_snapshot_is_asked_once_a_day_also_when_the_other_side_refuses(tmp_path: Path) -> None:
    asked: list[int] = []
    with kettle(tmp_path, sink=Answering(Outcome("refused", "401"))) as telemetry:
        telemetry.snapshot("shelf")(counting(asked))
        for _ in range(4):
            telemetry.flush()
        assert telemetry.status().dropped == {"send_refused": 1}
        assert telemetry.status().note == "refused: 401"
    assert asked == [1]


def test_a_snapshot_waits_while_a_batch_waits(tmp_path: Path) -> None:
    asked: list[int] = []
    sink = Answering(*[Outcome("later", "503")] * 3)
    with kettle(tmp_path, sink=sink) as telemetry:
        telemetry.snapshot("shelf")(counting(asked))
        for _ in range(3):
            assert not telemetry.flush()
        assert telemetry.status().queued == 1
        assert telemetry.flush()
        assert telemetry.status().note == ""
    assert asked == [1]


def test_a_function_that_exits_does_not_end_the_flusher(tmp_path: Path) -> None:
    sink = Memory()
    with kettle(tmp_path, sink=sink) as telemetry:
        telemetry.snapshot("shelf")(sys.exit)
        telemetry.track("tea_made")
        assert telemetry.flush()
        assert telemetry.status().dropped == {"snapshot_failed": 1}
    assert [event["name"] for event in sink.events] == ["tea_made"]


def test_a_snapshot_without_its_name_leaves_the_function_as_it_was(tmp_path: Path) -> None:
    with kettle(tmp_path) as telemetry:
        shelf: Any = counting([])
        assert telemetry.snapshot(shelf) is shelf
        assert telemetry.status().dropped == {"undeclared_event": 1}


def test_what_cannot_be_packed_is_counted_and_flush_says_no(tmp_path: Path) -> None:
    class Clumsy(Memory):
        def render(self, envelope: Any) -> bytes:
            if not self.envelopes and not clumsy:
                clumsy.append(1)
                raise ValueError("no")
            return super().render(envelope)

    clumsy: list[int] = []
    sink = Clumsy()
    with kettle(tmp_path, sink=sink) as telemetry:
        telemetry.track("tea_made")
        assert not telemetry.flush()
        telemetry.track("tea_made")
        assert telemetry.flush()
        assert telemetry.status().dropped == {"gave_up": 1}
    assert sink.envelopes[0]["dropped"] == {"gave_up": 1}


def test_a_side_that_finds_everything_too_large_is_not_hammered(tmp_path: Path) -> None:
    sink = Answering(*[Outcome("too_large", "413")] * 500)
    with kettle(tmp_path, sink=sink) as telemetry:
        for _ in range(400):
            telemetry.track("tea_made")
        telemetry.flush()
        assert telemetry.status().dropped == {"send_refused": 400}
    assert sink.asked < 70


def test_losses_are_told_by_the_next_batch_that_arrives(tmp_path: Path) -> None:
    sink = Answering(Outcome("too_large", "413"))
    with kettle(tmp_path, sink=sink) as telemetry:
        telemetry.track("undeclared")
        telemetry.track("tea_made")
        telemetry.track("tea_made")
        assert telemetry.flush()
    assert [envelope["dropped"] for envelope in sink.envelopes] == [{"undeclared_event": 1}, {}]


def test_the_day_is_said_to_be_sent_only_by_the_process_that_sends_it(tmp_path: Path) -> None:
    state = MemoryState()
    with kettle(tmp_path, state=state) as telemetry:
        state.swap("lease:daily", None, f"{'00' * 8} {int(time.time()) + 50}")
        telemetry.count("boiled")
        assert not telemetry.send_daily()
        state.swap("lease:daily", state.get("lease:daily"), None)
        assert telemetry.send_daily()


def test_a_name_from_a_stranger_makes_no_line_of_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry = kettle(tmp_path, environ={"KETTLE_TELEMETRY_DEBUG": "1"})
    telemetry.ingest([{"name": "page_view", "properties": {"x\n2026 ERROR forged\x1b[2J": 1}}])
    shown = capsys.readouterr().err
    assert "\nkettle" in shown
    assert all(line.startswith("kettle telemetry: ") for line in shown.splitlines())
    assert "\x1b" not in shown


def test_a_line_that_a_full_disk_cuts_short_is_an_error(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="No space"):
            append_line(str(tmp_path / "ledger.jsonl"), b"x" * 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("odd", [None, 5, [], b"x", "\0", "missing.toml"])
def test_no_catalogue_at_all_is_a_warning_and_telemetry_is_off(odd: Any) -> None:
    with pytest.warns(CatalogueWarning, match="Telemetry is off"):
        telemetry = Telemetry(odd, environ={})
    telemetry.track("tea_made")
    assert telemetry.status().lever == "catalogue"


@pytest.mark.parametrize("odd", [{"KETTLE_TELEMETRY_DISABLED": True}, {"DO_NOT_TRACK": 5}, 5])
def test_an_environment_that_cannot_be_read_is_a_no(odd: Any, tmp_path: Path) -> None:
    assert not kettle(tmp_path, environ=odd).status().enabled


def test_a_thread_that_cannot_be_started_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sink = Memory()
    with kettle(tmp_path, sink=sink) as telemetry:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            telemetry.track("tea_made")
            telemetry.snapshot("shelf")(lambda: {"sorts": 3})
            telemetry.send_daily()
        assert telemetry.status().note == "can't start new thread"
        telemetry.track("tea_made")
        assert telemetry.flush()
        assert telemetry.status().dropped == {}
    assert [event["name"] for event in sink.events] == ["tea_made", "tea_made", "shelf"]


def test_a_state_that_cannot_be_reached_for_a_while_ends_nothing(tmp_path: Path) -> None:
    class Restarting(MemoryState):
        away = True

        def get(self, key: str) -> str | None:
            if self.away:
                raise StateUnreachable("The database cannot be reached.")
            return super().get(key)

    state, sink = Restarting(), Memory()
    with kettle(tmp_path, state=state, sink=sink) as telemetry:
        telemetry.track("tea_made")
        telemetry.count("boiled")
        assert not telemetry.flush()
        assert (telemetry.status().enabled, sink.envelopes) == (True, [])
        state.away = False
        assert telemetry.flush()
    assert len(sink.events) == 1
    assert [value for _, value in state.items("counter:")] == ["1"]
