"""The pages without a browser: who may look, what every answer carries, what goes wrong."""

from __future__ import annotations

import re
import sqlite3
import threading
from contextlib import closing
from datetime import date
from html import unescape as html_unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from windrow.catalogue import loads
from windrow_server.meta import Meta
from windrow_server.pages import create_pages, starting_page
from windrow_server.pages._period import Period
from windrow_server.pages.auth import SESSION_SECONDS, Sessions, local_path
from windrow_server.settings import Settings
from windrow_server.store import Store

from tests.support.catalogue import TOML, sample
from tests.support.http import Answer, request
from tests.support.pages import TOKEN, running_pages, serving


def log_in(url: str, token: str = TOKEN, **fields: str) -> Answer:
    body = urlencode({"token": token, **fields}).encode()
    return request("POST", url + "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})


def cookie(answer: Answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def look(url: str, path: str = "/") -> Answer:
    return request("GET", url + path, headers={"Cookie": cookie(log_in(url))})


def test_without_the_token_nothing_is_shown_but_the_log_in(pages: str) -> None:
    answer = request("GET", pages + "/?product=hay&period=7d")
    assert answer.status == 303
    assert answer.headers["location"] == "/login?next=%2F%3Fproduct%3Dhay%26period%3D7d"
    assert b"Admin token" in request("GET", pages + "/login").body


def test_the_admin_token_opens_the_page_that_was_asked_for(pages: str) -> None:
    answer = log_in(pages, next="/?period=7d")
    assert (answer.status, answer.headers["location"]) == (303, "/?period=7d")
    page = request("GET", pages + "/?period=7d", headers={"Cookie": cookie(answer)})
    assert page.status == 200
    assert b"18 Nov 2026 to 24 Nov 2026" in page.body


def test_the_cookie_holds_no_token_and_no_script_or_other_site_can_use_it(pages: str) -> None:
    header = log_in(pages).headers["set-cookie"]
    assert TOKEN not in header
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in header.split(";")}


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "..",
        "9999999999.00.",
        "9999999999.00." + "0" * 64,
        "ß.ß.ß",
        "9" * 5000 + "." + "0" * 64,
        "\udcff",
    ],
)
def test_a_forged_cookie_opens_nothing(forged: str) -> None:
    assert not Sessions(b"key").good(forged, 0)


def test_a_cookie_is_good_until_it_runs_out_and_only_under_its_own_key() -> None:
    made = Sessions(b"key").begin(1000)
    assert Sessions(b"key").good(made, 1000 + SESSION_SECONDS - 1)
    assert not Sessions(b"key").good(made, 1000 + SESSION_SECONDS)
    assert not Sessions(b"another").good(made, 1000)
    assert not Sessions(b"key").good("9" + made, 1000)


def test_a_log_out_takes_the_cookie_away(pages: str) -> None:
    answer = request("POST", pages + "/logout", b"")
    assert answer.headers["location"] == "/login"
    assert "max-age=0" in answer.headers["set-cookie"].lower()


def test_wrong_tokens_never_keep_the_right_one_out(pages: str) -> None:
    assert {log_in(pages, "wrong").status for _ in range(20)} == {401}
    assert log_in(pages).status == 303


def test_the_log_in_shows_a_command_that_is_whole_and_no_folder_of_the_server(
    pages: str, tmp_path: Path
) -> None:
    page = request("GET", pages + "/login").body
    assert b"windrow-server token --data DIR --new" in page
    assert str(tmp_path.parent).encode() not in page


@pytest.mark.parametrize(
    "hostile",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:x", "", "/\t/evil.example"],
)
def test_a_log_in_never_leads_to_another_host(pages: str, hostile: str) -> None:
    assert local_path(hostile) == "/"
    assert log_in(pages, next=hostile).headers["location"] == "/"


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/static/favicon.svg", "/static/nowhere"])
def test_every_answer_carries_the_strict_policy(pages: str, path: str) -> None:
    headers = request("GET", pages + path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_no_page_holds_an_inline_script_or_style(pages: str) -> None:
    page = look(pages).body + request("GET", pages + "/login").body
    assert b"<style" not in page
    assert b" style=" not in page
    assert b" onclick=" not in page
    assert page.count(b"<script") == page.count(b'<script type="module" src="/static/')


def test_what_comes_in_the_address_is_never_markup_on_the_page(pages: str) -> None:
    page = look(pages, "/?product=%3Cscript%3Ealert(1)%3C/script%3E&period=%22%3E%3Cb%3E")
    assert page.status == 200
    assert b"<script>alert" not in page.body
    assert b'"><b>' not in page.body


def test_an_unknown_product_or_period_shows_the_first_product_and_the_usual_period(pages: str) -> None:
    page = look(pages, "/?product=nothing&period=never").body.decode()
    assert "<h1>Hay</h1>" in page
    assert "27 Aug 2026 to 24 Nov 2026: 90 days" in page


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/login/x", 404), ("/static/../_app.py", 404)]
)
def test_a_wrong_address_gets_a_page_that_leads_back(pages: str, path: str, status: int) -> None:
    answer = request("GET", pages + path)
    assert answer.status == status
    assert b"Back to insights" in answer.body


def test_a_form_that_is_too_large_is_refused_before_it_is_read(pages: str) -> None:
    assert log_in(pages, "x" * 5000).status == 413


def test_while_the_store_does_not_answer_the_page_says_so_and_tries_again(tmp_path: Path, clock: Any) -> None:
    with running_pages(tmp_path, GoneStore(), clock) as url:
        answer = look(url)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert b'http-equiv="refresh"' in answer.body
    assert b"Nothing is lost" in answer.body


