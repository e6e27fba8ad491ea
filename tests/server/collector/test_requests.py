"""What an operator may ask of a running server: to be forgotten for good, and to see what is held."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from windrow_server.collector.rate import Rate
from windrow_server.errors import API_ERRORS, Refusal
from windrow_server.settings import LIMIT
from windrow_server.store import Store

from tests.support.catalogue import KEY, TOML, event, posthog, posthog_event, today
from tests.support.http import Answer, post, request
from tests.support.operators import Operator, ask
from tests.support.server import RunningServer, running_server, store_of
from tests.support.waiting import eventually

TABLES = ("events", "instance_days", "batches")
BOTH = pytest.mark.parametrize("what", ["forget", "held"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("requests")) as running:
        yield running


@pytest.fixture
def operator(server: RunningServer) -> Operator:
    return Operator(server.url)


@pytest.fixture(scope="module")
def store(server: RunningServer) -> Iterator[Store]:
    opened = store_of(server)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of requests is the subject of one test; the others wait until they may ask again."""

    def patient(url: str, body: Any, **headers: str) -> Answer:
        while (answer := post(url, body, **headers)).status == 429:
            time.sleep(int(answer.headers["retry-after"]))
        return answer

    monkeypatch.setattr("tests.support.operators.post", patient)


def rows(store: Store, instance: str) -> dict[str, int]:
    """How many rows of an instance each table has, doubles and all."""
    counted = "select count() as n from windrow.{} where instance_id = {{id:UUID}}"
    return {table: store.query(counted.format(table), {"id": instance})[0]["n"] for table in TABLES}


def arrived(store: Store, operator: Operator, events: int = 1) -> None:
    """Wait until so many events of an instance are stored, and their days rolled up."""
    days = "select sum(events) as n from windrow.instance_days final where instance_id = {id:UUID}"
    eventually(lambda: store.query(days, {"id": operator.instance})[0]["n"] == events)


def gone(store: Store, operator: Operator) -> bool:
    return not any(rows(store, operator.instance).values())


def assert_refused(answer: Answer, slug: str) -> None:
    assert answer.json["error"] == slug, answer.body
    assert answer.status == API_ERRORS[slug].status
    assert b"SECRET" not in answer.body


def test_what_is_held_is_what_was_sent_the_newest_first(store: Store, operator: Operator) -> None:
    old = event(time="2026-11-01", properties={"type": "playbook", "class": True})
    new = event(name="report", properties={"parts": ["a", "b"], "size": "0", "number": 7})
    assert operator.send([old, new], context={"app_version": "1.4.0"}).status == 200
    arrived(store, operator, 2)
    answer = operator.held().json
    shown = answer["events"]
    received = shown[0].pop("received")
    assert received == shown[1].pop("received")
    assert received[:10] == today()
    assert received[13:] == ":00Z"
    assert shown == [one | {"context": {"app_version": "1.4.0"}} for one in (new, old)]
    assert (answer["instance_id"], answer["truncated"]) == (operator.instance, False)


