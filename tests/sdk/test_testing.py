"""What a product's own tests use: the capture, its assertions, and the plugin of pytest."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from windrow import CatalogueWarning, Telemetry
from windrow.catalogue import loads
from windrow.testing import Capture, capture
from windrow.tools.docs import telemetry_md

from tests.support.products import CATALOGUE, write_catalogue

pytest_plugins = ["pytester"]

PRODUCT = '''
"""A small product."""
from pathlib import Path
from windrow import Telemetry

class Kettle:
    def __init__(self, config=None):
        catalogue = Path(__file__).with_name("telemetry.toml")
        self.telemetry = Telemetry(catalogue, app_version="1.2.3", config=config, state=None)
        self.telemetry.snapshot("shelf")(lambda: {"sorts": 3})
        self.telemetry.track("tea_made", {"sort": "green"})

    def make(self, sort, cups):
        self.telemetry.count("boiled")
        self.telemetry.track("tea_made", {"sort": sort, "cups": cups})

    def show(self):
        self.telemetry.track("page_view", {"route": "/teas/5"})
'''
PAGE = telemetry_md(loads(CATALOGUE))


class Product:
    """What a test of the product starts: one `Telemetry`, made in the test."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.telemetry = Telemetry(write_catalogue(folder), app_version="1.2.3", **options)
        self.telemetry.snapshot("shelf")(lambda: {"sorts": 3})

    def make_tea(self) -> None:
        self.telemetry.count("boiled", 11)
        self.telemetry.track("tea_made", {"sort": "grandmother's", "cups": 5})


def names(captured: Capture) -> list[str]:
    return [event["name"] for event in captured.events]