def test_a_memory_that_cannot_be_read_gives_a_page_that_tries_again(tmp_path: Path, clock: Any) -> None:
    with running_pages(tmp_path, GoneStore(), clock) as url:
        with closing(sqlite3.connect(tmp_path / "meta.sqlite")) as other:
            other.execute("drop table secrets")
        answers = [request("GET", url + "/"), log_in(url)]
    assert [(answer.status, answer.headers["retry-after"]) for answer in answers] == [(503, "5")] * 2
    assert b"nothing is lost" in answers[0].body


def test_a_memory_that_is_slow_holds_up_nothing_else(tmp_path: Path, clock: Any) -> None:
    meta = SlowMeta(tmp_path / "meta.sqlite")
    with serving(create_pages(GoneStore(), meta, Settings(data=tmp_path), clock)) as url:
        page = threading.Thread(target=request, args=("GET", url + "/"))
        page.start()
        try:
            assert meta.asked.wait(10)
            assert request("GET", url + "/static/favicon.svg").status == 200
        finally:
            meta.answering.set()
            page.join()
    meta.close()


def test_before_there_is_a_store_every_page_says_that_it_is_starting() -> None:
    with serving(starting_page()) as url:
        answers = [request("GET", url + path) for path in ("/", "/login", "/anything")]
        assert request("GET", url + "/static/favicon.svg").status == 200
    assert [answer.status for answer in answers] == [503] * 3
    assert all(b"The store is not ready" in answer.body for answer in answers)


def test_a_collector_without_a_catalogue_says_how_to_give_it_one(
    tmp_path: Path, fleet_store: Store, clock: Any
) -> None:
    meta = Meta(tmp_path / "meta.sqlite")
    meta.ensure_admin_token(TOKEN)
    with serving(create_pages(fleet_store, meta, Settings(data=tmp_path), clock)) as url:
        page = look(url).body
    meta.close()
    assert b"--catalogue telemetry.toml" in page


def test_a_product_without_events_is_told_how_to_send_the_first_one(pages: str, clock: Any) -> None:
    clock.now -= 2 * 365 * 24 * 3600
    page = look(pages, "/?period=30d").body.decode()
    assert "No event of Hay in these 30 days" in page
    assert "HAY_TELEMETRY_ENDPOINT=http://127.0.0.1:7717" in page
    assert sample().product.env("ENDPOINT") in page


def section(page: bytes, name: str) -> str:
    """The text of one question's section, without its tags."""
    html = page.decode().split(f'data-question="{name}"')[1].split("</section>")[0]
    return html_unescape(" ".join(re.sub(r"<[^>]+>", " ", html.partition(">")[2]).split()))


ROTATING = loads(TOML.replace('time_precision = "day"', 'time_precision = "day"\nrotate = "monthly"'))


def test_a_product_whose_ids_change_each_month_is_not_asked_who_is_new_and_told_why(
    tmp_path: Path, fleet_store: Store, clock: Any
) -> None:
    with running_pages(tmp_path, fleet_store, clock, ROTATING) as url:
        page = look(url).body
    assert section(page, "lifecycle") == (
        "New, returning and gone Not shown: an instance of Hay takes a new id each month, so that nothing tells a "
        "new instance from one that was there before."
    )
    assert "counts under both its ids" in section(page, "active_instances")
    assert "counts anew with each month's id" in section(page, "headline")
    for name in ("active-day", "active-week", "active-month"):
        assert f'<table data-figure="{name}">'.encode() in page


def test_a_product_whose_ids_last_is_asked_everything(pages: str) -> None:
    page = look(pages).body
    assert b"Not shown" not in page
    assert b"both its ids" not in page
    assert b'<table data-figure="lifecycle">' in page


def test_suspected_clones_are_counted_with_what_to_do(pages: str) -> None:
    told = section(look(pages).body, "suspected_clones")
    assert "9 of 43 instances." in told
    assert "runs windrow reset on one of the two" in told


def test_a_wish_in_force_is_shown_until_it_ends(tmp_path: Path, fleet_store: Store, clock: Any) -> None:
    with (
        running_pages(tmp_path, fleet_store, clock) as url,
        closing(Meta(tmp_path / "meta.sqlite", clock)) as meta,
    ):
        assert b"A wish is in force" not in look(url).body
        meta.wish("hay", pause_hours=6, sample=0.25)
        page = look(url).body.decode()
        assert "nothing is to be sent until 2026-11-24 18:00 UTC; events wait" in page
        assert "25 % of the instances are to send" in page
        assert "windrow-server wish hay --none" in page
        clock.now += 6 * 3600
        assert "nothing is to be sent" not in look(url).body.decode()
        clock.now -= 3 * 365 * 24 * 3600  # where nothing was sent, a wish may be the reason
        assert b"A wish is in force" in look(url).body
        meta.unwish("hay")
        assert b"A wish is in force" not in look(url).body


def test_a_period_ends_with_the_day_of_the_clock_in_utc() -> None:
    period = Period.read("7d", 1_795_564_799.0)
    assert (period.since, period.until, period.days) == (date(2026, 11, 18), date(2026, 11, 24), 7)


class SlowMeta(Meta):
    """A memory that gives the session key only when the test says so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked, self.answering = threading.Event(), threading.Event()

    def session_key(self) -> bytes:
        self.asked.set()
        assert self.answering.wait(30)
        return super().session_key()


class GoneStore(Store):
    """A store whose process is not there: a real client of a port on which nobody listens."""

    def __init__(self) -> None:
        pass

    def query(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        return Store.connect("http://default:x@127.0.0.1:9/windrow").query(sql, parameters)