def test_what_an_unknown_catalogue_sent_is_shown_after_the_type_has_changed(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        operator, store = Operator(server.url), store_of(server)
        operator.send([event(properties={"type": "channel"})], catalogue="0" * 64)
        arrived(store, operator)
        store.close()
    newer = TOML.replace('type = "choice"\nvalues = ["channel", "playbook"]', 'type = "flag"')
    (tmp_path / "newer.toml").write_text(newer)
    with running_server(tmp_path, [tmp_path / "newer.toml"]) as server:
        operator.url = server.url
        assert [one["properties"] for one in operator.events()] == [{"type": "channel"}]


def test_more_than_a_thousand_events_are_cut_and_it_is_said(store: Store, operator: Operator) -> None:
    operator.send([event(time="2026-11-02")] + [event() for _ in range(1_000)])
    arrived(store, operator, 1_001)
    answer = operator.held().json
    assert answer["truncated"] is True
    assert len(answer["events"]) == 1_000
    assert {one["time"] for one in answer["events"]} == {today()}


def test_without_the_right_token_nothing_is_shown(store: Store, operator: Operator) -> None:
    operator.send()
    arrived(store, operator)
    stranger = Operator(operator.url)
    for token in (stranger.read_token, operator.erase_token, os.urandom(32)):
        shown = operator.held(read_token=token.hex()).json
        assert (shown["events"], shown["truncated"]) == ([], False)
        assert shown["instance_id"] != operator.instance


def test_a_forgotten_instance_is_refused_shown_nowhere_and_in_no_table(
    server: RunningServer, store: Store, operator: Operator
) -> None:
    other = Operator(server.url)
    replayed = operator.batch(sequence=0)
    assert post(server.url + "/v1/batch", replayed).json == {"accepted": 1, "refused": {}}
    operator.send([event(), event()], sequence=1)
    other.send(sequence=0)
    arrived(store, operator, 3)
    arrived(store, other)
    assert all(rows(store, operator.instance).values())
    answer = operator.forget()
    assert answer.status == 200
    assert answer.json == {"forgotten": [operator.instance], "forwarded": []}
    assert operator.events() == []  # at once, though the loader may not have come to it
    assert post(server.url + "/v1/batch", replayed).json == {"accepted": 0, "refused": {"forgotten": 1}}
    assert operator.send([event(), event()]).json == {"accepted": 0, "refused": {"forgotten": 2}}
    eventually(lambda: gone(store, operator))
    assert operator.events() == []
    assert len(other.events()) == 1
    assert all(rows(store, other.instance).values())


def test_an_instance_that_sends_while_it_is_forgotten_leaves_nothing(
    server: RunningServer, store: Store, operator: Operator
) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(operator.send, sequence=number) for number in range(80)]
        answers[10].result()
        assert operator.forget().status == 200
        late = operator.send().json
    assert late == {"accepted": 0, "refused": {"forgotten": 1}}
    accepted = sum(answer.result().json["accepted"] for answer in answers)
    assert accepted > 10
    last = Operator(server.url)
    last.send()
    arrived(store, last)  # and so has all that came before it
    eventually(lambda: gone(store, operator))


def test_to_be_forgotten_twice_or_with_nothing_held_is_answered_alike(operator: Operator) -> None:
    told = {"forgotten": [operator.instance], "forwarded": []}
    assert [operator.forget().json for _ in range(2)] == [told, told]
    token = operator.erase_token.hex()
    assert operator.forget(erase_tokens=[token, token]).json == told


def test_all_the_ids_of_an_instance_are_forgotten_at_once(server: RunningServer, store: Store) -> None:
    months = [Operator(server.url) for _ in range(12)]
    for month in months:
        month.send()
    tokens = [month.erase_token.hex() for month in months]
    assert months[0].forget(erase_tokens=tokens).json["forgotten"] == [month.instance for month in months]
    assert {month.send().json["accepted"] for month in months} == {0}
    eventually(lambda: all(gone(store, month) for month in months))


def test_another_token_changes_nothing(server: RunningServer, store: Store, operator: Operator) -> None:
    operator.send()
    arrived(store, operator)
    for token in (operator.read_token, os.urandom(32)):
        answer = Operator(server.url).forget(erase_tokens=[token.hex()])
        assert operator.instance not in answer.json["forgotten"]
    assert operator.send().json["accepted"] == 1
    arrived(store, operator, 2)


def test_what_came_by_the_posthog_wire_stays(server: RunningServer, store: Store, operator: Operator) -> None:
    sent = posthog([posthog_event(distinct_id=operator.instance)])
    assert post(server.url + "/batch/", sent).status == 200
    operator.forget()
    assert post(server.url + "/batch/", sent).status == 200
    foreign = "select count() as n from windrow.events final where instance_kind = 'foreign'"
    eventually(lambda: store.query(foreign)[0]["n"] == 1)


