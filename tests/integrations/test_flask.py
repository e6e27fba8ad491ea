"""The Flask extension, in apps that a factory makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from windrow import CatalogueWarning
from windrow.integrations.flask import Windrow, telemetry
from windrow.sinks import Memory

from tests.support import products

EVENTS = {"events": [{"name": "page_view", "properties": {"route": "/"}}]}


def make(folder: Path, windrow: Windrow | None = None, **config: Any) -> Flask:
    folder.mkdir(exist_ok=True)
    app = Flask(__name__)
    app.config.update(WINDROW_CATALOGUE=products.write_catalogue(folder), WINDROW_SINK=Memory(), **config)
    environ = {"KETTLE_TELEMETRY_DIR": str(folder / "state"), "KETTLE_TELEMETRY_GRACE": "0"}
    if windrow is None:
        Windrow(app, environ=environ)
    else:
        windrow.init_app(app)
    return app


def test_each_app_has_telemetry_of_its_own(tmp_path: Path) -> None:
    windrow = Windrow(environ={"KETTLE_TELEMETRY_DIR": str(tmp_path / "state")})
    one, other = (make(tmp_path / name, windrow) for name in ("one", "other"))
    with one.app_context():
        telemetry.track("tea_made", {"sort": "green"})
        assert telemetry.status().queued == 1
    with other.app_context():
        assert telemetry.status().queued == 0
    one.extensions["windrow"].close()


def test_the_configuration_is_asked_again_and_switches_it_off(tmp_path: Path) -> None:
    app = make(tmp_path)
    client = app.test_client()
    assert client.get("/telemetry/config").get_json()["enabled"]
    app.config["WINDROW_TELEMETRY"] = False
    assert client.get("/telemetry/config").get_json() == {"enabled": False}
    assert client.post("/telemetry/events", json=EVENTS).get_json() == {"enabled": False, "accepted": 0}


def test_the_dashboard_may_be_served_elsewhere(tmp_path: Path) -> None:
    client = make(tmp_path, WINDROW_URL_PREFIX="/own/place").test_client()
    assert client.get("/own/place/config").get_json()["enabled"]
    assert client.get("/telemetry/config").status_code == 404


def test_an_app_without_a_catalogue_serves_on_and_telemetry_is_off() -> None:
    app = Flask(__name__)
    with pytest.warns(CatalogueWarning):
        Windrow(app)
    assert app.test_client().get("/telemetry/config").get_json() == {"enabled": False}


def test_a_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    client = make(tmp_path).test_client()
    answer = client.post("/telemetry/events", data=b" " * 40_000, content_type="application/json")
    assert answer.status_code == 413
