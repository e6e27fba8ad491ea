"""Every question answers what a plain count over the raw events says, and what it said last time."""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from windrow_server.questions import QUESTIONS, ask, question
from windrow_server.store import Store

from tests.server.questions.plain import Plain
from tests.support.fleet import TODAY, fleet, numbered, refused

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("days", [1, 7, 30, 90, 365])
@pytest.mark.parametrize("until", [TODAY, date(2026, 11, 1), date(2026, 8, 31)], ids=str)
def test_a_question_answers_what_a_plain_count_over_the_raw_events_says(
    fleet_store: Store, name: str, days: int, until: date
) -> None:
    since = until - timedelta(days=days - 1)
    answer = ask(fleet_store, name, product="hay", since=since, until=until)
    assert answer.rows == Plain(fleet(), refused(), numbered(), "hay", since, until).answer(name)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_answers_what_it_answered_last_time(fleet_store: Store, name: str) -> None:
    answer = ask(fleet_store, name, product="hay", since=TODAY - timedelta(days=89), until=TODAY)
    told = [json.dumps(row, default=str) for row in answer.rows]
    file = SNAPSHOTS / f"{name}.jsonl"
    if os.environ.get("WINDROW_SNAPSHOTS") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(told) + "\n")
    assert told == file.read_text().splitlines(), (
        "WINDROW_SNAPSHOTS=write keeps the new answer, once you have read it"
    )


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_row_of_an_answer_has_the_columns_that_the_registry_declares(
    fleet_store: Store, name: str
) -> None:
    answer = ask(fleet_store, name, product="hay", since=TODAY - timedelta(days=89), until=TODAY)
    assert answer.rows
    assert all(tuple(row) == answer.columns for row in answer.rows)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_product_without_events_gets_an_answer_of_noughts(fleet_store: Store, name: str) -> None:
    answer = ask(fleet_store, name, product="nothing", since=TODAY - timedelta(days=6), until=TODAY)
    cells = [cell for row in answer.rows for cell in row.items()]
    numbers = [value for column, value in cells if column != "days" and isinstance(value, int)]
    assert not any(numbers)


@pytest.mark.parametrize("name", ["lifecycle", "versions", "active_instances"])
def test_ephemeral_and_foreign_ids_are_never_counted_as_instances(fleet_store: Store, name: str) -> None:
    since = TODAY - timedelta(days=89)
    own = [one for one in fleet() if one.kind in ("database", "file")]
    assert len(own) < len(fleet())
    answer = ask(fleet_store, name, product="hay", since=since, until=TODAY)
    assert answer.rows == Plain(own, [], [], "hay", since, TODAY).answer(name)


def test_the_active_of_a_week_are_those_of_the_week_before_plus_new_and_returning_less_gone(
    fleet_store: Store,
) -> None:
    rows = ask(fleet_store, "lifecycle", product="hay", since=TODAY - timedelta(days=120), until=TODAY).rows
    active = [row["new"] + row["returning"] + row["stayed"] for row in rows]
    for before, now, row in zip(active, active[1:-1], rows[1:-1], strict=False):
        assert now == before + row["new"] + row["returning"] - row["gone"]


def test_an_unknown_question_is_answered_with_the_names_that_there_are(fleet_store: Store) -> None:
    with pytest.raises(KeyError, match="active_instances"):
        question("actve_instances")


def test_a_period_that_ends_before_it_begins_is_refused(fleet_store: Store) -> None:
    with pytest.raises(ValueError, match="before it begins"):
        ask(fleet_store, "headline", product="hay", since=TODAY, until=TODAY - timedelta(days=1))


def test_a_question_is_one_module_and_one_sql_file() -> None:
    folder = Path(__file__).parents[3] / "server/src/windrow_server/questions"
    modules = {file.stem for file in folder.glob("[a-z]*.py")} - {"registry"}
    assert modules == {file.stem for file in folder.glob("*.sql")} == set(QUESTIONS)
