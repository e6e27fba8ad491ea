"""Django's own commands and handlers, over a real database."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.support import serving
from tests.support.listener import Listener, listening

pytestmark = pytest.mark.e2e

SECOND = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("teas", "0001_teas")]
    operations = [migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)]
"""
IN_PROCESS = """
import json, os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "kettle.settings"
django.setup()
from django.conf import settings
from django.test import AsyncClient, Client, override_settings
from windrow.integrations.django import telemetry

settings.ALLOWED_HOSTS.append("testserver")
"""


def told(collector: Listener) -> list[str]:
    return [e["properties"]["name"] for e in collector.events if e["name"] == "migration_run"]


def run(example: Path, env: dict[str, str], code: str) -> str:
    (example / "program.py").write_text(IN_PROCESS + code)
    return serving.run("program.py", example, env)


def test_each_migration_is_told_when_it_is_applied_and_never_again(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        for _ in range(2):
            serving.run("manage.py migrate", example, env)
        assert told(collector) == ["0001_teas"]
        (example / "teas" / "migrations" / "0002_pots.py").write_text(SECOND)
        serving.run("manage.py migrate", example, env)
        serving.run("manage.py migrate teas 0001", example, env)
        assert told(collector) == ["0001_teas", "0002_pots"]


def test_a_migration_may_be_listed_with_its_app_and_without_a_choice_all_apps_are_told(
    tmp_path: Path,
) -> None:
    example = serving.copy_example(tmp_path, "django")
    catalogue = example.parent / "telemetry.toml"
    catalogue.write_text(catalogue.read_text().replace('"0001_teas", "0002_pots"', '"teas.0001_teas"'))
    settings = example / "kettle" / "settings.py"
    settings.write_text(settings.read_text().replace('"MIGRATIONS": ["teas"],', ""))
    with listening() as collector:
        serving.run("manage.py migrate", example, serving.environment(tmp_path, collector.url))
        assert sorted(told(collector)) == ["custom", "teas.0001_teas"]  # the first is Windrow's own


def test_the_settings_switch_it_off_at_once(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        code = """
settings.WINDROW["TELEMETRY"] = False
assert Client().get("/telemetry/config").json() == {"enabled": False}
telemetry.track("tea_made", {"sort": "green"})
assert telemetry.status().lever == "config"
"""
        run(example, env, code)
        assert collector.bodies == []
    assert not (tmp_path / "state").exists()


def test_changed_settings_make_another_telemetry(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    with listening() as collector:
        code = """
assert telemetry.is_enabled()
with override_settings(WINDROW={**settings.WINDROW, "TELEMETRY": False}):
    assert not telemetry.is_enabled()
assert telemetry.is_enabled()
"""
        run(example, serving.environment(tmp_path, collector.url), code)


REQUESTS = """
body = json.dumps({"events": [{"name": "page_view", "properties": {"route": "/"}}]})
requests = [
    {"content_type": "application/json"},
    {"content_type": "application/json", "headers": {"sec-fetch-site": "cross-site"}},
    {"content_type": "text/plain"},
]
"""
SYNC = """
client = Client(enforce_csrf_checks=True)
answers = [client.post("/telemetry/events", body, **request) for request in requests]
"""
ASYNC = """
import asyncio

async def ask():
    client = AsyncClient(enforce_csrf_checks=True)
    return [await client.post("/telemetry/events", body, **request) for request in requests]

answers = asyncio.run(ask())
"""


@pytest.mark.parametrize("asking", [SYNC, ASYNC], ids=["WSGI", "ASGI"])
def test_the_dashboard_needs_no_token_and_is_refused_to_other_sites(asking: str, tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    code = REQUESTS + asking + "print([a.status_code for a in answers], telemetry.status().queued)"
    with listening() as collector:
        printed = run(example, serving.environment(tmp_path, collector.url), code)
    assert printed == "[200, 403, 415] 1\n"


def test_a_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    code = """
answer = Client().post("/telemetry/events", b" " * 40_000, content_type="application/json")
print(answer.status_code, answer.json()["error"])
"""
    printed = run(example, serving.environment(tmp_path, "http://127.0.0.1:9"), code)
    assert printed == "413 too_large\n"


def test_nothing_is_begun_before_the_first_event(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    code = """
import threading
from windrow.integrations.django import _telemetry

Client().get("/nowhere")
assert not _telemetry._made
assert threading.active_count() == 1
"""
    run(example, serving.environment(tmp_path, "http://127.0.0.1:9"), code)


def test_the_check_names_what_is_missing_and_what_is_not_known(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    settings = example / "kettle" / "settings.py"
    settings.write_text(settings.read_text().replace('"CATALOGUE"', '"CATALOG"'))
    with pytest.raises(AssertionError) as failed:
        serving.run("manage.py check", example, serving.environment(tmp_path, "http://127.0.0.1:9"))
    assert "windrow.E001" in str(failed.value)
    assert "windrow.W001" in str(failed.value)


def test_its_own_migration_is_complete(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    env = serving.environment(tmp_path, "http://127.0.0.1:9")
    serving.run("manage.py makemigrations --check", example, env)
    serving.run("manage.py migrate", example, {**env, "DO_NOT_TRACK": "1"})
    with sqlite3.connect(example / "kettle.sqlite") as database:
        assert database.execute("SELECT count(*) FROM windrow_state").fetchone() == (0,)
    database.close()


def test_a_snapshot_may_ask_the_database_and_leaves_no_connection(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    code = """
from django.db import connections, transaction
from teas.models import Tea

seen = []

@telemetry.snapshot("cupboard")
def cupboard():
    seen.append(connections["default"])
    return {"teas": Tea.objects.count()}

Tea.objects.create(sort="green")
with transaction.atomic():
    telemetry.preview()  # asks in this thread, whose connection is the product's
    Tea.objects.create(sort="black")
    Tea.objects.create(sort="herbal")
assert telemetry.send_daily(30)
mine, flushers = seen[0], seen[-1]
assert mine.connection is not None
assert flushers is not mine
assert flushers.connection is None
assert cupboard() == {"teas": 3}
"""
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        serving.run("manage.py migrate", example, {**env, "DO_NOT_TRACK": "1"})
        run(example, env, code)
        sent = [event["properties"] for event in collector.events if event["name"] == "cupboard"]
    assert sent == [{"teas": "1-9"}]


def rows(example: Path) -> dict[str, str]:
    database = sqlite3.connect(example / "kettle.sqlite")
    try:
        return dict(database.execute("SELECT name, value FROM windrow_state"))
    finally:
        database.close()


def test_the_instance_remembers_in_the_products_database(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        for _ in range(2):
            serving.run("manage.py migrate", example, env)
            run(example, env, 'telemetry.track("tea_made", {"sort": "green"})')
        assert {body["instance_kind"] for body in collector.bodies} == {"database"}
        assert len({body["instance_id"] for body in collector.bodies}) == 1
    assert "secret" in rows(example)
    assert not (tmp_path / "state").exists()


def test_the_operators_commands_are_djangos_too(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "django")
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        serving.run("manage.py migrate", example, env)
        sent = len(collector.bodies)
        assert json.loads(serving.run("manage.py windrow status --json", example, env))["enabled"]
        assert len(serving.run("manage.py windrow show --raw", example, env).splitlines()) == sent
        serving.run("manage.py windrow off", example, env)
        assert rows(example)["consent"].startswith("off ")
        run(example, env, 'telemetry.track("tea_made", {"sort": "green"})')
        status = json.loads(serving.run("manage.py windrow status --json", example, env))
        assert not status["enabled"]
        assert len(collector.bodies) == sent
        with pytest.raises(AssertionError, match="--yes"):
            serving.run("manage.py windrow reset", example, env)
