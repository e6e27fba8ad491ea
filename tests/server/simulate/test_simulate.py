"""The fleet is the same every time, and what it says of itself is what the store finds."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from windrow_server.errors import StartError
from windrow_server.settings import Settings
from windrow_server.simulate import Summary, run
from windrow_server.simulate.lives import YEAR, fleet
from windrow_server.store import Store
from windrow_server.store.spawn import spawned

CATALOGUE = Path(__file__).parents[3] / "hay" / "telemetry.toml"
TODAY = date(2026, 11, 24)
# Ids on the PostHog wire are hashed under a secret of the folder, and differ.
ROWS = """
    select sipHash64(groupArray((event, toString(event_id), day, toString(instance_id), properties))) as all_rows,
           count() as n
    from (select * from events final where wire = 'windrow' order by event, event_id)
"""
ACTIVE = "select instance_kind, day, uniqExact(instance_id) as n from instance_days final group by instance_kind, day"


def simulated(folder: Path) -> tuple[Summary, list[dict[str, Any]], list[dict[str, Any]]]:
    summary = run(Settings(folder, catalogues=(CATALOGUE,)), seed=3, today=TODAY, instances=40)
    with spawned(folder / "store") as url:
        store = Store.connect(url)
        answers = store.query(ROWS), store.query(ACTIVE)
        store.close()
    return summary, *answers


def test_the_same_seed_and_day_give_the_same_fleet_and_the_store_agrees_with_it(tmp_path: Path) -> None:
    summary, first, active = simulated(tmp_path / "one")
    _, second, _ = simulated(tmp_path / "two")
    assert first == second
    counted = {
        (row["instance_kind"], row["day"]): row["n"] for row in active if row["instance_kind"] != "foreign"
    }
    assert counted == {key: len(instances) for key, instances in summary.active.items()}
    assert summary.refused > 0


def test_more_is_made_than_taken_away(tmp_path: Path) -> None:
    run(Settings(tmp_path, catalogues=(CATALOGUE,)), seed=3, today=TODAY, instances=40)
    with spawned(tmp_path / "store") as url:
        store = Store.connect(url)
        rows = store.query("select event, count() as n from events final group by event")
        store.close()
    events = {row["event"]: row["n"] for row in rows}
    assert events["agent_created"] > events["agent_deleted"]
    assert events["plugin_installed"] > events["plugin_removed"]


def test_the_fleet_grows_until_the_last_day() -> None:
    births = Counter((YEAR - 1 - life.born) // 28 for life in fleet(7, 1500))
    assert births[0] > births[1] * 0.8
    assert births[0] > births[6]


def test_a_folder_with_data_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(StartError, match="has data already"):
        run(Settings(tmp_path, catalogues=(CATALOGUE,)), today=TODAY)
