"""Kettle on Flask."""

from pathlib import Path

from flask import Flask, request
from windrow.integrations.flask import Windrow, telemetry

windrow = Windrow()


def create_app() -> Flask:
    app = Flask(__name__)
    app.config["WINDROW_CATALOGUE"] = Path(__file__).parents[1] / "telemetry.toml"
    app.config["WINDROW_APP_VERSION"] = "1.2.3"
    windrow.init_app(app)
    app.add_url_rule("/tea", view_func=make_tea, methods=["POST"])
    return app


def make_tea() -> str:
    telemetry.track("tea_made", {"sort": request.args["sort"], "cups": int(request.args["cups"])})
    telemetry.count("boiled")
    return "Tea is ready."
