"""One resolver decides whether anything may be sent; whatever is not plainly a yes to sending is a no."""

from __future__ import annotations

from typing import Any

import pytest
from windrow._gate import LEVERS, decide
from windrow._settings import endpoint, flush_seconds, folder
from windrow.catalogue import loads

from tests.support import products

KETTLE = loads(products.CATALOGUE).product
OFF = ["1", "true", "TRUE", "yes", "Yes", "on", "y", "t", " 1 ", "garbage", "2", "nope", "\udcff"]
ON = ["0", "false", "FALSE", "off", "no", "n", "f", "", " "]


def failing() -> bool:
    raise OSError("the configuration is gone")


@pytest.mark.parametrize("lever", ["KETTLE_TELEMETRY_DISABLED", "DO_NOT_TRACK"])
@pytest.mark.parametrize("value", OFF)
def test_every_spelling_of_yes_and_all_garbage_switch_it_off(lever: str, value: str) -> None:
    decision = decide(KETTLE, {lever: value}, None)
    assert (decision.enabled, decision.lever, decision.value) == (False, lever, value)


@pytest.mark.parametrize("lever", ["KETTLE_TELEMETRY_DISABLED", "DO_NOT_TRACK"])
@pytest.mark.parametrize("value", ON)
def test_every_spelling_of_no_leaves_it_on(lever: str, value: str) -> None:
    assert decide(KETTLE, {lever: value}, None).enabled


@pytest.mark.parametrize(
    ("config", "enabled"),
    [
        (None, True),
        ({}, True),
        ({"telemetry": True}, True),
        ({"telemetry": 1}, True),
        ({"telemetry": "yes"}, True),
        ({"telemetry": {"enabled": True}}, True),
        ({"telemetry": {}}, True),
        (lambda: True, True),
        (lambda: {"telemetry": True}, True),
        ({"telemetry": False}, False),
        ({"telemetry": 0}, False),
        ({"telemetry": "false"}, False),
        ({"telemetry": "perhaps"}, False),
        ({"telemetry": None}, False),
        ({"telemetry": {"enabled": False}}, False),
        (lambda: False, False),
        (lambda: None, False),
        (lambda: {"telemetry": False}, False),
        (lambda: "text", False),
        (failing, False),
    ],
)
def test_the_configuration_of_the_product_is_asked_and_fails_closed(config: Any, enabled: bool) -> None:
    decision = decide(KETTLE, {}, config)
    assert (decision.enabled, decision.lever) == (enabled, "default" if enabled else "config")


def test_the_first_lever_of_the_table_that_says_no_is_named() -> None:
    order = [name.replace("{PRODUCT}", "KETTLE") for name, _ in LEVERS]
    levers = {"KETTLE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"}
    assert decide(KETTLE, levers, {"telemetry": False}).lever == "KETTLE_TELEMETRY_DISABLED"
    assert order.index("KETTLE_TELEMETRY_DISABLED") < order.index("DO_NOT_TRACK") < order.index("config")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1", 1.0), ("0", 0.05), ("-5", 0.05), ("soon", 30.0), ("nan", 30.0), ("inf", 86_400.0)],
)
def test_an_odd_interval_becomes_a_sane_one(text: str, seconds: float) -> None:
    assert flush_seconds(KETTLE, {"KETTLE_TELEMETRY_FLUSH": text}) == seconds


def test_the_folder_and_the_endpoint_follow_the_environment() -> None:
    assert folder(KETTLE, {"HOME": "/home/tea"}) == "/home/tea/.local/state/kettle/telemetry"
    assert folder(KETTLE, {"HOME": "/home/tea", "XDG_STATE_HOME": "/x"}) == "/x/kettle/telemetry"
    assert folder(KETTLE, {"HOME": "/home/tea", "KETTLE_TELEMETRY_DIR": "/here"}) == "/here"
    assert folder(KETTLE, {}) == ""
    assert endpoint(KETTLE, {}) == "https://telemetry.kettle.example"
    assert endpoint(KETTLE, {"KETTLE_TELEMETRY_ENDPOINT": "http://127.0.0.1:1/"}) == "http://127.0.0.1:1"
