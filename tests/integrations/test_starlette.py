"""The lifespan that closes telemetry, around an app's own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from starlette.applications import Starlette
from windrow import Telemetry
from windrow.integrations.starlette import close, lifespan
from windrow.sinks import Memory

from tests.support import products
from tests.support.listener import silent


def make(folder: Path, **variables: str) -> Telemetry:
    environ = {"KETTLE_TELEMETRY_DIR": str(folder / "state"), "KETTLE_TELEMETRY_GRACE": "0", **variables}
    sink = None if "KETTLE_TELEMETRY_ENDPOINT" in environ else Memory()
    return Telemetry(products.write_catalogue(folder), sink=sink, environ=environ)


def test_the_apps_own_lifespan_keeps_its_state_and_ends_after_the_last_batch(tmp_path: Path) -> None:
    telemetry = make(tmp_path)
    seen: list[object] = []

    @asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[dict[str, str]]:
        seen.append(app)
        yield {"pot": "blue"}
        seen.append(telemetry.status().lever)

    app = Starlette(lifespan=lifespan(telemetry, own))

    async def live() -> None:
        async with app.router.lifespan_context(app) as state:
            assert state == {"pot": "blue"}
            telemetry.track("tea_made", {"sort": "green"})

    asyncio.run(live())
    assert seen == [app, "closed"]
    assert telemetry.status().sent == 1


def test_a_start_that_fails_is_the_apps_own_error(tmp_path: Path) -> None:
    async def boil() -> None:
        raise RuntimeError("no water")

    @asynccontextmanager
    async def own(_: Starlette) -> AsyncIterator[None]:
        await boil()
        yield

    async def live() -> None:
        app = Starlette()
        async with lifespan(make(tmp_path), own)(app):
            pass

    with pytest.raises(RuntimeError, match="no water"):
        asyncio.run(live())


def test_nothing_is_begun_by_a_server_that_tracks_nothing(tmp_path: Path) -> None:
    before = threading.enumerate()
    telemetry = make(tmp_path)

    async def live() -> None:
        async with lifespan(telemetry)(Starlette()):
            assert [thread.name for thread in threading.enumerate() if thread not in before] == []

    asyncio.run(live())
    assert not (tmp_path / "state").exists()


def test_the_event_loop_runs_on_while_telemetry_closes_and_no_busy_thread_is_waited_for(
    tmp_path: Path,
) -> None:
    async def close_while_all_threads_are_busy(telemetry: Telemetry) -> int:
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        free = threading.Event()
        busy = asyncio.create_task(anyio.to_thread.run_sync(free.wait))
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(close(telemetry, 0.5))
        turns = 0
        while not closing.done():
            turns += 1
            await asyncio.sleep(0.01)
        free.set()
        await busy
        return turns

    with silent() as address:
        telemetry = make(tmp_path, KETTLE_TELEMETRY_ENDPOINT=address)
        telemetry.track("tea_made")
        begun = time.monotonic()
        assert asyncio.run(close_while_all_threads_are_busy(telemetry)) > 5
        assert time.monotonic() - begun < 5


def test_a_server_that_gives_up_waiting_still_closes_telemetry(tmp_path: Path) -> None:
    telemetry = make(tmp_path)

    async def live() -> None:
        with anyio.move_on_after(0.05):
            async with lifespan(telemetry)(Starlette()):
                telemetry.track("tea_made", {"sort": "green"})
                await anyio.sleep(20)

    asyncio.run(live())
    assert telemetry.status().lever == "closed"
    assert telemetry.status().sent == 1
