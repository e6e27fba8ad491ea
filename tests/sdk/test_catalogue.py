"""Catalogues: what is refused, how it is said, and what the digest means."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from windrow.catalogue import Property, load, loads
from windrow.catalogue.coarsen import INVALID, coarsener
from windrow.errors import CatalogueError
from windrow.tools.lint import lint

from tests.support.products import CATALOGUE

TEN_MISTAKES = """
[product]
name = "Hay"
kye = "x"
endpoint = "http://telemetry.example.org"
keep_days = 0

[events.used]
knid = "event"

[events.used.properties.size]
type = "rnage"

[events.used.properties.sort]
type = "choice"
values = ["a", "a", "other"]

[events.count_me]
kind = "counter"
buckets = ["0", "2-3"]
"""


def test_every_mistake_is_reported_at_once_with_its_place_and_what_to_do() -> None:
    with pytest.raises(CatalogueError) as caught:
        loads(TEN_MISTAKES)
    problems = {problem.place: problem for problem in caught.value.problems}
    assert len(caught.value.problems) == 10
    assert problems["telemetry.toml:4 [product.kye]"].hint.endswith("Did you mean key?")
    assert problems["telemetry.toml:12 [events.used.properties.size.type]"].hint.endswith(
        "Did you mean range?"
    )
    assert "2-3" in problems["telemetry.toml:20 [events.count_me.buckets]"].message
    assert all(problem.hint for problem in caught.value.problems)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"not toml",
        b"[product]\nname = 'a'\nname = 'b'",
        b"a = " + b"[" * 5000,
        b"product = 5\nevents = []",
        b"[product]\nname=1\ntitle=2\nkey=3\nendpoint=4\n[events]\nx = 5\n[context]\ny = 'z'",
        '[product]\nname = "naïve"\n[events."a b"]'.encode(),
        b"[events.a.properties.b]\ntype = ['choice']\nvalues = {}",
        b"a = " + b"1" * 5000,
        b"[product]\nsink = 0x" + b"f" * 5000,
        b"[events.a]\nexpires = 0x" + b"f" * 5000,
    ],
    ids=range(12),
)
@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_whatever_a_file_holds_the_answer_is_a_catalogue_error(content: bytes, suffix: str) -> None:
    with pytest.raises(CatalogueError):
        loads(content, source=f"telemetry.{suffix}")


def test_what_is_no_file_is_said_so(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * 3_000_000)
    for path in (tmp_path, tmp_path / "missing.toml", large, "a\0b", "/dev/zero", "\ud800"):
        with pytest.raises(CatalogueError):
            load(path)


@pytest.mark.parametrize("path", [None, 5, [], b"telemetry.toml", object()], ids=repr)
def test_what_is_no_path_is_said_so(path: Any) -> None:
    with pytest.raises(CatalogueError, match="is not a path"):
        load(path)


def test_a_byte_order_mark_does_no_harm() -> None:
    assert loads(b"\xef\xbb\xbf" + CATALOGUE.encode()).digest == loads(CATALOGUE).digest


def test_the_digest_leaves_out_prose_key_and_endpoint() -> None:
    prose = (
        CATALOGUE.replace("A pot of tea", "Tea")
        .replace("wk_kettle_tests", "wk_other")
        .replace(".example", ".test")
    )
    assert prose != CATALOGUE
    assert loads(prose).digest == loads(CATALOGUE).digest


@pytest.mark.parametrize(
    "change", [('"green"', '"white"'), ("tea_made", "tea_brewed"), ('"10+"', '"10-19", "20+"')]
)
def test_the_digest_changes_with_what_may_be_sent(change: tuple[str, str]) -> None:
    assert loads(CATALOGUE.replace(*change)).digest != loads(CATALOGUE).digest


def test_the_canonical_form_is_the_same_catalogue_and_stays_the_same_bytes() -> None:
    built = loads(CATALOGUE).to_json()
    again = loads(built, source="telemetry.json")
    assert again.digest == loads(CATALOGUE).digest
    assert again.to_json() == built
    assert json.loads(built)["product"]["name"] == "kettle"


def test_names_come_out_of_the_products_own_source(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    for name in ("0002_b.py", "0001_a.py", "__init__.py"):
        (tmp_path / "migrations" / name).touch()
    path = tmp_path / "telemetry.toml"
    path.write_text(
        CATALOGUE + '\n[events.migration_run]\n[events.migration_run.properties.name]\ntype = "name"\n'
        'values_from = "migrations/*.py"\n'
    )
    assert load(path).events["migration_run"].properties["name"].values == ("0001_a", "0002_b")


@pytest.mark.parametrize(
    "pattern",
    ["/etc/*", "../*.py", "nothing/*.py", "", "**x", ".", "./", "a\\u0000", "**", "x.txt", "latin.txt"],
)
def test_names_come_from_below_the_catalogue_only(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "x.txt").mkdir()
    (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
    path = tmp_path / "telemetry.toml"
    path.write_text(CATALOGUE + f'\n[events.x.properties.name]\ntype = "name"\nvalues_from = "{pattern}"\n')
    with pytest.raises(CatalogueError, match="values_from"):
        load(path)


def test_advice_is_given_on_what_a_reviewer_would_ask() -> None:
    text = CATALOGUE.replace('why = "Which sorts to stock."\n', 'expires = "2026-01-31"\n')
    advice = {str(problem).partition("\n")[0] for problem in lint(loads(text), date(2026, 11, 24))}
    assert any("[events.tea_made]: does not say why" in line for line in advice)
    assert any("expired on 2026-01-31" in line for line in advice)
    assert any("is a digest" in line for line in advice)


def problems_of(text: str) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        loads(text)
    assert all(problem.hint for problem in caught.value.problems)
    return [str(problem).partition("\n")[0] for problem in caught.value.problems]


@pytest.mark.parametrize("day", ["2026-02-31", "20260228", "2026-2-3", "soon"])
def test_a_day_that_no_calendar_has_is_refused(day: str) -> None:
    (problem,) = problems_of(CATALOGUE.replace("[events.tea_made]", f'[events.tea_made]\nexpires = "{day}"'))
    assert "[events.tea_made.expires]: is not a day of the calendar" in problem


def test_that_there_is_no_event_is_said_beside_other_mistakes() -> None:
    assert any("declares no event" in line for line in problems_of('[product]\nname = "X"\n'))


def test_long_lists_of_values_are_checked_at_once() -> None:
    values = json.dumps([f"v{number}" for number in range(50_000)])
    loads(CATALOGUE.replace('["green", "black"]', values))


@pytest.mark.parametrize("value", ["a|b", "a`b", "a\\nb", "a\\u001bb"])
def test_a_value_that_would_break_the_page_for_operators_is_refused(value: str) -> None:
    (problem,) = problems_of(CATALOGUE.replace('"green"', f'"{value}"'))
    assert "[events.tea_made.properties.sort.values]" in problem


def test_a_digest_about_the_instance_is_refused_since_it_would_never_be_sent() -> None:
    (problem,) = problems_of(CATALOGUE + '[context.site]\ntype = "digest"\n')
    assert "[context.site.type]: a fact about the instance cannot be a digest" in problem


@pytest.mark.parametrize("name", ["app_version", "instance_kind", "catalogue", "sdk"])
def test_a_property_that_the_posthog_wire_would_overwrite_is_refused(name: str) -> None:
    (problem,) = problems_of(CATALOGUE + f'[events.tea_made.properties.{name}]\ntype = "flag"\n')
    assert f"[events.tea_made.properties.{name}]" in problem


def test_a_fact_that_the_wire_would_overwrite_is_refused() -> None:
    facts = '[context.sdk]\ntype = "flag"\n[context.count]\ntype = "flag"\n'
    assert len(problems_of(CATALOGUE + facts)) == 2


@pytest.mark.parametrize(
    "address",
    ["me:word@kettle.example", "kettle.example?a=b", "kettle.example/#a", "kettle.example?", "a b.example"],
)
def test_an_address_is_host_and_path_alone_and_a_password_is_not_repeated(address: str) -> None:
    (problem,) = problems_of(CATALOGUE.replace("telemetry.kettle.example", address))
    assert "[product.endpoint]: has a user name" in problem
    assert "word" not in problem


def test_half_a_character_is_refused_in_prose() -> None:
    spoilt = json.loads(loads(CATALOGUE).to_json())
    spoilt["events"]["tea_made"]["why"] = "\ud800"
    with pytest.raises(CatalogueError, match="half a character"):
        loads(json.dumps(spoilt), source="telemetry.json")


class Twin(str):
    """Equal to a declared value, and more than it."""

    __slots__ = ("secret",)


class Liar:
    """No text, and says that it is one."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return str

    def __hash__(self) -> int:
        return hash("green")

    def __eq__(self, other: object) -> bool:
        return True


@pytest.mark.parametrize("kind", ["choice", "choices"])
def test_a_twin_of_a_declared_value_is_never_sent_itself(kind: str) -> None:
    check = coarsener(Property("sort", kind, values=("green",)))
    liar: object = Liar()
    assert isinstance(liar, str)
    assert check([liar] if kind == "choices" else liar) is INVALID
    sent = check([Twin("green")] if kind == "choices" else Twin("green"))
    first = sent[0] if isinstance(sent, list) else sent
    assert first == "green"
    assert type(first) is str
