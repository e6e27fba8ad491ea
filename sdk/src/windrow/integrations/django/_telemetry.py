"""The process's `Telemetry`, made by the settings when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import connections

from windrow import Telemetry
from windrow.integrations.django.state import DjangoState

#: What `WINDROW` may have, and what each means.
KEYS = (
    ("CATALOGUE", "The path of the catalogue. Nothing is sent without it."),
    ("APP_VERSION", "The product's release."),
    ("CONTEXT", "The other facts that are sent once a batch, as a dictionary."),
    ("TELEMETRY", "`False` switches telemetry off."),
    ("MIGRATIONS", "The apps whose migrations are told; without it all."),
    ("SINK", "Where batches go, in place of what the catalogue says."),
    ("STATE", "Where the instance remembers, in place of the product's database."),
    ("NOTICE", "A function that shows the notice, in place of standard error."),
)
_NOT_FOR_TELEMETRY = ("TELEMETRY", "MIGRATIONS")

Provider = TypeVar("Provider", bound=Callable[[], Mapping[str, object]])

_made: dict[str, Telemetry] = {}


def configured() -> dict[str, Any]:
    """The setting `WINDROW`; empty where there is none."""
    return dict(getattr(settings, "WINDROW", {}))


def current() -> Telemetry:
    """This process's `Telemetry`. Threads that ask for the first one at once get the same."""
    # Without a lock, which another thread might hold at a fork; of two that were made, one has not begun anything.
    return _made.get("telemetry") or _made.setdefault("telemetry", Telemetry(**options()))


def close() -> None:
    """Close it, if there is one."""
    if made := _made.get("telemetry"):
        made.close()


def forget(*, setting: str = "", **_: Any) -> None:
    """Close it, and make another when asked again: for tests that change the settings."""
    if setting == "WINDROW":
        close()
        _made.clear()


def options() -> dict[str, Any]:
    """What `Telemetry` is made with."""
    given = configured()
    names = [name for name, _ in KEYS if name in given and name not in _NOT_FOR_TELEMETRY]
    named = {name.lower(): given[name] for name in names}
    return {"catalogue": "", "config": _config, "state": DjangoState(), **named}


def _config() -> dict[str, Any]:
    return {"telemetry": configured().get("TELEMETRY", True)}


class _Lazy:
    def snapshot(self, event: str) -> Callable[[Provider], Provider]:
        register = current().snapshot(event)
        if callable(event):  # written without the event's name
            return register

        def decorate(provider: Provider) -> Provider:
            register(_leaving_no_connection(provider))
            return provider

        return decorate

    def __getattr__(self, name: str) -> Any:
        return getattr(current(), name)


def _leaving_no_connection(
    provider: Callable[[], Mapping[str, object]],
) -> Callable[[], Mapping[str, object]]:
    """Close what it opened: the flusher's thread has no requests, after which Django looks after its connections."""

    def ask() -> Mapping[str, object]:
        open_before = {c.alias for c in connections.all(initialized_only=True) if c.connection is not None}
        try:
            return provider()
        finally:
            for connection in connections.all(initialized_only=True):
                if connection.alias not in open_before:
                    connection.close()

    return ask


#: The process's `Telemetry`, made on first use, so that settings are read late and a fork finds nothing begun.
telemetry = cast("Telemetry", _Lazy())
