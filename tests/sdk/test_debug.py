"""Debug shows everything, sends nothing, and leaves standard output alone."""

from __future__ import annotations

from pathlib import Path

from tests.support import products
from tests.support.listener import listening

USE_IT = """
telemetry.track("tea_made", {"sort": "grandmother's secret", "cups": 5, "price": 3})
telemetry.count("boiled", 2)
telemetry.snapshot("shelf")(lambda: {"sorts": 3})
telemetry.track("undeclared")
print("the product's own output")
"""


def test_every_event_and_every_loss_is_on_standard_error_and_nothing_is_sent(tmp_path: Path) -> None:
    program = products.script(tmp_path, USE_IT)
    with listening() as collector:
        done = products.run(program, KETTLE_TELEMETRY_DEBUG="1", KETTLE_TELEMETRY_ENDPOINT=collector.url)
        assert collector.bodies == []
    assert done.stdout == "the product's own output\n"
    assert '{"name":"tea_made","properties":{"sort":"other","cups":"1-9"}}' in done.stderr
    assert '{"name":"boiled","count":2}' in done.stderr
    assert '{"name":"shelf","properties":{"sorts":"1-9"}}' in done.stderr
    assert "undeclared_property" in done.stderr
    assert "undeclared_event" in done.stderr
    assert "grandmother" not in done.stderr
    assert not (tmp_path / "state").exists()


def test_off_wins_over_debug(tmp_path: Path) -> None:
    done = products.run(
        products.script(tmp_path, USE_IT), KETTLE_TELEMETRY_DEBUG="1", KETTLE_TELEMETRY_DISABLED="1"
    )
    assert done.stderr == ""
