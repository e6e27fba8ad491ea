"""The collector in one process: what one sender does costs no other sender anything."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from windrow_server.app import App
from windrow_server.collector import Admission, Admitted, Collector, Requests
from windrow_server.collector.aside import Aside
from windrow_server.collector.body import read
from windrow_server.errors import Overloaded, Refusal
from windrow_server.inbox import Inbox
from windrow_server.meta import Meta
from windrow_server.settings import LIMIT, Settings

from tests.support.catalogue import envelope, event, sample

Answer = tuple[int, dict[bytes, bytes], Any]


class Watched(Admission):
    """Remembers the thread of each slow batch."""

    def __init__(self) -> None:
        super().__init__([sample()])
        self.threads: list[int] = []

    def slowly(self, body: bytes, now: float) -> Admitted:
        self.threads.append(threading.get_ident())
        return super().slowly(body, now)


class Sink:
    """An inbox that keeps everything in memory."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    async def put(self, rows: Any) -> None:
        self.rows += rows


def collector(admission: Admission | None = None) -> Collector:
    return Collector(cast(Inbox, Sink()), admission or Admission([sample()]))


async def ask(
    app: Any, receive: Callable[[], Coroutine[Any, Any, Any]], path: str = "/v1/batch", method: str = "POST"
) -> Answer:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "path": path, "method": method, "headers": []}, receive, send)
    start, body = sent
    return start["status"], dict(start["headers"]), json.loads(body["body"])


def whole(body: bytes) -> Callable[[], Coroutine[Any, Any, Any]]:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def never() -> Any:
    await asyncio.Event().wait()


def test_only_an_unusual_batch_is_looked_at_beside_the_event_loop() -> None:
    admission = Watched()
    good = asyncio.run(ask(collector(admission), whole(envelope([event()]))))
    assert (good[0], good[2]) == (200, {"accepted": 1, "refused": {}})
    assert admission.threads == []
    odd = asyncio.run(ask(collector(admission), whole(envelope([event(), 1]))))
    assert odd[2] == {"accepted": 1, "refused": {"malformed_event": 1}}
    assert len(admission.threads) == 1
    assert admission.threads[0] != threading.get_ident()


def test_unusual_batches_take_turns_and_what_waits_is_bounded() -> None:
    async def work() -> None:
        aside, free, running = Aside(), threading.Event(), []
        limit = LIMIT["waiting_bytes"]

        def call() -> None:
            running.append(1)
            free.wait(10)

        first, second = (asyncio.create_task(aside.run(limit // 2, call)) for _ in range(2))
        while not running:
            await asyncio.sleep(0.001)
        with pytest.raises(Overloaded):
            await aside.run(1, call)
        assert len(running) == 1
        free.set()
        await asyncio.gather(first, second)
        await aside.run(limit, call)
        assert len(running) == 3

    asyncio.run(work())


def test_a_body_that_never_begins_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMIT, "body_seconds", 0)
    with pytest.raises(Refusal, match="slow_body"):
        asyncio.run(asyncio.wait_for(read(never, [], sniff=False), 10))


def test_a_body_may_come_late_and_in_pieces() -> None:
    parts = [b"a", b"b", b"c"]

    async def receive() -> Any:
        await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    assert asyncio.run(read(receive, [], sniff=False)) == b"abc"


def test_who_still_sends_when_the_server_ends_is_told_to_come_again() -> None:
    async def work() -> Answer:
        task = asyncio.create_task(ask(collector(), never))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    status, headers, answer = asyncio.run(work())
    assert (status, answer["error"]) == (503, "overloaded")
    assert headers[b"retry-after"] == b"5"


def test_more_requests_than_can_be_held_are_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMIT, "connections", 1)
    app = App(collector(), cast(Requests, None), cast(Inbox, None), cast(Meta, None), Settings(tmp_path))

    async def work() -> list[Answer]:
        held = asyncio.create_task(ask(app, never))
        await asyncio.sleep(0)
        over = await ask(app, whole(b""))
        held.cancel()
        await held
        return [over, await ask(app, whole(envelope([event()])))]

    over, after = asyncio.run(work())
    assert (over[0], over[2]["error"], over[1][b"retry-after"]) == (503, "overloaded", b"5")
    assert after[0] == 200


def test_the_largest_unusual_batch_leaves_the_event_loop_free() -> None:
    async def work() -> int:
        beats, body = 0, b'{"a":[' + b'"\\ud800",' * 240_000 + b"1" * 6_000_000 + b"]}"
        task = asyncio.create_task(ask(collector(), whole(body)))
        while not task.done():
            await asyncio.sleep(0)
            beats += 1
        assert (await task)[0] == 400
        return beats

    assert asyncio.run(work()) > 2
