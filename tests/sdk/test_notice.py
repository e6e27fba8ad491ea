"""Nothing leaves before the notice and its grace; a release that collects more asks again."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow._notice import agreed
from windrow.catalogue import load
from windrow.sinks import Memory
from windrow.state import FileState, MemoryState

from tests.support import products

NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z
MORE = """
[events.lid_opened]
description = "The lid was opened."
why = "Whether lids matter."
"""


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Kettle:
    """One process after the other of one instance; `shown` are the notices of all of them."""

    def __init__(self, folder: Path, grace: str = "600") -> None:
        self.folder, self.state, self.sink, self.clock = folder, MemoryState(), Memory(), Clock()
        self.shown: list[str] = []
        self.environ = {"KETTLE_TELEMETRY_GRACE": grace}

    def start(self, more: str = "", **options: Any) -> Telemetry:
        path = self.folder / "telemetry.toml"
        path.write_text(products.CATALOGUE + more)
        given = {"sink": self.sink, "state": self.state, "clock": self.clock, "environ": self.environ}
        return Telemetry(path, app_version="1.2.3", **{**given, "notice": self.shown.append, **options})


@pytest.fixture
def kettle(tmp_path: Path) -> Kettle:
    return Kettle(tmp_path)


def test_nothing_leaves_before_the_grace_is_over_and_then_all_that_waited(kettle: Kettle) -> None:
    with kettle.start() as telemetry:
        telemetry.track("tea_made", {"sort": "green"})
        assert not telemetry.flush()
        assert "grace" in telemetry.status().note
        assert kettle.sink.envelopes == []
        assert kettle.state.get("secret") is None, "not even an id is made"
    kettle.clock.now += 601
    with kettle.start() as telemetry:
        telemetry.track("tea_made", {"sort": "black"})
        assert telemetry.flush()
    assert [event["properties"]["sort"] for event in kettle.sink.events] == ["black"]
    assert len(kettle.shown) == 1
    assert "Nothing is sent before 10 minutes have passed" in kettle.shown[0]


def test_a_clock_that_jumps_ahead_does_not_end_the_grace_of_this_process(kettle: Kettle) -> None:
    with kettle.start() as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
        kettle.clock.now += 3 * 365 * 86_400
        assert not telemetry.flush()
    assert kettle.sink.envelopes == []


def test_a_clock_that_is_put_back_begins_the_grace_anew(kettle: Kettle) -> None:
    kettle.start().close()
    with kettle.start() as telemetry:
        telemetry.track("tea_made")
        telemetry.flush()
    kettle.clock.now -= 86_400
    for minutes, sent in ((0, 0), (9, 0), (11, 1)):
        kettle.clock.now += 60 * minutes
        with kettle.start() as telemetry:
            telemetry.track("tea_made")
            telemetry.flush()
        assert len(kettle.sink.envelopes) == sent


def test_a_release_that_collects_more_asks_again_and_only_what_is_new_waits(kettle: Kettle) -> None:
    kettle.state.swap("notice", None, agreed(load(products.write_catalogue(kettle.folder))))
    with kettle.start(MORE) as telemetry:
        telemetry.track("lid_opened")
        telemetry.track("tea_made", {"sort": "green"})
        assert not telemetry.flush(), "the new event still waits"
        assert [event["name"] for event in kettle.sink.events] == ["tea_made"]
        assert telemetry.status().queued == 1
    assert len(kettle.shown) == 1
    assert "(lid_opened)" in kettle.shown[0]
    kettle.clock.now += 601
    with kettle.start(MORE) as telemetry:
        telemetry.track("lid_opened")
        assert telemetry.flush()
    assert [event["name"] for event in kettle.sink.events] == ["tea_made", "lid_opened"]
    assert len(kettle.shown) == 1


def test_a_new_fact_is_left_out_until_it_was_shown(kettle: Kettle) -> None:
    kettle.state.swap("notice", None, agreed(load(products.write_catalogue(kettle.folder))))
    more = '\n[context.stove]\ntype = "choice"\nvalues = ["gas", "wood"]\nwhy = "Tests."\n'
    for seconds in (0, 601):
        kettle.clock.now += seconds
        with kettle.start(more, context={"stove": "gas"}) as telemetry:
            telemetry.track("tea_made")
            assert telemetry.flush()
    assert [sorted(e["context"]) for e in kettle.sink.envelopes] == [
        ["app_version"],
        ["app_version", "stove"],
    ]


def test_a_catalogue_that_collects_less_or_says_it_otherwise_asks_nobody(kettle: Kettle) -> None:
    kettle.state.swap("notice", None, agreed(load(products.write_catalogue(kettle.folder))))
    less = products.CATALOGUE.replace('values = ["green", "black"]', 'values = ["green"]')
    path = kettle.folder / "less.toml"
    path.write_text(less.replace("Which sorts to stock.", "Why not."))
    given: Any = {"state": kettle.state, "sink": kettle.sink, "environ": kettle.environ}
    with Telemetry(path, clock=kettle.clock, notice=kettle.shown.append, **given) as telemetry:
        telemetry.track("tea_made")
        assert telemetry.flush()
    assert kettle.shown == []


@pytest.mark.parametrize("row", ["", "x", "1", "1 2", "-5 a b", "9" * 30 + " a b"])
def test_a_row_that_cannot_be_understood_was_not_shown(kettle: Kettle, row: str) -> None:
    kettle.state.swap("notice", None, row)
    with kettle.start() as telemetry:
        telemetry.track("tea_made")
        assert not telemetry.flush()
    assert len(kettle.shown) == 1
    assert kettle.sink.envelopes == []


@pytest.mark.parametrize("tell", [lambda _: False, lambda _: 1 / 0])
def test_where_nobody_could_read_the_notice_nothing_is_sent(kettle: Kettle, tell: Any) -> None:
    kettle.environ = dict(products.ENVIRON)
    with kettle.start(notice=tell) as telemetry:
        telemetry.track("tea_made")
        assert not telemetry.flush()
        assert "could not be shown" in telemetry.status().note
    assert kettle.sink.envelopes == []
    assert kettle.state.get("notice") is None


@pytest.mark.parametrize("stream", [None, io.StringIO()], ids=["absent", "closed"])
def test_without_standard_error_nothing_is_sent(
    kettle: Kettle, stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stream is not None:
        stream.close()
    kettle.environ = dict(products.ENVIRON)
    path = products.write_catalogue(kettle.folder)
    with Telemetry(path, sink=kettle.sink, state=kettle.state, environ=kettle.environ) as telemetry:
        monkeypatch.setattr(sys, "stderr", stream)
        telemetry.track("tea_made")
        assert not telemetry.flush()
    assert kettle.sink.envelopes == []


def test_the_operators_yes_needs_no_grace(tmp_path: Path) -> None:
    kettle = Kettle(tmp_path)
    state = FileState(str(tmp_path))
    state.swap("consent", None, f"on {int(NOON)}")
    state.swap("notice", None, agreed(load(products.write_catalogue(tmp_path))))
    with kettle.start(state=state) as telemetry:
        telemetry.track("tea_made")
        assert telemetry.flush()
    assert kettle.shown == []


@pytest.mark.parametrize(
    ("said", "waits"), [("", True), ("abc", True), ("nan", True), ("0", False), ("-1", False)]
)
def test_an_odd_grace_is_the_catalogues(kettle: Kettle, said: str, waits: bool) -> None:
    kettle.environ = {"KETTLE_TELEMETRY_GRACE": said}
    with kettle.start() as telemetry:
        telemetry.track("tea_made")
        assert telemetry.flush() is not waits
