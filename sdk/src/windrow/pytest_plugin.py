"""What pytest finds of Windrow: one fixture and one option. The client is not imported before either is used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from windrow.testing import Capture

_SEEN = pytest.StashKey[dict[str, bool]]()  # each declared event, and whether a test has sent it


@pytest.fixture
def telemetry_capture(request: pytest.FixtureRequest) -> Iterator[Capture]:
    """What the product would send in this test: `windrow.testing.Capture`."""
    from windrow.testing import capture

    with capture() as captured:
        yield captured
        if request.config.getoption("--telemetry-all-emitted"):
            seen = request.config.stash.setdefault(_SEEN, {})
            for event, sent in captured.seen().items():
                seen[event] = sent or seen.get(event, False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--telemetry-all-emitted`."""
    group = parser.getgroup("windrow", "product telemetry")
    group.addoption(
        "--telemetry-all-emitted",
        action="store_true",
        help="fail at the end if no test with telemetry_capture has sent some declared event",
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand over what this process has seen, or judge what all have."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["windrow"] = session.config.stash.get(_SEEN, {})
    elif _never_sent(session.config) and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the events that no test has sent."""
    if missing := _never_sent(terminalreporter.config):
        terminalreporter.section("telemetry that no test has sent", red=True, bold=True)
        terminalreporter.line(", ".join(missing))
        terminalreporter.line("Test what sends them, or take them out of the catalogue.")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist has seen."""
    seen = node.config.stash.setdefault(_SEEN, {})
    for event, sent in getattr(node, "workeroutput", {}).get("windrow", {}).items():
        seen[event] = sent or seen.get(event, False)


def _never_sent(config: pytest.Config) -> list[str]:
    if not config.getoption("--telemetry-all-emitted"):
        return []
    return [event for event, sent in config.stash.get(_SEEN, {}).items() if not sent]
