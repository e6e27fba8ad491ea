"""Kettle on FastAPI."""

from pathlib import Path

from fastapi import FastAPI
from windrow import Telemetry
from windrow.asgi import TelemetryApp
from windrow.integrations.starlette import lifespan

telemetry = Telemetry(Path(__file__).parents[1] / "telemetry.toml", app_version="1.2.3")
app = FastAPI(lifespan=lifespan(telemetry))
app.mount("/telemetry", TelemetryApp(telemetry))


@app.post("/tea")
def make_tea(sort: str, cups: int) -> str:
    telemetry.track("tea_made", {"sort": sort, "cups": cups})
    telemetry.count("boiled")
    return "Tea is ready."
