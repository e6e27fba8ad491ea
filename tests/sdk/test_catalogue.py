"""Catalogues: what is refused, how it is said, and what the digest means."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from windrow.catalogue import lint, load, loads
from windrow.errors import CatalogueError

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
    ],
    ids=range(9),
)
@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_whatever_a_file_holds_the_answer_is_a_catalogue_error(content: bytes, suffix: str) -> None:
    with pytest.raises(CatalogueError):
        loads(content, source=f"telemetry.{suffix}")


def test_what_is_no_file_is_said_so(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * 3_000_000)
    for path in (tmp_path, tmp_path / "missing.toml", large):
        with pytest.raises(CatalogueError):
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


@pytest.mark.parametrize("pattern", ["/etc/*", "../*.py", "nothing/*.py", ""])
def test_names_come_from_below_the_catalogue_only(pattern: str, tmp_path: Path) -> None:
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
