"""What the loader's tests begin with: a real store and a real inbox."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from windrow_server.inbox import Inbox
from windrow_server.store import Store
from windrow_server.store.spawn import spawned


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a store process of the file's own."""
    with spawned(tmp_path_factory.mktemp("store")) as address:
        yield address


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store: a database of its own in the store process."""
    opened = Store.connect(url.replace("/windrow", f"/t{uuid.uuid4().hex}"))
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    """An empty inbox."""
    opened = Inbox(tmp_path)
    yield opened
    opened.close()