def test_what_the_product_sends_is_captured_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("CI", "DO_NOT_TRACK", "KETTLE_TELEMETRY_DISABLED", "KETTLE_TELEMETRY_DEBUG"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("KETTLE_TELEMETRY_DIR", str(tmp_path / "state"))
    with capture() as captured:
        Product(tmp_path).make_tea()
        (tea,) = captured.events_named("tea_made")
        assert tea["properties"] == {"sort": "other", "cups": "1-9"}
        assert captured.batches[0]["context"] == {"app_version": "1.2.3"}
        assert captured.batches[0]["instance_kind"] == "ephemeral"
        assert captured.dropped == {}
    assert capsys.readouterr() == ("", "")
    assert not (tmp_path / "state").exists()


def test_counters_and_snapshots_are_sent_when_they_are_asked_for(tmp_path: Path) -> None:
    with capture() as captured:
        Product(tmp_path).make_tea()
        assert [event["properties"] for event in captured.events_named("boiled")] == [{"count": "10-99"}]
        assert [event["properties"] for event in captured.events_named("shelf")] == [{"sorts": "1-9"}]
        assert len(captured.events_named("boiled")) == 1


def test_what_was_cleared_does_not_come_back(tmp_path: Path) -> None:
    with capture() as captured:
        product = Product(tmp_path)
        product.make_tea()
        captured.clear()
        assert captured.events == []
        product.telemetry.track("page_view", {"route": "/"})
        assert names(captured) == ["page_view"]


def test_losses_are_told_and_a_name_that_is_not_declared_is_no_empty_list(tmp_path: Path) -> None:
    with capture() as captured:
        Product(tmp_path).telemetry.track("tea_mad")
        assert captured.dropped == {"undeclared_event": 1}
        with pytest.raises(AssertionError, match="Did you mean 'tea_made'"):
            captured.events_named("tea_mad")


def test_the_products_own_configuration_still_switches_it_off(tmp_path: Path) -> None:
    with capture() as captured:
        Product(tmp_path, config={"telemetry": False}).make_tea()
        assert captured.events == []


def test_no_thread_is_left_and_the_next_telemetry_is_an_ordinary_one(tmp_path: Path) -> None:
    before, others = Telemetry.__init__, set(threading.enumerate())
    with capture():
        products = [Product(tmp_path) for _ in range(3)]
        assert any(thread.name == "windrow" for thread in set(threading.enumerate()) - others)
    assert not any(thread.name == "windrow" for thread in set(threading.enumerate()) - others)
    assert Telemetry.__init__ is before
    assert all(product.telemetry.status().lever == "closed" for product in products)
    assert Product(tmp_path).telemetry.status().lever in ("ci", "test_runner")


def test_of_two_captures_the_inner_one_takes_all(tmp_path: Path) -> None:
    with capture() as outer:
        with capture() as inner:
            Product(tmp_path).make_tea()
            assert "tea_made" in names(inner)
        Product(tmp_path).telemetry.track("page_view")
        assert "page_view" in names(outer)
        assert "tea_made" not in names(outer)


def test_what_a_closed_telemetry_has_sent_is_there(tmp_path: Path) -> None:
    with capture() as captured:
        product = Product(tmp_path)
        product.make_tea()
        product.telemetry.close(5)
        assert "tea_made" in names(captured)


# ---- the page ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sink", ["collector", "posthog"])
def test_the_page_that_windrow_writes_is_true(sink: str, tmp_path: Path) -> None:
    catalogue = loads(CATALOGUE.replace("contact =", f'sink = "{sink}"\ncontact ='))
    page = tmp_path / "TELEMETRY.md"
    page.write_text(telemetry_md(catalogue))
    with capture() as captured:
        telemetry = Telemetry(catalogue, app_version="1.2.3")
        telemetry.track("tea_made", {"sort": "green", "blend": "x"})
        telemetry.track("tea_mad")
        telemetry.count("boiled")
        captured.assert_documented(page)
        captured.assert_documented(str(page))
        captured.assert_documented(page.read_text())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("### `tea_made`", "### tea made", "the event 'tea_made' was sent, and the page does not name it"),
        ("| `cups` |", "| cups |", "'cups' of the event 'tea_made' was sent, and the page does not name it"),
        (
            "| `app_version` |",
            "| version |",
            "the fact 'app_version' was sent, and the page does not name it",
        ),
        (
            "| `batch_id` |",
            "| id |",
            "every batch has the field 'batch_id', and the page does not explain it",
        ),
        ("### `tea_made`", "### `tea_drunk`", "the page names the event 'tea_drunk', which the catalogue"),
        ("| `cups` |", "| `pots` |", "the page names 'pots' of the event 'tea_made', which the catalogue"),
        ("| `app_version` |", "| `os` |", "the page names the fact 'os', which the catalogue does not"),
        ("A pot of tea", "A can of tea", "is 'A can of tea"),
        ("| The sort.", "| The kind.", "and should be '| `sort` | The sort."),
    ],
)
def test_a_page_that_is_not_true_is_told_what_is_wrong_and_what_to_do(
    old: str, new: str, problem: str, tmp_path: Path
) -> None:
    assert old in PAGE
    page = tmp_path / "TELEMETRY.md"
    page.write_text(PAGE.replace(old, new))
    with capture() as captured:
        Product(tmp_path).make_tea()
        with pytest.raises(AssertionError) as caught:
            captured.assert_documented(page)
    message = str(caught.value)
    assert message.startswith(f"{page} is not true:\n")
    assert problem in message
    assert message.endswith(f"Write it anew: windrow docs CATALOGUE -o {page}")


def test_without_a_page_or_a_telemetry_it_says_so(tmp_path: Path) -> None:
    with capture() as captured:
        with pytest.raises(AssertionError, match="No Telemetry with a sound catalogue was made"):
            captured.assert_documented(PAGE)
        with pytest.raises(AssertionError, match="No Telemetry with a sound catalogue was made"):
            captured.assert_all_emitted()
        with pytest.warns(CatalogueWarning):
            Telemetry(tmp_path / "nothing.toml")
        with pytest.raises(AssertionError, match="No Telemetry with a sound catalogue was made"):
            captured.assert_documented(PAGE)
        Product(tmp_path)
        with pytest.raises(AssertionError, match="is not there"):
            captured.assert_documented(tmp_path / "TELEMETRY.md")


