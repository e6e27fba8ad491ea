"""Kettle on Litestar."""

from pathlib import Path

from litestar import Litestar, asgi, post
from litestar.types import Receive, Scope, Send
from windrow import Telemetry
from windrow.asgi import TelemetryApp

telemetry = Telemetry(Path(__file__).parents[1] / "telemetry.toml", app_version="1.2.3")
dashboard = TelemetryApp(telemetry)


@asgi("/telemetry", is_mount=True, copy_scope=True)
async def telemetry_routes(scope: Scope, receive: Receive, send: Send) -> None:
    await dashboard(scope, receive, send)


@post("/tea", sync_to_thread=True)
def make_tea(sort: str, cups: int) -> str:
    telemetry.track("tea_made", {"sort": sort, "cups": cups})
    telemetry.count("boiled")
    return "Tea is ready."


app = Litestar([telemetry_routes, make_tea], on_shutdown=[lambda: telemetry.close()])
