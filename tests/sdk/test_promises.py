"""Promises at the edges: digests, late events, changed minds, odd addresses, odd servers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow.sinks import Collector, Memory, Outcome
from windrow.state import MemoryState

from tests.support import products
from tests.support.listener import listening

DIGEST_IN_A_SNAPSHOT = """
[events.shelf.properties.owner]
type = "digest"
description = "Whose shelf."
"""


def kettle(folder: Path, more: str = "", **options: Any) -> Telemetry:
    path = folder / "telemetry.toml"
    path.write_text(products.CATALOGUE + more)
    options.setdefault("state", MemoryState())
    options["environ"] = {**products.ENVIRON, **options.get("environ", {})}
    return Telemetry(path, **options)


def test_a_digest_in_a_snapshot_is_never_plain(tmp_path: Path) -> None:
    sink = Memory()
    with kettle(tmp_path, DIGEST_IN_A_SNAPSHOT, sink=sink) as telemetry:
        telemetry.snapshot("shelf")(lambda: {"owner": "alice"})
        assert telemetry.flush()
    (event,) = sink.events
    assert len(event["properties"]["owner"]) == 64


def test_a_value_that_cannot_be_hashed_costs_only_itself(tmp_path: Path) -> None:
    sink = Memory()
    with kettle(tmp_path, sink=sink) as telemetry:
        telemetry.track("tea_made", {"sort": "green", "blend": "\ud800"})
        telemetry.track("tea_made", {"sort": "green", "blend": "x" * 1001})
        assert telemetry.flush()
        assert telemetry.status().dropped == {"invalid_value": 2}
    assert sink.events[1]["properties"] == {"sort": "green"}
    assert sink.events[0]["properties"] == {"sort": "green"}


def test_debug_does_not_show_the_value_behind_a_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with kettle(tmp_path, sink=Memory(), environ={"KETTLE_TELEMETRY_DEBUG": "1"}) as telemetry:
        telemetry.track("tea_made", {"blend": "acme special"})
    shown = capsys.readouterr()
    assert "acme" not in shown.err
    assert "(digest)" in shown.err
    assert shown.out == ""


class Hostile:
    """Nothing can be asked of it: not its hash, not its text, not its length."""

    def refuse(self, *_: object) -> Any:
        raise RuntimeError("no")

    __hash__ = __eq__ = __str__ = __repr__ = __iter__ = __bool__ = __float__ = refuse


@pytest.mark.parametrize(
    "odd", [5, [], {}, b"x", float("nan"), object, Hostile()], ids=lambda odd: type(odd).__name__
)
def test_an_odd_value_in_any_place_hurts_nobody(odd: Any, tmp_path: Path) -> None:
    sink = Memory()
    telemetry = kettle(tmp_path, sink=sink, context=odd, app_version=odd)
    telemetry.track(odd)
    telemetry.track("tea_made", odd)
    telemetry.track("tea_made", {"sort": odd})
    telemetry.count(odd)
    telemetry.count("boiled", odd)
    telemetry.snapshot(odd)
    telemetry.snapshot("shelf")(odd)
    telemetry.ingest(odd)
    telemetry.ingest([odd, {"name": odd}])
    telemetry.flush(odd)
    telemetry.track("tea_made", {"sort": "green"})
    assert telemetry.flush()
    telemetry.close(odd)
    assert {"sort": "green"} in [event["properties"] for event in sink.events]
    assert telemetry.status().dropped


def test_what_comes_after_close_is_counted(tmp_path: Path) -> None:
    telemetry = kettle(tmp_path, sink=Memory())
    telemetry.track("tea_made")
    telemetry.close()
    telemetry.close()
    telemetry.track("tea_made")
    telemetry.count("boiled")
    assert telemetry.status().dropped == {"closed": 2}
    assert telemetry.status().lever == "closed"


def test_a_snapshot_that_fails_is_asked_once_a_day_too(tmp_path: Path) -> None:
    asked = []

    def failing() -> dict[str, object]:
        asked.append(1)
        raise RuntimeError("no shelf")

    with kettle(tmp_path, sink=Memory()) as telemetry:
        telemetry.snapshot("shelf")(failing)
        for _ in range(3):
            telemetry.flush()
        assert telemetry.status().dropped == {"snapshot_failed": 1}
    assert len(asked) == 1


def test_a_changed_mind_stops_the_batches_that_are_still_to_come(tmp_path: Path) -> None:
    config = {"telemetry": True}

    class SwitchesOff(Memory):
        def send(self, body: bytes, timeout: float) -> Outcome:
            config["telemetry"] = False  # the operator decides while the first batch is on its way
            return super().send(body, timeout)

    sink = SwitchesOff()
    telemetry = kettle(tmp_path, sink=sink, config=lambda: config)
    for _ in range(1200):
        telemetry.track("tea_made")
    telemetry.flush()
    telemetry.close()
    assert len(sink.envelopes) == 1
    assert telemetry.status().queued == 0


@pytest.mark.parametrize("address", ["localhost:7717", "http://", "http://host:port", "ftp://host", "::"])
def test_an_address_that_is_none_is_said_and_hurts_nobody(tmp_path: Path, address: str) -> None:
    telemetry = kettle(tmp_path, environ={"KETTLE_TELEMETRY_ENDPOINT": address})
    telemetry.track("tea_made")
    assert not telemetry.flush()
    assert telemetry.status().enabled
    telemetry.close()
    assert Collector(address).send(b"{}", 1.0).detail == "not an http(s) address"


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, ("delivered", 0)),
        (302, {"Location": "/elsewhere"}, ("later", 0)),
        (503, {"Retry-After": "7"}, ("later", 7)),
        (429, {"Retry-After": "soon"}, ("later", 0)),
        (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, ("later", 0)),
        (500, {}, ("later", 0)),
        (413, {}, ("too_large", 0)),
        (400, {}, ("refused", 0)),
        (401, {}, ("refused", 0)),
    ],
)
def test_the_status_of_the_reply_decides_and_no_redirect_is_followed(
    status: int, headers: dict[str, str], outcome: tuple[str, float]
) -> None:
    with listening() as server:
        server.replies = [(status, headers)]
        got = Collector(server.url).send(b"{}", 5.0)
        assert (got.status, got.after) == outcome
        assert len(server.paths) == (status == 200)


def test_a_server_that_asks_for_a_pause_gets_it(tmp_path: Path) -> None:
    with listening() as server:
        server.replies = [(503, {"Retry-After": "600"})]
        telemetry = kettle(tmp_path, sink=Collector(server.url))
        telemetry.track("tea_made")
        assert not telemetry.flush()
        began = time.monotonic()
        telemetry.close()
        assert server.bodies == []
        assert time.monotonic() - began < 5.0
