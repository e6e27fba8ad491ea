"""The one place that decides whether anything may be sent. It names the lever, and fails closed."""

from __future__ import annotations

from windrow._settings import NO, YES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from windrow.catalogue import Product

    Config = Mapping[str, Any] | Callable[[], Mapping[str, Any] | bool] | None

#: The levers in the order in which they are asked, and what each means.
LEVERS = (
    ("catalogue", "The catalogue cannot be used, so nothing is known that may be sent."),
    (
        "{PRODUCT}_TELEMETRY_DISABLED",
        "`1`, `true`, `yes` or `on`; anything that is not plainly a no counts as a yes.",
    ),
    ("DO_NOT_TRACK", "The same, for all products on the machine."),
    ("config", "`telemetry: false` in the product's own configuration; also when that cannot be read."),
    ("state", "What the instance remembers is there and cannot be read."),
    ("closed", "The product has called `close()`."),
    ("default", "No lever is set: telemetry is on."),
)


class Decision:
    """Whether telemetry is on, which lever decided, and the value it had. `debug`: show, do not send."""

    __slots__ = ("debug", "enabled", "lever", "value")

    def __init__(self, enabled: bool, lever: str, value: str, debug: bool = False) -> None:
        self.enabled = enabled
        self.lever = lever
        self.value = value
        self.debug = debug


def decide(product: Product, environ: Mapping[str, str], config: Config) -> Decision:
    """Ask each lever in turn; the first that says no decides. Never raises."""
    debug = _said(environ, product.env("DEBUG")).strip().lower() not in NO
    for lever in (product.env("DISABLED"), "DO_NOT_TRACK"):
        value = _said(environ, lever)
        if value.strip().lower() not in NO:
            return Decision(False, lever, value, debug)
    allowed, value = _configured(config)
    if not allowed:
        return Decision(False, "config", value, debug)
    return Decision(True, "default", "", debug)


def _said(environ: Mapping[str, str], name: str) -> str:
    try:
        return str(environ.get(name, ""))
    except Exception as error:  # an environment of the product's own making: what cannot be read is a yes
        return type(error).__name__


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
