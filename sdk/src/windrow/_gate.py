"""The one place that decides whether anything may be sent. It names the lever, and fails closed."""

from __future__ import annotations

import os
import sys

from windrow._settings import NO, YES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from windrow.catalogue import Product
    from windrow.state import State

    Config = Mapping[str, Any] | Callable[[], Mapping[str, Any] | bool] | None

#: The levers in the order in which they are asked, and what each means. `spec/levers.json` is the same table.
LEVERS = (
    ("catalogue", "The catalogue cannot be used, so nothing is known that may be sent."),
    (
        "{PRODUCT}_TELEMETRY_DISABLED",
        "`1`, `true`, `yes` or `on`; anything that is not plainly a no counts as a yes.",
    ),
    ("DO_NOT_TRACK", "The same, for all products on the machine."),
    ("ci", "A variable that a CI service sets, unless it says no: such an instance lives for minutes."),
    ("test_runner", "The product runs under pytest, unittest, tox, nox or a test runner of Node."),
    ("config", "`telemetry: false` in the product's own configuration; also when that cannot be read."),
    (
        "machine",
        "`telemetry = off` in `/etc/windrow/<product>.conf` or `/etc/windrow/all.conf`, for packagers and "
        "administrators; also when such a file cannot be read, is not understood, or belongs to another account.",
    ),
    ("operator", "`windrow off`; also when what is remembered of that cannot be understood."),
    ("collector", "The maintainers have stopped telemetry for a time, by a reply of their collector."),
    ("state", "What the instance remembers is there and cannot be read."),
    ("closed", "The product has called `close()`."),
    ("default", "No lever is set: telemetry is on."),
)
#: Variables of CI services. Those that are also set where products run for good are left out.
CI = (
    *("CI", "CONTINUOUS_INTEGRATION", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "HUDSON_URL", "TRAVIS"),
    *("CIRCLECI", "BUILDKITE", "DRONE", "WOODPECKER", "APPVEYOR", "TF_BUILD", "TEAMCITY_VERSION"),
    *("BITBUCKET_BUILD_NUMBER", "CODEBUILD_BUILD_ARN", "SEMAPHORE", "CIRRUS_CI", "BITRISE_IO", "CF_BUILD_ID"),
    *("HEROKU_TEST_RUN_ID", "GO_PIPELINE_NAME", "bamboo_planKey", "BUDDY_WORKSPACE_ID", "PROW_JOB_ID"),
    *("SCREWDRIVER", "SHIPPABLE", "STRIDER", "NEVERCODE", "MAGNUM", "SAIL_CI", "DSARI", "LAYERCI", "WERCKER"),
    *("HARNESS_BUILD_ID", "EAS_BUILD", "CI_XCODE_PROJECT", "XCS", "AGOLA_GIT_REF", "GERRIT_PROJECT"),
    *("AC_APPCIRCLE", "EARTHLY_CI", "ZUUL_UUID", "CODEMAGIC_ID", "CODESHIP", "RELEASE_BUILD_ID", "VELA"),
)
TEST_RUNNERS = (
    *("PYTEST_VERSION", "PYTEST_CURRENT_TEST", "TOX_ENV_NAME", "NOX_CURRENT_SESSION"),
    *("VITEST", "JEST_WORKER_ID", "NODE_TEST_CONTEXT"),
)
_RUNNING_TESTS = ("pytest", "pytest.__main__", "unittest.__main__", "nose2.__main__")
_LARGEST_FILE = 4096
_LONGEST_STOP = 366 * 86_400


class Decision:
    """Whether telemetry is on, which lever decided, its value, and where that stands. `debug`: show, do not send."""

    __slots__ = ("debug", "enabled", "lever", "place", "value")

    def __init__(
        self, enabled: bool, lever: str, value: str, debug: bool = False, *, place: str = ""
    ) -> None:
        self.enabled = enabled
        self.lever = lever
        self.value = value
        self.debug = debug
        self.place = place


