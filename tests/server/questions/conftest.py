"""The store of the questions: a real store process, filled with the small fleet once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from windrow_server.store import Store

from tests.support.fleet import fleet_in_a_store


@pytest.fixture(scope="session")
def fleet_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with fleet_in_a_store(tmp_path_factory.mktemp("store")) as store:
        yield store
