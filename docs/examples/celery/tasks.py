"""Kettle's worker."""

from pathlib import Path

from celery import Celery
from windrow import Telemetry
from windrow.integrations.celery import connect

telemetry = Telemetry(Path(__file__).parents[1] / "telemetry.toml", app_version="1.2.3")
connect(telemetry)

app = Celery("kettle", broker="redis://localhost")


@app.task
def make_tea(sort: str, cups: int) -> None:
    telemetry.track("tea_made", {"sort": sort, "cups": cups})
    telemetry.count("boiled")
