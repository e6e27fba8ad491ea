"""State in a database of Django: beside its migrations, its requests and their transactions."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.core.management import call_command
from django.db import connections
from django.http import HttpResponse
from django.test import RequestFactory
from windrow.errors import StateError

from tests.support.databases import ACCOUNT, PASSWORD, Server
from tests.support.states import Rows, django_alias

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["django-sqlite", "django-postgresql"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Rows:
    if request.param == "django-sqlite":
        return Rows(request.param, tmp_path, None)
    server: Server = request.getfixturevalue("postgresql")
    return Rows(request.param, tmp_path, server.create())


def test_the_models_and_the_migration_say_the_same() -> None:
    alias = django_alias({"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
    said = io.StringIO()
    call_command("makemigrations", "windrow", check_changes=True, dry_run=True, stdout=said)
    assert "No changes" in said.getvalue()
    connections[alias].close()


def test_before_the_migration_it_remembers_nothing_and_afterwards_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from windrow.integrations.django import state as module

    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 0.0)
    alias = django_alias({"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "product.sqlite"})
    state = module.DjangoState(alias)
    assert state.swap("row", None, "a")
    assert (state.kind, state.get("row"), state.items("r")) == ("ephemeral", "a", [("row", "a")])
    call_command("migrate", "windrow", database=alias, verbosity=0)
    assert state.get("row") is None
    assert state.kind == "database"
    assert state.swap("row", None, "b")
    assert module.DjangoState(alias).get("row") == "b"
    connections[alias].close()


def test_a_database_in_memory_is_ephemeral() -> None:
    from windrow.integrations.django.state import DjangoState

    alias = django_alias({"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
    state = DjangoState(alias)
    assert state.swap("row", None, "a")
    assert (state.kind, state.get("row")) == ("ephemeral", "a")


def test_a_request_that_fails_takes_its_own_rows_back_and_not_ours(rows: Rows) -> None:
    state = rows.open()
    state.swap("row", None, "a")
    alias = next(reversed(connections.settings))
    connections.settings[alias]["ATOMIC_REQUESTS"] = True
    with connections[alias].cursor() as cursor:
        cursor.execute("create table orders (id int)")
    flusher = threading.Thread(target=lambda: state.swap("row", "a", "b"))

    def view(_request: Any) -> HttpResponse:
        with connections[alias].cursor() as cursor:
            cursor.execute("insert into orders values (1)")
        flusher.start()
        if rows.database is None:
            time.sleep(3)  # with the lock that SQLite has one of
        else:
            flusher.join(20)
        assert connections[alias].in_atomic_block
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        BaseHandler().make_view_atomic(view)(RequestFactory().get("/"))
    flusher.join(20)
    assert state.get("row") == "b"
    with connections[alias].cursor() as cursor:
        cursor.execute("select count(*) from orders")
        assert cursor.fetchone() == (0,)
    connections[alias].close()


def test_no_connection_of_the_products_is_opened_or_left_open(rows: Rows) -> None:
    state = rows.open()
    state.swap("row", None, "a")
    alias = next(reversed(connections.settings))
    assert connections[alias].connection is None
    if rows.database is not None:
        # Of this database alone: what other tests have left open is theirs.
        where = f"usename = '{ACCOUNT}' and datname = '{rows.database.name}'"
        left = f"select count(*) from pg_stat_activity where {where}"
        deadline = time.monotonic() + 10
        while rows.database.execute(left) != [(0,)]:
            assert time.monotonic() < deadline, "a connection is left open"
            time.sleep(0.05)


def test_an_asynchronous_view_may_ask_for_the_state(rows: Rows) -> None:
    state = rows.open()

    async def view() -> str | None:
        state.swap("row", None, "a")
        return state.get("row")

    assert asyncio.run(view()) == "a"


def test_a_debugging_django_logs_no_row(rows: Rows, caplog: pytest.LogCaptureFixture) -> None:
    from django.test import override_settings

    with override_settings(DEBUG=True), caplog.at_level("DEBUG"):
        rows.open().swap("secret", None, "c4nary")
    assert "c4nary" not in caplog.text


def test_settings_that_are_wrong_are_named_without_their_values() -> None:
    from windrow.integrations.django.state import DjangoState

    entry = {"ENGINE": "django.db.backends.postgresql", "NAME": "n", "USER": ACCOUNT, "PASSWORD": PASSWORD}
    for state in (
        DjangoState(django_alias({**entry, "HOST": "/nowhere"})),
        DjangoState("not_in_the_settings"),
    ):
        with pytest.raises(StateError, match="cannot be reached") as refusal:
            state.get("row")
        assert refusal.value.__cause__ is None
        assert not any(part in str(refusal.value) for part in (PASSWORD, ACCOUNT, "nowhere"))


# PyMySQL stands in for mysqlclient, which has to be compiled; in a process of its own, for it is for all of one.
ON_MARIADB = """
import json, sys
import pymysql
pymysql.install_as_MySQLdb()
sys.modules["MySQLdb"].version_info = pymysql.version_info = (2, 2, 4, "final", 0)
from django.core.management import call_command
from tests.support.states import django_alias
alias = django_alias(json.loads(sys.argv[1]))
call_command("migrate", "windrow", database=alias, verbosity=0)
from windrow.integrations.django.state import DjangoState
state = DjangoState(alias)
answers = [
    state.swap("row", None, "ü" * 500_000),
    state.swap("row", "Ü" * 500_000, "a"),
    state.swap("row", "ü" * 500_000, "a"),
    state.swap("row", "a", "a"),
    state.swap("ROW", None, "b"),
]
print(json.dumps([*answers, state.items("row"), state.kind]))
"""


def test_the_migration_makes_columns_on_mariadb_that_compare_exactly(mariadb: Server) -> None:
    database = mariadb.create()
    entry = {
        "ENGINE": "django.db.backends.mysql",
        "NAME": database.name,
        "USER": ACCOUNT,
        "PASSWORD": PASSWORD,
        "HOST": str(mariadb.socket),
    }
    done = subprocess.run(
        [sys.executable, "-c", ON_MARIADB, json.dumps(entry)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, False, True, True, True, [["row", "a"]], "database"]
