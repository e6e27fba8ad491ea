"""The dashboard's routes within an app of Litestar that guards its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from litestar import Litestar, asgi
from litestar.config.csrf import CSRFConfig
from litestar.testing import AsyncTestClient
from litestar.types import Receive, Scope, Send
from windrow import Telemetry
from windrow.asgi import TelemetryApp
from windrow.sinks import Memory

from tests.support import products

EVENTS = {"events": [{"name": "page_view", "properties": {"route": "/"}}]}


@pytest.mark.parametrize(("exclude", "statuses"), [("/telemetry", [200, 403]), (None, [403, 403])])
def test_litestars_token_may_be_left_out_since_other_sites_are_refused(
    exclude: str | None, statuses: list[int], tmp_path: Path
) -> None:
    environ = {**products.ENVIRON, "KETTLE_TELEMETRY_DIR": str(tmp_path / "state")}
    dashboard = TelemetryApp(Telemetry(products.write_catalogue(tmp_path), sink=Memory(), environ=environ))

    @asgi("/telemetry", is_mount=True, copy_scope=True)
    async def routes(scope: Scope, receive: Receive, send: Send) -> None:
        await dashboard(scope, receive, send)

    app = Litestar([routes], csrf_config=CSRFConfig(secret="for the test only", exclude=exclude))

    async def ask(site: str) -> int:
        async with AsyncTestClient(app) as client:
            headers = {"sec-fetch-site": site}
            return (await client.post("/telemetry/events", json=EVENTS, headers=headers)).status_code

    assert [asyncio.run(ask(site)) for site in ("same-origin", "cross-site")] == statuses
