"""What holds for all tests of the SDK."""

from __future__ import annotations

import pytest
from windrow.state import _file


@pytest.fixture(autouse=True)
def not_in_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind of a state must not depend on where the tests run."""
    monkeypatch.setattr(_file, "_IN_CONTAINER", ())
