"""Kettle on nothing but WSGI."""

from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import parse_qs

from windrow import Telemetry
from windrow.wsgi import TelemetryApp

telemetry = Telemetry(Path(__file__).parents[1] / "telemetry.toml", app_version="1.2.3")
dashboard = TelemetryApp(telemetry)


def app(environ: dict[str, str], start_response: Callable[..., object]) -> Iterable[bytes]:
    if environ["PATH_INFO"].startswith("/telemetry/"):
        return dashboard(environ, start_response)
    asked = parse_qs(environ["QUERY_STRING"])
    telemetry.track("tea_made", {"sort": asked["sort"][0], "cups": int(asked["cups"][0])})
    telemetry.count("boiled")
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"Tea is ready."]
