"""What holds for all tests of the SDK, and the servers that they share, started when a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from windrow.state import _file

from tests.support.databases import MariaDB, PostgreSQL, Server, running


@pytest.fixture(autouse=True)
def not_in_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind of a state must not depend on where the tests run."""
    monkeypatch.setattr(_file, "_IN_CONTAINER", ())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL of the tests' own."""
    with running(PostgreSQL) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """A MariaDB of the tests' own."""
    with running(MariaDB) as server:
        yield server