def decide(product: Product, environ: Mapping[str, str], config: Config) -> Decision:
    """Ask each lever that stands outside of the state in turn; the first that says no decides. Never raises."""
    debug = _says_yes(environ, product.env("DEBUG"))
    for lever in (product.env("DISABLED"), "DO_NOT_TRACK"):
        if _says_yes(environ, lever):
            return Decision(False, lever, _said(environ, lever), debug, place="environment")
    for lever, variables in (("ci", CI), ("test_runner", TEST_RUNNERS)):
        for name in variables:
            if _says_yes(environ, name):
                return Decision(
                    False, lever, f"{name}={_said(environ, name)[:40]}", debug, place="environment"
                )
    if environ is os.environ and (command := _test_command()):
        return Decision(False, "test_runner", command, debug, place="this process")
    allowed, value = _configured(config)
    if not allowed:
        return Decision(False, "config", value, debug, place="the product's configuration")
    for name in (product.name, "all"):
        path = os.path.join(_machine_folder(environ), f"{name}.conf")
        said = _said_in_file(path)
        if said is not None and said not in YES:
            return Decision(False, "machine", said, debug, place=path)
    return Decision(True, "default", "", debug)


def remembered(state: State, now: float) -> Decision | None:
    """What the instance remembers: the operator's no, or the collector's stop; None: neither. Raises `StateError`."""
    consent = state.get("consent")
    if consent is not None and consent.partition(" ")[0] != "on":
        return Decision(False, "operator", consent.partition(" ")[0][:20], place=place_of(state))
    stop = state.get("stop")
    if stop is None:
        return None
    # Above a year ahead it was written by a clock that was wrong.
    ends = float(stop) if stop.isdecimal() and len(stop) < 16 else now
    if now < ends <= now + _LONGEST_STOP or not stop.isdecimal():
        return Decision(False, "collector", stop[:20], place=place_of(state))
    return None


def place_of(state: State) -> str:
    """Where a state is, in words that are safe to show."""
    if folder := getattr(state, "folder", ""):
        return str(folder)
    return "the product's database" if state.kind == "database" else "memory"


def _said(environ: Mapping[str, str], name: str) -> str:
    try:
        return str(environ.get(name, ""))
    except Exception as error:  # an environment of the product's own making: what cannot be read is a yes
        return type(error).__name__


def _says_yes(environ: Mapping[str, str], name: str) -> bool:
    return _said(environ, name).strip().lower() not in NO


def _test_command() -> str:
    main = sys.modules.get("__main__")
    name = getattr(getattr(main, "__spec__", None), "name", "")
    script = os.path.basename(sys.argv[0]) if sys.argv else ""
    if name in _RUNNING_TESTS or script in ("pytest", "py.test", "nose2"):
        return str(name or script)
    return "manage.py test" if script == "manage.py" and sys.argv[1:2] == ["test"] else ""


def _configured(config: Config) -> tuple[bool, str]:
    """What the product's configuration says; a section `telemetry: {enabled: false}` counts too."""
    try:
        found: Any = config() if callable(config) else config
        if found is None:
            # A callable that finds nothing has failed; a product without configuration has not.
            return (not callable(config)), "None"
        if not isinstance(found, bool):
            found = found.get("telemetry", True)
        if hasattr(found, "get"):
            found = found.get("enabled", True)
    except (Exception, SystemExit) as error:  # SystemExit would end the flusher without a word
        return False, type(error).__name__
    if isinstance(found, str):
        return found.strip().lower() in YES, repr(found)
    return found is True or (type(found) is int and found == 1), repr(found)


def _machine_folder(environ: Mapping[str, str]) -> str:
    if chosen := _said(environ, "WINDROW_ETC"):
        return chosen
    if os.name == "nt":
        return os.path.join(_said(environ, "PROGRAMDATA") or r"C:\ProgramData", "windrow")
    return "/etc/windrow"


def _said_in_file(path: str) -> str | None:
    """The word after `telemetry =`, in lower case; None where there is no file. What is not understood is no yes."""
    try:
        owner = os.stat(path).st_uid
        if hasattr(os, "geteuid") and owner not in (0, os.geteuid()):
            return "belongs to another account"
        with open(path, "rb") as file:
            text = file.read(_LARGEST_FILE + 1).decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        return f"cannot be read: {type(error).__name__}"
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    match [line for line in lines if line]:
        case [line] if line.partition("=")[0].strip() == "telemetry" and len(text) <= _LARGEST_FILE:
            return line.partition("=")[2].strip().strip("\"'").lower() or "not understood"
    return "not understood"
