"""The two routes that the dashboard calls, driven as a server would drive them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow.asgi import LARGEST_BODY, TelemetryApp
from windrow.sinks import Memory

from tests.support import products

JSON = {"content-type": "application/json"}
VIEW = {"name": "page_view", "properties": {"route": "/teas/:id"}}


class Dashboard:
    def __init__(self, folder: Path, **options: Any) -> None:
        self.sink = Memory()
        environ = {
            **products.ENVIRON,
            "KETTLE_TELEMETRY_DIR": str(folder / "state"),
            **options.pop("environ", {}),
        }
        catalogue = products.write_catalogue(folder)
        self.telemetry = Telemetry(catalogue, sink=self.sink, environ=environ, **options)
        self._app = TelemetryApp(self.telemetry)

    def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] = JSON
    ) -> tuple[int, dict[str, Any]]:
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)] or [b""]
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": raw}
        asyncio.run(self._app(scope, receive, send))
        return sent[0]["status"], json.loads(sent[1]["body"])

    def post(self, events: object, **headers: str) -> tuple[int, dict[str, Any]]:
        return self.call("POST", "/telemetry/events", json.dumps({"events": events}).encode(), JSON | headers)


def test_the_dashboard_is_told_what_it_may_send(tmp_path: Path) -> None:
    status, config = Dashboard(tmp_path).call("GET", "/telemetry/config")
    assert status == 200
    assert config == {"enabled": True, "events": {"page_view": ["route"]}, "routes": ["/", "/teas/:id"]}


def test_what_the_dashboard_reports_is_sent_coarse(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path)
    secret = {"name": "page_view", "properties": {"route": "/teas/jasmine-for-alice"}}
    assert dashboard.post([VIEW, secret]) == (200, {"enabled": True, "accepted": 2})
    dashboard.telemetry.flush()
    assert [event["properties"]["route"] for event in dashboard.sink.events] == ["/teas/:id", "other"]
    dashboard.telemetry.close()


def test_the_dashboard_cannot_send_the_servers_events(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path)
    events = [{"name": "tea_made"}, {"name": "nonsense"}, 5, {"name": "page_view", "properties": 5}]
    assert dashboard.post(events) == (200, {"enabled": True, "accepted": 0})
    dropped = {"wrong_source": 1, "undeclared_event": 2, "malformed_event": 1}
    assert dashboard.telemetry.status().dropped == dropped


def test_more_events_than_fit_are_counted(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path)
    assert dashboard.post([VIEW] * 130)[1]["accepted"] == 100
    assert dashboard.telemetry.status().dropped == {"queue_full": 30}
    dashboard.telemetry.close()


@pytest.mark.parametrize("switch", [{"environ": {"DO_NOT_TRACK": "1"}}, {"config": {"telemetry": False}}])
def test_when_it_is_off_the_dashboard_is_told_so_and_nothing_is_taken(
    tmp_path: Path, switch: dict[str, Any]
) -> None:
    dashboard = Dashboard(tmp_path, **switch)
    assert dashboard.call("GET", "/telemetry/config") == (200, {"enabled": False})
    assert dashboard.post([VIEW]) == (200, {"enabled": False, "accepted": 0})
    assert not (tmp_path / "state").exists()


def test_a_configuration_that_changes_is_heeded_by_the_next_page(tmp_path: Path) -> None:
    config = {"telemetry": True}
    dashboard = Dashboard(tmp_path, config=lambda: config)
    assert dashboard.call("GET", "/telemetry/config")[1]["enabled"]
    config["telemetry"] = False
    assert dashboard.call("GET", "/telemetry/config") == (200, {"enabled": False})


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_are_refused(tmp_path: Path, site: str) -> None:
    status, answer = Dashboard(tmp_path).post([VIEW], **{"sec-fetch-site": site})
    assert (status, answer["error"]) == (403, "cross_site")


@pytest.mark.parametrize(
    ("body", "headers", "status", "slug"),
    [
        (b"{", JSON, 400, "not_json"),
        (b"[]", JSON, 400, "not_json"),
        (b"[" * 20_000, JSON, 400, "not_json"),
        (b"\xff", JSON, 400, "not_json"),
        (b" " * (LARGEST_BODY + 1), JSON, 413, "too_large"),
        (b'{"events": []}', {"content-type": "text/plain"}, 415, "not_json"),
    ],
)
def test_bad_requests_are_answered_with_what_to_do(
    tmp_path: Path, body: bytes, headers: dict[str, str], status: int, slug: str
) -> None:
    got, answer = Dashboard(tmp_path).call("POST", "/telemetry/events", body, headers)
    assert (got, answer["error"]) == (status, slug)
    assert answer["action"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/telemetry/events"), ("POST", "/config"), ("GET", "/")]
)
def test_there_is_nothing_else(tmp_path: Path, method: str, path: str) -> None:
    assert Dashboard(tmp_path).call(method, path)[0] == 404
