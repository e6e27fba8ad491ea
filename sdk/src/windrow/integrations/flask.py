"""Windrow in Flask: an extension, and the dashboard's routes. For other WSGI products there is `windrow.wsgi`."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.local import LocalProxy

from windrow import Telemetry
from windrow._dashboard import HEADERS, open_request, read_body, take_events

#: What `app.config` may have, and what it is for `Telemetry`; `WINDROW_TELEMETRY = False` switches it off.
KEYS = {
    "WINDROW_CATALOGUE": "catalogue",
    "WINDROW_APP_VERSION": "app_version",
    "WINDROW_CONTEXT": "context",
    "WINDROW_SINK": "sink",
    "WINDROW_STATE": "state",
    "WINDROW_NOTICE": "notice",
}


class Windrow:
    """Telemetry of each app that it is given to, by the app's configuration. Starts nothing before the first event.

    `options` go to `Telemetry`, where the configuration says nothing. The dashboard is served below
    `WINDROW_URL_PREFIX` (`/telemetry`).
    """

    def __init__(self, app: Flask | None = None, **options: Any) -> None:
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Make the app's `Telemetry`, and register the dashboard's routes."""
        configured = {name: app.config[key] for key, name in KEYS.items() if key in app.config}
        options = {"catalogue": "", "config": _configuration(app), **self._options, **configured}
        app.extensions["windrow"] = Telemetry(**options)
        app.register_blueprint(_blueprint(), url_prefix=app.config.get("WINDROW_URL_PREFIX", "/telemetry"))


#: The `Telemetry` of the app that is handling the request.
telemetry = cast("Telemetry", LocalProxy(lambda: current_app.extensions["windrow"]))


def _configuration(app: Flask) -> Any:
    return lambda: {"telemetry": app.config.get("WINDROW_TELEMETRY", True)}


def _blueprint() -> Blueprint:
    blueprint = Blueprint("windrow", __name__)
    blueprint.add_url_rule("/config", "config", _answer, methods=["GET"])
    blueprint.add_url_rule("/events", "events", _answer, methods=["POST"])
    return blueprint


def _answer() -> Response:
    answer = open_request(telemetry, request.method, request.path, request.headers)
    if answer is None:
        answer = take_events(telemetry, read_body(request.stream, None))
    return Response(answer.body, answer.status, dict(HEADERS))
