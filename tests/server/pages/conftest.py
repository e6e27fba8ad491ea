"""The pages over a real store process with the small fleet, on the fleet's own day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from windrow_server.store import Store

from tests.support.fleet import TODAY, fleet_in_a_store
from tests.support.pages import running_pages

NOON = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC).timestamp()


class Clock:
    """A clock that a test may set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def fleet_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with fleet_in_a_store(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pages(fleet_store: Store, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_pages(tmp_path_factory.mktemp("pages"), fleet_store, clock) as url:
        yield url
