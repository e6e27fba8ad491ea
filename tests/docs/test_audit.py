"""The client stays short enough to be read, and the page that leads through it names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.source import SDK, catalogue, client, lines

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")


def test_the_client_is_short_enough_to_be_read_in_an_hour() -> None:
    assert sum(map(lines, client())) < 3000
    assert sum(map(lines, catalogue())) < 800
    assert all(len(path.read_text("utf-8").splitlines()) < 420 for path in client())


def test_the_functions_and_greps_that_the_page_names_are_there() -> None:
    source = {path.name: path.read_text("utf-8") for path in SDK.rglob("*.py")}
    for function, module in re.findall(r"`(\w+)\(\)`[^\n`]*\[`(?:[\w/]+/)?(\w+\.py)`\]", PAGE):
        assert f"def {function}(" in source[module], f"{function} is not in {module}"
    everything = "\n".join(source.values())
    for function in re.findall(r"`(?:\w+\.)?(\w+)\(\)`", PAGE):
        assert f"def {function}(" in everything, f"the page names {function}, which is nowhere"


def test_the_client_asks_the_machine_for_nothing_about_itself() -> None:
    asked = re.compile(r"gethostname|getuser|getnode|machine-id|getfqdn|platform\.|uname")
    found = [path.name for path in SDK.rglob("*.py") if asked.search(path.read_text("utf-8"))]
    assert found == []
