"""The two routes that the dashboard calls, driven as a server of either kind would drive them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, MutableMapping
from io import BytesIO
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from windrow import Telemetry, asgi, wsgi
from windrow.asgi import LARGEST_BODY
from windrow.sinks import Memory

from tests.support import products

JSON = {"content-type": "application/json"}
VIEW = {"name": "page_view", "properties": {"route": "/teas/:id"}}


Call = Callable[[str, str, bytes, dict[str, str]], tuple[int, dict[str, Any]]]


def under_asgi(telemetry: Telemetry) -> Call:
    app = asgi.TelemetryApp(telemetry)

    def call(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)] or [b""]
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": raw}
        asyncio.run(app(scope, receive, send))
        return sent[0]["status"], json.loads(sent[1]["body"])

    return call


def under_wsgi(telemetry: Telemetry) -> Call:
    app = validator(wsgi.TelemetryApp(telemetry))

    def call(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        named = {f"HTTP_{name.replace('-', '_').upper()}": value for name, value in headers.items()}
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            **named,
        }
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = BytesIO(body + b"the next request")
        setup_testing_defaults(environ)
        statuses: list[str] = []

        def start_response(status: str, *_: Any) -> Any:
            statuses.append(status)

        answer = app(environ, start_response)
        try:
            content = b"".join(answer)
        finally:
            answer.close()  # type: ignore[attr-defined]  # the validator's iterator has it
        return int(statuses[0].split()[0]), json.loads(content)

    return call


class Dashboard:
    shell: Callable[[Telemetry], Call]

    def __init__(self, folder: Path, **options: Any) -> None:
        self.sink = Memory()
        environ = {
            **products.ENVIRON,
            "KETTLE_TELEMETRY_DIR": str(folder / "state"),
            **options.pop("environ", {}),
        }
        catalogue = products.write_catalogue(folder)
        self.telemetry = Telemetry(catalogue, sink=self.sink, environ=environ, **options)
        self._call = type(self).shell(self.telemetry)

    def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] = JSON
    ) -> tuple[int, dict[str, Any]]:
        return self._call(method, path, body, headers)

    def post(self, events: object, **headers: str) -> tuple[int, dict[str, Any]]:
        return self.call("POST", "/telemetry/events", json.dumps({"events": events}).encode(), JSON | headers)


@pytest.fixture(params=[under_asgi, under_wsgi], autouse=True)
def _shell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dashboard, "shell", staticmethod(request.param), raising=False)


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


def test_a_body_of_unknown_length_is_read_where_the_server_knows_its_end(tmp_path: Path) -> None:
    app = wsgi.TelemetryApp(Dashboard(tmp_path).telemetry)
    body = json.dumps({"events": [VIEW]}).encode()
    for ended, status in ((True, "200 OK"), (False, "400 Bad Request")):
        environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/events", "CONTENT_TYPE": "application/json"}
        answers: list[str] = []

        def start_response(status: str, *_: Any, answers: list[str] = answers) -> Any:
            answers.append(status)

        list(app({**environ, "wsgi.input": BytesIO(body), "wsgi.input_terminated": ended}, start_response))
        assert answers == [status]
