"""Alembic's own commands over a real database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import serving
from tests.support.listener import Listener, listening

pytestmark = pytest.mark.e2e

FAILING = '''
"""Fails."""

revision = "c0ffee"
down_revision = "a81e07"


def upgrade():
    raise RuntimeError("no")
'''


def told(collector: Listener) -> list[str]:
    assert all(event["name"] == "migration_run" for event in collector.events)
    return [event["properties"]["name"] for event in collector.events]


def test_each_migration_is_told_when_it_is_applied_and_never_again(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "alembic")
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        serving.run("alembic upgrade +1", example, env)
        assert told(collector) == ["0001_teas"]
        for _ in range(2):
            serving.run("alembic upgrade head", example, env)
        assert told(collector) == ["0001_teas", "0002_pots"]


def test_downgrades_stamps_and_printed_sql_are_not_told(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "alembic")
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        assert "CREATE TABLE teas" in serving.run("alembic upgrade head --sql", example, env)
        serving.run("alembic stamp head", example, env)
        serving.run("alembic stamp --purge base", example, env)
        serving.run("alembic upgrade head", example, {**env, "DO_NOT_TRACK": "1"})
        serving.run("alembic downgrade base", example, env)
        assert told(collector) == []


def test_a_migration_may_be_listed_by_its_revision_and_one_that_is_not_listed_is_custom(
    tmp_path: Path,
) -> None:
    example = serving.copy_example(tmp_path, "alembic")
    catalogue = example.parent / "telemetry.toml"
    catalogue.write_text(catalogue.read_text().replace('"0001_teas", "0002_pots"', '"3f6b1c"'))
    with listening() as collector:
        serving.run("alembic upgrade head", example, serving.environment(tmp_path, collector.url))
        assert told(collector) == ["3f6b1c", "custom"]


def test_what_a_failed_transaction_takes_back_is_not_told(tmp_path: Path) -> None:
    example = serving.copy_example(tmp_path, "alembic")
    (example / "migrations" / "versions" / "0003_fails.py").write_text(FAILING)
    env_py = example / "migrations" / "env.py"
    # One transaction around all of it, as databases with transactional DDL have by default.
    env_py.write_text(env_py.read_text().replace(".connect() as", ".begin() as"))
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        with pytest.raises(AssertionError, match="RuntimeError: no"):
            serving.run("alembic upgrade head", example, env)
        assert told(collector) == []