def test_events_that_nothing_has_sent_are_named(tmp_path: Path) -> None:
    with capture() as captured:
        product = Product(tmp_path)
        product.telemetry.track("tea_made")
        with pytest.raises(AssertionError, match="Nothing has sent:\n  - boiled\n  - page_view\n"):
            captured.assert_all_emitted()
        captured.clear()
        product.telemetry.count("boiled")
        captured.assert_all_emitted(but=["page_view"])


# ---- the plugin --------------------------------------------------------------------------------------


@pytest.fixture
def product(pytester: pytest.Pytester) -> pytest.Pytester:
    """A product with tests of its own, in a process of its own."""
    write_catalogue(pytester.path)
    pytester.makepyfile(kettle=PRODUCT)
    (pytester.path / "TELEMETRY.md").write_text(PAGE)
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = -p no:randomly --strict-config")
    return pytester


def run(product: pytest.Pytester, *options: str) -> pytest.RunResult:
    return product.runpytest_subprocess(*options, timeout=60)


def test_a_product_tests_its_telemetry_with_the_fixture(product: pytest.Pytester) -> None:
    product.makepyfile(
        """
        import threading
        from kettle import Kettle

        def test_tea(telemetry_capture):
            Kettle().make("black", 12)
            assert telemetry_capture.events_named("tea_made")[1]["properties"] == {"sort": "black", "cups": "10+"}
            telemetry_capture.assert_documented("TELEMETRY.md")

        def test_the_thread_has_ended():
            assert not any(thread.name == "windrow" for thread in threading.enumerate())

        def test_each_test_has_its_own(telemetry_capture):
            Kettle()
            assert len(telemetry_capture.events_named("tea_made")) == 1

        def test_without_it_nothing_is_sent():
            assert Kettle().telemetry.status().lever in ("ci", "test_runner")
        """
    )
    run(product).assert_outcomes(passed=4)


def test_a_page_that_is_not_true_fails_the_products_test(product: pytest.Pytester) -> None:
    (product.path / "TELEMETRY.md").write_text(PAGE.replace("### `tea_made`", "### tea"))
    product.makepyfile(
        """
        from kettle import Kettle

        def test_page(telemetry_capture):
            Kettle()
            telemetry_capture.assert_documented("TELEMETRY.md")
        """
    )
    done = run(product)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*TELEMETRY.md is not true:*", "*the event 'tea_made' was sent*"])


def test_a_run_without_the_fixture_imports_no_client(product: pytest.Pytester) -> None:
    product.makepyfile(
        """
        import sys

        def test_light():
            assert "windrow.pytest_plugin" in sys.modules
            loaded = {name for name in sys.modules if name.startswith("windrow")}
            assert loaded == {"windrow", "windrow.pytest_plugin"}
        """
    )
    run(product).assert_outcomes(passed=1)


def test_the_plugin_can_be_left_out(product: pytest.Pytester) -> None:
    product.makepyfile("def test_it(telemetry_capture): ...")
    done = run(product, "-p", "no:windrow")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*fixture 'telemetry_capture' not found*"])


def test_events_that_no_test_has_sent_fail_the_run_when_asked(product: pytest.Pytester) -> None:
    product.makepyfile(
        """
        from kettle import Kettle

        def test_tea(telemetry_capture):
            Kettle().make("black", 12)

        def test_nothing(telemetry_capture):
            Kettle()
        """
    )
    assert run(product).ret == 0
    done = run(product, "--telemetry-all-emitted")
    assert done.ret == 1
    done.stdout.fnmatch_lines(["*telemetry that no test has sent*", "page_view", "Test what sends them*"])
    product.makepyfile(
        test_page="""
        from kettle import Kettle

        def test_page(telemetry_capture):
            Kettle().show()
        """
    )
    assert run(product, "--telemetry-all-emitted").ret == 0
