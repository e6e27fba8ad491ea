"""What the tests of the operator's commands begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import products
from tests.support.keeper import Keeper, keeping


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a product's catalogue."""
    products.write_catalogue(tmp_path)
    return tmp_path


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    """A collector that holds, shows and erases."""
    with keeping() as collector:
        yield collector
