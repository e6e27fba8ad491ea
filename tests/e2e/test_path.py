"""The whole path with real processes: senders, collector, store, and a browser that reads the answers."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from posthog import Posthog
from windrow.catalogue import load

from tests.support import products
from tests.support.browser import chromium
from tests.support.insights import Insights
from tests.support.posthog import KEY, posthog
from tests.support.server import RunningServer, running_server
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
HAY = ROOT / "hay" / "telemetry.toml"
pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("collector")
    with running_server(folder, [HAY, products.write_catalogue(folder)]) as running:
        yield running


def clean_environment(**more: str) -> dict[str, str]:
    return {**products.without_switches(), "HAY_TELEMETRY_GRACE": "0", **more}


@contextmanager
def running_hay(folder: Path, collector: str, **variables: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "hay", "--port", str(port), "--data", str(folder)],
        env=clean_environment(
            HAY_TELEMETRY_ENDPOINT=collector,
            HAY_TELEMETRY_DIR=str(folder / "telemetry"),
            HAY_TELEMETRY_FLUSH="0.2",
            CANARY_IN_THE_ENVIRONMENT="canary-environment",
            **variables,
        ),
    )
    try:
        eventually(lambda: connects(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        # uvicorn ends in order, and then lets the signal have its way.
        assert process.wait(20) in (0, -signal.SIGTERM)


def connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def click_through(browser: Browser, url: str) -> None:
    """Do in Hay what its catalogue knows of; every free text is a canary."""
    page = browser.new_page()
    page.goto(f"{url}/agents?token=canary-query")
    page.fill("[name=name]", "canary-agent")
    page.click("text=Create agent")
    page.click("text=canary-agent")
    page.goto(f"{url}/agents")
    page.click("text=Delete")
    page.goto(f"{url}/plugins")
    page.fill("[name=name]", "canary-plugin")
    page.select_option("[name=type]", "playbook")
    page.click("text=Install plugin")
    page.click("text=Remove")
    page.goto(f"{url}/conversations")
    page.fill("[name=title]", "canary-title")
    page.click("text=Start conversation")
    page.goto(f"{url}/settings/telemetry")
    page.click("text=Send today")
    page.wait_for_selector("[role=status]")
    page.close()


def test_what_is_clicked_in_hay_is_on_the_insights_page(
    server: RunningServer, browser: Browser, tmp_path: Path
) -> None:
    insights = Insights(browser, server.url, server.admin_token)
    with running_hay(tmp_path, server.url) as hay:
        click_through(browser, hay)
        declared = set(load(HAY).events)
        eventually(lambda: declared <= set(insights.events()), within=30)
    insights.close()


def test_unmodified_posthog_sdks_arrive_and_what_is_not_declared_is_counted(
    server: RunningServer, browser: Browser
) -> None:
    insights = Insights(browser, server.url, server.admin_token)
    before = sum(sum(row) for row in insights.table("other_kinds").values())
    key = load(HAY).product.key
    client = Posthog(key, host=server.url)
    for _ in range(5):
        client.capture("plugin_installed", distinct_id="canary-python-sender", properties={"type": "channel"})
    client.capture("canary_undeclared", distinct_id="canary-python-sender")
    client.shutdown()
    script = ROOT / "tests" / "e2e" / "send_with_posthog_node.mjs"
    subprocess.run(["node", str(script), server.url, key], cwd=ROOT, check=True, timeout=60)
    eventually(lambda: sum(insights.table("refusals").get("undeclared_event", [0])) >= 2, within=30)
    eventually(lambda: sum(sum(row) for row in insights.table("other_kinds").values()) > before, within=30)
    insights.close()


def test_a_thousand_events_of_a_process_that_ends_are_all_counted(
    server: RunningServer, browser: Browser, tmp_path: Path
) -> None:
    program = products.script(
        tmp_path,
        'for cups in range(1000):\n    telemetry.track("tea_made", {"sort": "green", "cups": cups})\n',
    )
    done = products.run(program, KETTLE_TELEMETRY_ENDPOINT=server.url)
    assert done.returncode == 0
    ledger = (tmp_path / "state" / "ledger.jsonl").read_text()
    assert ledger.count('"outcome":"delivered 200"') >= 2
    insights = Insights(browser, server.url, server.admin_token, "kettle")
    eventually(lambda: 1000 in insights.events().get("tea_made", []), within=30)
    insights.close()


def test_the_sdk_sends_to_posthog_as_posthog_and_operators_want_it(tmp_path: Path) -> None:
    program = products.script(
        tmp_path,
        """
        telemetry.track("tea_made", {"sort": "green", "cups": 5})
        telemetry.track("tea_made", {"sort": "canary"})
        telemetry.count("boiled")
        telemetry.send_daily()
        telemetry.flush()
        """,
    )
    catalogue = tmp_path / "telemetry.toml"
    with posthog() as cloud:
        text = catalogue.read_text().replace('key = "wk_kettle_tests"', f'key = "{KEY}"\nsink = "posthog"')
        catalogue.write_text(text.replace("https://telemetry.kettle.example", cloud.url))
        cloud.lose_replies = 1
        assert products.run(program, KETTLE_TELEMETRY_FLUSH="0.05").returncode == 0
        assert cloud.refused == []
        events = list(cloud.events.values())
    assert sorted(event["event"] for event in events) == ["boiled", "tea_made", "tea_made"]
    assert len({event["distinct_id"] for event in events}) == 1
    assert {event["properties"].get("sort") for event in events} == {None, "green", "other"}
    assert all(event["properties"]["app_version"] == "1.2.3" for event in events)


def test_a_hay_that_is_switched_off_makes_no_telemetry_request(
    server: RunningServer, browser: Browser, tmp_path: Path
) -> None:
    with running_hay(tmp_path, server.url, HAY_TELEMETRY_DISABLED="1") as hay:
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{hay}/agents")
        page.fill("[name=name]", "canary-agent")
        page.click("text=Create agent")
        page.goto(f"{hay}/plugins")
        page.wait_for_load_state("networkidle")
        page.close()
    assert [url for url in asked if "/telemetry/events" in url] == []
    assert not (tmp_path / "telemetry").exists()


def test_no_canary_is_in_any_file_of_the_collector(server: RunningServer) -> None:
    for file in server.data.rglob("*"):
        if file.is_file():
            assert b"canary" not in file.read_bytes(), f"{file} holds a canary"
    assert "canary" not in "".join(server.output)