@BOTH
@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"key": "SECRET"}, "unknown_key"),
        ({"key": 1}, "bad_request"),
        ({"format": 2}, "unsupported_format"),
        ({"format": 0}, "bad_request"),
        ({"format": "SECRET"}, "bad_request"),
        ({"erase_tokens": [], "read_token": ""}, "bad_request"),
        ({"erase_tokens": ["SECRET"], "read_token": "SECRET"}, "bad_request"),
        ({"erase_tokens": "a" * 64, "read_token": ["a" * 64]}, "bad_request"),
        ({"erase_tokens": ["A" * 64], "read_token": "A" * 64}, "bad_request"),
        ({"erase_tokens": ["a" * 64] * 1_001, "read_token": "a" * 64 + "\n"}, "bad_request"),
        ({"erase_tokens": None, "read_token": None}, "bad_request"),
        ({"more": "SECRET" * 30_000}, "too_large"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_with_its_place(
    server: RunningServer, what: str, change: dict[str, Any], slug: str
) -> None:
    whole = {"format": 1, "key": KEY, "erase_tokens": ["a" * 64], "read_token": "a" * 64} | change
    answer = ask(server.url, what, whole)
    assert_refused(answer, slug)
    if slug == "bad_request":
        assert "At `" in answer.json["message"]


@BOTH
@pytest.mark.parametrize("body", [b"", b"SECRET", b'{"a":' * 20_000, b'{"a":NaN}', b"\xff"])
def test_a_request_that_is_no_json_is_refused(server: RunningServer, what: str, body: bytes) -> None:
    assert_refused(post(f"{server.url}/v1/{what}", body), "not_json")


@BOTH
def test_a_request_may_come_as_gzip_within_the_same_bounds(server: RunningServer, what: str) -> None:
    bomb = gzip.compress(b" " * (LIMIT["request_bytes"] + 1))
    assert_refused(post(f"{server.url}/v1/{what}", bomb, content_encoding="gzip"), "too_large")
    assert_refused(
        post(f"{server.url}/v1/{what}", gzip.compress(b"{}"), content_encoding="gzip"), "bad_request"
    )


@BOTH
def test_a_request_takes_post_only(server: RunningServer, what: str) -> None:
    assert_refused(request("GET", f"{server.url}/v1/{what}"), "method_not_allowed")


def test_thirty_requests_a_minute_are_answered_for_one_key_and_the_next_told_when_to_come(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as server:
        body = json.dumps({"format": 1, "key": KEY, "read_token": "0" * 64}).encode()
        answers = [post(server.url + "/v1/held", body) for _ in range(31)]
        assert [answer.status for answer in answers] == [200] * 30 + [429]
        assert_refused(answers[-1], "too_many_requests")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        erase = json.dumps({"format": 1, "key": KEY, "erase_tokens": ["0" * 64]}).encode()
        assert post(server.url + "/v1/forget", erase).status == 429
        assert post(server.url + "/v1/batch", Operator(server.url).batch()).status == 200


def test_a_window_of_a_rate_ends_and_each_key_has_its_own() -> None:
    now = [100.0]
    rate = Rate(3, 60, lambda: now[0])
    rate.take("a", 2)
    with pytest.raises(Refusal) as refused:
        rate.take("a", 2)
    assert refused.value.after == 60
    rate.take("a")
    rate.take("b", 3)
    now[0] += 59.5
    with pytest.raises(Refusal) as refused:
        rate.take("a")
    assert refused.value.after == 1
    now[0] += 0.5
    rate.take("a", 3)


def test_without_a_store_nothing_can_be_shown_and_forgetting_is_answered(tmp_path: Path) -> None:
    with running_server(tmp_path, ready=False, WINDROW_STORE="http://a:b@127.0.0.1:9/windrow") as server:
        operator = Operator(server.url)
        answer = operator.held()
        assert_refused(answer, "not_now")
        assert answer.headers["retry-after"] == "5"
        operator.send()
        assert operator.forget().status == 200
        assert operator.send().json == {"accepted": 0, "refused": {"forgotten": 1}}


def test_neither_a_token_nor_an_address_is_kept_or_logged(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        operator, store = Operator(server.url), store_of(server)
        operator.send()
        arrived(store, operator)
        tokens = {"erase_tokens": [operator.erase_token.hex()], "read_token": operator.read_token.hex()}
        for what in ("held", "forget", "held"):
            body = {"format": 1, "key": KEY, **tokens}
            assert ask(server.url, what, body, x_forwarded_for="203.0.113.77").status == 200
        eventually(lambda: gone(store, operator))
        store.close()
        assert server.stop() == 0
        told = "".join(server.output)
    marks = [operator.erase_token.hex(), operator.read_token.hex(), "203.0.113.77"]
    raw = [operator.erase_token, operator.read_token, *(mark.encode() for mark in marks)]
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        content = file.read_bytes()
        assert not any(mark in content for mark in raw), file
    assert not any(mark in told for mark in (*marks, operator.instance))
