"""The reference names all that there is to name."""

from __future__ import annotations

import re
from pathlib import Path

from windrow.catalogue import _declarations

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "catalogue.md"


def test_the_page_on_the_catalogue_names_every_field_and_no_other() -> None:
    tables = (
        PAGE.read_text("utf-8").partition("## The tables of the file")[2].partition("## Property types")[0]
    )
    rows = [
        line.split("|")[1]
        for line in tables.splitlines()
        if line.startswith("| `") and not line.startswith("| `[")
    ]
    named = sorted(name for row in rows for name in re.findall(r"`(\w+)`", row))
    known = (_declarations._PRODUCT_KEYS, _declarations._EVENT_KEYS, _declarations._PROPERTY_KEYS)
    assert named == sorted(key for keys in known for key in keys)
